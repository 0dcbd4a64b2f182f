# ruff: noqa: E501, SIM905
"""The words that generated programs are written with: identifiers, strings and the values in them."""

from __future__ import annotations

import keyword
import random
import string

NOUNS = (
    "account action address agent alert amount angle answer apple area arrow asset author badge bag balance band bank "
    "barrel basket batch beacon bean bike bill bin bird block board boat bonus book border bottle bound box branch "
    "bread brick bridge bucket budget buffer bundle bus button buyer cable cache cake camera card cargo cart case cell "
    "chain chair change channel chapter charge chart chunk circle city clause clerk client clock cloud cluster coach "
    "code coin color column comment company contract cookie copy corner cost counter country coupon course cover crate "
    "credit crew crop currency customer cycle day deal debt deck degree delay delta deposit depth desk detail device "
    "digit discount dish distance document dog domain door draft driver drop duration edge egg element email employee "
    "engine entry episode error event exam expense factor farm feature fee field figure file filter fish flag flight "
    "floor flow folder form frame friend fruit fuel gain game gap garden gate gift goal grade grain graph grid group "
    "guest guide height hero hint hotel hour house image index inning insect interval invoice island item job joint "
    "journey judge juice key kitchen label ladder lake lamp layer leader leaf ledger length lesson letter level license "
    "limit line link list_item loan location lock log loop lot machine mail map margin mark market mask match meal "
    "member memo menu message meter mile mineral minute mode model moment month motor mountain mouse movie name nest "
    "network node note number offer office option orange order origin owner page pair panel parcel part passenger patch "
    "path patient pattern payment peak pen period person phone photo phrase piece pilot pixel place plan planet plant "
    "plate player point policy pool port position post pot price prize probe product profile project pulse purchase "
    "queue quiz quote race rack rain range rank rate ratio reading receipt recipe record region rental report request "
    "result review reward rider ring river road robot role roll room root round route row rule salary sale sample scale "
    "scene school score screen season seat second section segment seller sensor sentence server service session shape "
    "share shelf shift ship shoe shop side signal site size skill slot song sound source span speed spot stack staff "
    "stage star state station step stock stop store story stream street student style subject sum_part supply table tag "
    "target task tax team term test text theme thread ticket tile time title token tool topic total tower town track "
    "trade trail train transfer tree trip truck type unit user vehicle vendor venue version video village visit visitor "
    "voice vote voucher wage walk wall warehouse water wave week weight wheel width window wire word worker year zone"
).split()
ADJECTIVES = (
    "active average best big blank bright broken busy central cheap clean clear closed common cold current daily dark "
    "deep default double dry early empty even extra fast final first fixed flat free fresh full good green hard heavy "
    "hidden high hot idle inner known large last late left light local long lost lower main max merged min missing mixed "
    "new next normal odd old open outer padded past pending plain previous public quick rare raw ready recent red rich "
    "right rough round running safe second seen sharp short simple single slow small smooth soft solid sorted special "
    "split steady strong sub sunny temp third tiny top total unique upper used valid visible warm weak wet whole wide"
).split()
VERBS = (
    "add adjust allocate append apply assign balance build calculate change check choose classify clean clear collapse "
    "collect combine compare compress compute convert copy count create cut decode decrease describe detect drop encode "
    "evaluate expand extract fetch fill filter find fix flatten fold format gather generate get group handle has hide "
    "increase insert inspect invert is_valid join label limit list load locate lookup make map mark match measure merge "
    "move normalize order pack pad parse partition pick place prepare process produce rank reduce remove rename repeat "
    "replace reset resolve reverse rotate round_off run sanitize scale scan score search select shift shorten show "
    "simplify skip solve sort split squash strip sum swap take tally to_text toggle total transform translate trim unpack "
    "update validate verify walk wrap zip_up"
).split()
PEOPLE = (
    "Ada Adam Aisha Alan Alice Amir Ana Anders Anna Arun Ben Bianca Bob Carla Chen Clara Dan Dana David Dora Ed Elena "
    "Emil Eva Farid Finn Fiona Gina Grace Hana Hugo Ida Igor Ines Ivan Jack Jane Jin John Jonas Julia Kai Karl Kate Kim "
    "Lara Lena Leo Li Lin Liu Luis Mara Marco Maria Max Mei Mia Mona Nadia Nils Nina Noah Nora Olga Omar Oscar Otto Paul "
    "Petra Priya Quinn Rami Rita Rosa Sam Sara Sofia Sven Tara Tom Uma Vera Wei Yara Yuki Zoe"
).split()
THINGS = (
    "apple banana cherry grape lemon mango melon orange peach pear plum kiwi fig lime berry red green blue yellow black "
    "white pink purple cat dog bird fish horse cow sheep goat duck mouse lion tiger bear wolf fox hello world python java "
    "code test data file open close start stop yes no on off low mid high left right up down north south east west spring "
    "summer autumn winter monday tuesday friday sunday paris london berlin tokyo rome oslo lima cairo delhi milk bread "
    "cheese rice sugar salt tea coffee soup cake paper pencil book lamp chair table door window car bus train plane boat "
    "bike iron gold silver copper wood stone glass water fire earth wind sun moon star sky cloud rain snow ice sand leaf "
    "admin guest user root error warning info debug pending done failed new old ready small medium large alpha beta gamma "
    "delta omega foo bar baz qux spam eggs level radar madam noon civic banana mississippi aab abcabc xyz zebra"
).split()
SENTENCES = (
    "the quick brown fox", "hello world", "a b c d", "to be or not to be", "one two three", "lorem ipsum dolor sit amet",
    "Hello, World!", "practice makes perfect", "the cat sat on the mat", "red, green, blue", "x=1; y=2", "key: value",
    "no news is good news", "2024-05-17", "10:45:30", "name,age,city", "foo bar foo baz", "  padded text ", "a,b,,c",
    "Python is fun", "user@example.com", "path/to/file.txt", "v1.2.3", "It was the best of times", "mixed CASE Words",
    "tab\\tseparated", "line one\\nline two", "100%", "$5.99", "A-B-C", "snake_case_name", "camelCaseName", "(1, 2)",
)  # fmt: skip
SHORT_NAMES = tuple("abcdefghijklmnpqrstuvwxyz")
GENERIC = (
    "acc arr aux base bits buf c1 c2 char chars cnt copy_of count cur curr d1 d2 data digits elem elems end flag foo found "
    "freq head idx item items key keys l1 l2 left length lo hi lst mid mx mn n1 n2 nums num numbers obj out output pair pairs "
    "parts pos prev ptr rem res result results ret right row rows s1 s2 seen seq size start step stk string strs sub sum1 "
    "tail temp tmp text total tup txt val vals value values vec word words x1 x2 y1 y2 xs ys"
).split()
_RESERVED = set(keyword.kwlist) | {
    "list", "dict", "set", "str", "int", "max", "min", "sum", "map", "filter", "zip", "len", "range", "sorted", "all", "any",
    "format", "round", "type", "id", "input", "open", "print", "abs", "hash", "iter", "next", "object", "self", "cls",
    "reversed", "enumerate", "tuple", "bool", "float", "repr", "test", "match", "case", "pow", "bin", "hex", "vars", "dir",
    "math", "re",
}  # fmt: skip


def plural(noun: str) -> str:
    """The plural as programmers write it."""
    if noun.endswith("y") and noun[-2:-1] not in ("a", "e", "o", "u"):
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun + "s"


class Names:
    """Hands out identifiers that are unique within one program; `style` fixes how terse its author is."""

    def __init__(self, rng: random.Random, style: str | None = None) -> None:
        self.rng = rng
        self.taken: set[str] = set(_RESERVED)
        self.style = style or rng.choice(("words", "words", "words", "generic", "short", "mixed", "mixed", "random"))

    def fresh(self, candidate: str) -> str:
        """`candidate`, altered when it is taken, and taken from now on."""
        name = candidate
        while name in self.taken:
            name = candidate + (
                self.rng.choice("123456789_abcxyz") if self.rng.random() < 0.8 else "_" + self.rng.choice(NOUNS)
            )
            candidate = name if len(name) < 14 else candidate
        self.taken.add(name)
        return name

    def noun(self) -> str:
        """A variable for one thing."""
        return self.fresh(self._pick(self._word))

    def many(self) -> str:
        """A variable for a collection."""
        return self.fresh(self._pick(lambda: plural(self.rng.choice(NOUNS))))

    def pair(self) -> tuple[str, str]:
        """A collection and its element: `prices`, `price`."""
        if self.style in ("words", "mixed") or self.rng.random() < 0.2:
            noun = self.rng.choice(NOUNS)
            return self.fresh(plural(noun)), self.fresh(noun)
        return self.many(), self.noun()

    def function(self) -> str:
        """A function's name."""
        draw = self.rng.random()
        if self.style == "short" or draw < 0.1:
            return self.fresh(
                self.rng.choice(("f", "g", "h", "solve", "func", "run", "process", "helper", "check", "calc"))
            )
        if self.style == "random":
            return self.fresh(letters(self.rng, 2, 8))
        verb = self.rng.choice(VERBS)
        if draw < 0.75:
            noun = self.rng.choice(NOUNS)
            return self.fresh(f"{verb}_{plural(noun) if self.rng.random() < 0.6 else noun}")
        if draw < 0.88:
            return self.fresh(f"{verb}_{self.rng.choice(ADJECTIVES)}_{self.rng.choice(NOUNS)}")
        return self.fresh(verb)

    def klass(self) -> str:
        """A class's name."""
        noun = self.rng.choice(NOUNS).title().replace("_", "")
        if self.rng.random() < 0.4:
            noun = self.rng.choice((*ADJECTIVES, *NOUNS)).title().replace("_", "") + noun
        return self.fresh(noun)

    def index(self) -> str:
        """A loop index."""
        return self.fresh(self.rng.choice(("i", "i", "i", "i", "j", "k", "idx", "index", "n", "pos")))

    def throwaway(self, *preferred: str) -> str:
        """One of the names that everybody uses for such a variable."""
        if self.style == "random" and self.rng.random() < 0.7:
            return self.noun()
        return self.fresh(self.rng.choice(preferred))

    def _word(self) -> str:
        noun = self.rng.choice(NOUNS)
        return f"{self.rng.choice(ADJECTIVES)}_{noun}" if self.rng.random() < 0.2 else noun

    def _pick(self, word: object) -> str:
        style = self.style
        if style == "mixed":
            style = self.rng.choice(("words", "words", "generic", "short", "random"))
        if style == "generic":
            return self.rng.choice(GENERIC)
        if style == "short":
            return self.rng.choice(SHORT_NAMES)
        if style == "random":
            return letters(self.rng, 1, 7)
        assert callable(word)
        return str(word())


def letters(rng: random.Random, low: int, high: int) -> str:
    """Random lower-case letters, sometimes with an underscore inside."""
    text = "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(low, high)))
    if len(text) > 4 and rng.random() < 0.2:
        cut = rng.randint(1, len(text) - 2)
        text = text[:cut] + "_" + text[cut:]
    return text + "x" if keyword.iskeyword(text) else text
