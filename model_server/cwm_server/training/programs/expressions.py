# ruff: noqa: E501
"""Random expressions of a wanted kind over the variables in sight."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cwm_server.training.programs import literals
from cwm_server.training.programs.words import Names

# `<kind>` is a place for an expression of the kind, `<#a-b>` for an integer literal, `<x:kind>` for the name of a variable of the kind.
TABLE: dict[str, tuple[tuple[int, str], ...]] = {
    "int": (
        (8, "<int> + <int>"), (6, "<int> - <int>"), (5, "<int> * <int>"), (4, "<int> // <#2-5>"), (5, "<int> % <#2-7>"), (2, "<int> ** 2"), (2, "abs(<int>)"),
        (6, "len(<list[int]>)"), (4, "len(<str>)"), (3, "len(<list[str]>)"), (2, "len(<dict[str, int]>)"), (4, "sum(<list[int]>)"), (3, "max(<int>, <int>)"), (3, "min(<int>, <int>)"),
        (3, "<x:list[int]>[0]"), (3, "<x:list[int]>[-1]"), (2, "<x:list[int]>.count(<int>)"), (2, "<x:str>.count(<char>)"), (2, "<x:str>.find(<char>)"), (3, "<x:dict[str, int]>.get(<str>, 0)"),
        (2, "sum(<x:dict[str, int]>.values())"), (2, "max(<x:list[int]>, default=0)"), (2, "<int> if <bool> else <int>"), (2, "-<int>"), (2, "int(<x:str>.isdigit())"), (1, "ord(<x:str>[0])"), (1, "<int> & <#1-7>"),
        (1, "<int> ^ <#1-7>"), (1, "<int> << <#1-3>"), (1, "<int> >> 1"), (3, "<x:tuple[int, int]>[<#0-1>]"), (1, "round(<float>)"), (1, "int(<float>)"), (2, "sum(len(w) for w in <list[str]>)"),
        (2, "sum(1 for c in <x:str> if c <charcond>)"), (2, "sum(v <arith> for v in <x:list[int]>)"), (1, "max(<x:list[str]>, key=len).count(<char>)"), (1, "len(set(<list[int]>))"), (1, "divmod(<int>, <#2-5>)[1]"),
        (1, "<x:list[list[int]]>[0][0]"), (1, "sum(map(sum, <list[list[int]]>))"), (1, "len(<x:list[list[int]]>)"), (1, "next((v for v in <x:list[int]> if v <cond>), <#-1-0>)"), (1, "(<int> + <int>) // 2"),
    ),
    "float": (
        (5, "<int> / <#2-8>"), (3, "<float> * <#2-4>"), (3, "round(<float>, <#1-2>)"), (3, "<float> + <float>"), (2, "<float> - <int>"), (2, "float(<int>)"), (2, "sum(<list[int]>) / <#2-4>"), (1, "max(<float>, 0.5)"),
    ),
    "bool": (
        (6, "<x:int> > <int>"), (5, "<x:int> == <int>"), (5, "<x:int> % <#2-4> == 0"), (4, "<x:int> < <int>"), (3, "<x:int> != <int>"), (2, "<x:int> >= <#0-9>"), (3, "<x:int> in <list[int]>"), (3, "sum(<x:list[int]>) > <#3-20>"), (2, "<x:list[int]>[0] > <int>"), (2, "len(<x:list[str]>) > <#1-4>"), (2, "<x:str>[0] in 'aeiou'"), (2, "<x:float> > <#0-9>"), (1, "<x:tuple[int, int]>[0] < <x:tuple[int, int]>[1]"), (1, "<x:bool>"), (2, "<x:list[list[int]]>[0]"), (2, "len(<x:dict[str, int]>) >= <#1-4>"), (2, "<x:set[int]>"), (3, "<char> in <x:str>"), (2, "<str> in <x:dict[str, int]>"),
        (2, "<x:str>.startswith(<char>)"), (1, "<x:str>.endswith(<char>)"), (2, "<x:str> == <str>"), (2, "not <x:list[int]>"), (2, "len(<x:list[int]>) > <#0-5>"), (2, "len(<x:str>) % 2 == 0"), (1, "<x:str>.isalpha()"), (1, "<x:str>.isupper()"),
        (2, "<bool> and <bool>"), (2, "<bool> or <bool>"), (1, "not <bool>"), (1, "any(v <cond> for v in <x:list[int]>)"), (1, "all(v <cond> for v in <x:list[int]>)"), (1, "<#0-3> <= <x:int> < <#5-20>"), (1, "isinstance(<x:int>, int)"),
        (1, "<x:list[int]> == sorted(<x:list[int]>)"), (1, "<x:str> == <x:str>[::-1]"), (1, "<x:set[int]>.issubset(<set[int]>)"), (1, "<x:str>.lower() == <x:str>"), (1, "<x:int> not in <set[int]>"),
    ),
    "str": (
        (6, "<str> + <str>"), (3, "<x:str>.upper()"), (3, "<x:str>.lower()"), (2, "<x:str>.title()"), (3, "<x:str>[::-1]"), (2, "<x:str>[:<#1-4>]"), (2, "<x:str>[<#1-3>:]"), (3, "<x:str>.replace(<char>, <char>)"), (2, "<x:str>.strip()"),
        (4, "str(<int>)"), (3, "<char> * <#2-5>"), (4, "f'{<x:str>}-{<x:int>}'"), (3, "f'<word>: {<x:int>}'"), (2, "f'{<x:str>}!'"), (2, "f'<word>={<x:list[int]>}'"), (4, "''.join(<list[str]>)"), (4, "', '.join(<list[str]>)"), (2, "'-'.join(<list[str]>)"),
        (2, "<x:list[str]>[0]"), (2, "<x:list[str]>[-1]"), (2, "<str> if <bool> else <str>"), (2, "max(<x:list[str]>, key=len)"), (1, "min(<x:list[str]>)"), (1, "<x:str>[0]"), (1, "<x:str>[-1]"), (2, "''.join(sorted(<x:str>))"),
        (2, "''.join(c for c in <x:str> if c <charcond>)"), (1, "''.join(c <charmap> for c in <x:str>)"), (1, "<x:str>.zfill(<#3-7>)"), (1, "<x:str>.center(<#6-12>, '*')"), (1, "<x:str>.rjust(<#5-9>)"), (1, "<x:str>.swapcase()"),
        (1, "<x:str>.split(<char>)[0]"), (1, "'<word>' if <bool> else '<word>'"), (1, "chr(<#97-120>)"), (1, "bin(<x:int>)[2:]"), (1, "'%s/%d' % (<x:str>, <x:int>)"), (1, "'{} {}'.format(<x:str>, <x:int>)"), (1, "f'{<x:int>:03d}'"), (1, "f'{<x:float>:.1f}'"),
        (1, "<x:str>.capitalize()"), (1, "<x:str>.lstrip(<char>)"), (1, "repr(<x:str>)"), (1, "<x:str>.partition(<char>)[2]"), (1, "' '.join(w[::-1] for w in <x:str>.split())"), (1, "type(<x:int>).__name__"),
    ),
    "list[int]": (
        (6, "[v <arith> for v in <x:list[int]>]"), (6, "[v for v in <x:list[int]> if v <cond>]"), (4, "sorted(<list[int]>)"), (2, "sorted(<x:list[int]>, reverse=True)"), (3, "<x:list[int]>[::-1]"), (3, "<x:list[int]>[<#1-2>:]"), (2, "<x:list[int]>[:<#1-3>]"),
        (3, "<list[int]> + <list[int]>"), (3, "[len(w) for w in <list[str]>]"), (3, "list(range(<#2-6>))"), (2, "list(range(<#1-3>, <#4-9>))"), (2, "[<int>, <int>]"), (2, "<x:list[int]> + [<int>]"), (2, "list(map(lambda v: v <arith>, <x:list[int]>))"),
        (2, "list(filter(lambda v: v <cond>, <x:list[int]>))"), (2, "list(<x:dict[str, int]>.values())"), (2, "sorted(<set[int]>)"), (2, "[a + b for a, b in zip(<x:list[int]>, <list[int]>)]"), (2, "[i for i, v in enumerate(<x:list[int]>) if v <cond>]"),
        (2, "<x:list[int]>.copy()"), (1, "[<int>] * <#2-4>"), (2, "[v <arith> for v in <x:list[int]> if v <cond>]"), (1, "[ord(c) for c in <x:str>]"), (2, "[sum(row) for row in <list[list[int]]>]"), (1, "[v for row in <list[list[int]]> for v in row]"),
        (1, "sorted(<x:list[int]>, key=lambda v: (v % <#2-4>, v))"), (1, "[int(d) for d in str(abs(<x:int>))]"), (1, "[b for _, b in <x:list[tuple[str, int]]>]"), (1, "list(<x:tuple[int, int]>)"), (1, "<x:list[int]>[::2]"), (1, "list(reversed(<x:list[int]>))"),
        (1, "[max(v, <int>) for v in <x:list[int]>]"), (1, "sorted(set(<list[int]>))"), (1, "[v if v <cond> else <#0-9> for v in <x:list[int]>]"), (1, "<x:list[int]>[-<#1-3>:]"),
    ),
    "list[str]": (
        (5, "<x:str>.split()"), (3, "<x:str>.split(<char>)"), (4, "[w.upper() for w in <list[str]>]"), (3, "[w for w in <x:list[str]> if len(w) > <#1-4>]"), (3, "sorted(<list[str]>)"), (2, "sorted(<x:list[str]>, key=len)"), (2, "<x:list[str]>[1:]"),
        (2, "<list[str]> + [<str>]"), (2, "list(<x:str>)"), (2, "[str(v) for v in <list[int]>]"), (2, "list(map(str, <list[int]>))"), (2, "sorted(<x:dict[str, int]>)"), (2, "list(<x:dict[str, int]>)"), (2, "[w[::-1] for w in <x:list[str]>]"), (1, "[w[0] for w in <x:list[str]>]"),
        (1, "[w + <char> for w in <x:list[str]>]"), (1, "[k for k, v in <x:dict[str, int]>.items() if v <cond>]"), (1, "[a for a, _ in <x:list[tuple[str, int]]>]"), (1, "<x:list[str]>[::-1]"), (1, "[f'{i}{w}' for i, w in enumerate(<x:list[str]>)]"), (1, "[<str>, <str>]"),
        (1, "[w.replace(<char>, <char>) for w in <x:list[str]>]"), (1, "[c for c in <x:str> if c <charcond>]"), (1, "sorted(<x:dict[str, int]>, key=<x:dict[str, int]>.get)"), (1, "[w.title() for w in <x:list[str]> if w]"), (1, "<x:str>.split(',')"),
    ),
    "dict[str, int]": (
        (4, "{w: len(w) for w in <list[str]>}"), (3, "{k: v <arith> for k, v in <x:dict[str, int]>.items()}"), (3, "{k: v for k, v in <x:dict[str, int]>.items() if v <cond>}"), (2, "dict(<x:list[tuple[str, int]]>)"), (2, "dict(zip(<list[str]>, <list[int]>))"),
        (2, "{<str>: <int>, <str>: <int>}"), (2, "{**<x:dict[str, int]>, <str>: <int>}"), (1, "{c: <x:str>.count(c) for c in <x:str>}"), (1, "dict(sorted(<x:dict[str, int]>.items()))"), (1, "{w: i for i, w in enumerate(<x:list[str]>)}"), (1, "<x:dict[str, int]>.copy()"),
        (1, "{a: b for a, b in <x:list[tuple[str, int]]> if b <cond>}"), (1, "dict.fromkeys(<x:list[str]>, <int>)"),
    ),
    "set[int]": (
        (4, "set(<list[int]>)"), (3, "{v % <#2-5> for v in <list[int]>}"), (2, "<x:set[int]> | <set[int]>"), (2, "<x:set[int]> & <set[int]>"), (2, "<x:set[int]> - <set[int]>"), (1, "{<int>, <int>}"), (2, "{len(w) for w in <list[str]>}"), (1, "{v for v in <x:list[int]> if v <cond>}"),
    ),
    "tuple[int, int]": (
        (4, "(<int>, <int>)"), (2, "divmod(<int>, <#2-7>)"), (2, "(<x:tuple[int, int]>[1], <x:tuple[int, int]>[0])"), (2, "(min(<x:list[int]>), max(<x:list[int]>))"), (2, "(len(<list[int]>), sum(<list[int]>))"), (1, "tuple(sorted(<x:tuple[int, int]>))"),
    ),
    "list[list[int]]": (
        (3, "[[v <arith> for v in row] for row in <x:list[list[int]]>]"), (3, "[row[::-1] for row in <x:list[list[int]]>]"), (3, "[list(col) for col in zip(*<x:list[list[int]]>)]"), (2, "[<list[int]>, <list[int]>]"), (2, "[[v, v <arith>] for v in <x:list[int]>]"),
        (2, "[[0] * <#1-3> for _ in range(<#1-3>)]"), (2, "sorted(<x:list[list[int]]>)"), (2, "[<x:list[int]>[i:i + 2] for i in range(0, len(<x:list[int]>), 2)]"), (1, "<x:list[list[int]]>[1:]"), (1, "[row for row in <x:list[list[int]]> if sum(row) <cond>]"),
    ),
    "list[tuple[str, int]]": (
        (4, "list(<x:dict[str, int]>.items())"), (3, "sorted(<x:dict[str, int]>.items())"), (3, "[(w, len(w)) for w in <list[str]>]"), (3, "list(zip(<list[str]>, <list[int]>))"), (3, "sorted(<x:list[tuple[str, int]]>, key=lambda p: p[1])"),
        (2, "sorted(<x:dict[str, int]>.items(), key=lambda item: -item[1])"), (1, "[(a, b <arith>) for a, b in <x:list[tuple[str, int]]>]"), (1, "[(<str>, <int>)]"), (1, "sorted(<x:list[tuple[str, int]]>, key=lambda p: (-p[1], p[0]))"),
    ),
}  # fmt: skip
_PLACE = re.compile(
    r"<((?:x:)?(?:"
    + "|".join(map(re.escape, sorted(TABLE, key=len, reverse=True)))
    + r")|char|word|arith|cond|charcond|charmap|#-?\d+--?\d+)>"
)
_CONTAINER = re.compile(r"<((?:list|dict|set)\[[^>]*\])>")
_COMPREHENDED: dict[str, Sequence[str]] = {
    "v": "vxnabyzet",
    "w": "wstxp",
    "c": "chxs",
    "row": ("row", "r", "line", "xs"),
    "k": ("k", "key", "name"),
    "a": ("a", "x", "k"),
    "b": ("b", "y", "n"),
    "p": ("p", "t", "pair", "x"),
    "i": ("i", "j", "idx"),
}


@dataclass
class Scope:
    """The variables in sight by name; `frozen` ones are iterated over and must keep their size."""

    rng: random.Random
    names: Names
    kinds: dict[str, str] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    calls: list[tuple[str, tuple[str, ...], str]] = field(
        default_factory=list
    )  # functions: name, argument kinds, result kind
    unused: set[str] = field(default_factory=set)

    def having(self, kind: str) -> list[str]:
        """Variables of a kind."""
        return [name for name, found in self.kinds.items() if found == kind]

    def pick(self, kind: str) -> str | None:
        """A variable of a kind, rather one that was not read yet."""
        found = self.having(kind)
        if not found:
            return None
        fresh = [name for name in found if name in self.unused]
        name = self.rng.choice(fresh if fresh and self.rng.random() < 0.6 else found)
        self.unused.discard(name)
        return name

    def bind(self, name: str, kind: str) -> None:
        """`name` holds a value of `kind` from now on."""
        self.kinds[name] = kind
        self.unused.add(name)

    def inner(self) -> Scope:
        """A block: what it binds is not seen after it."""
        return Scope(self.rng, self.names, dict(self.kinds), set(self.frozen), self.calls, set(self.unused))


def atom(scope: Scope, kind: str) -> str:
    """A variable or a literal."""
    if scope.rng.random() < 0.8 and (name := scope.pick(kind)) is not None:
        return name
    if kind == "int" and scope.rng.random() < 0.7:
        return str(scope.rng.randint(0, 9))
    if kind == "bool":
        name = scope.rng.choice(list(scope.kinds))
        return scope.rng.choice((f"{name} is not None", f"bool({name})", f"not {name}", name, name))
    value = literals.value(scope.rng, "word" if kind == "str" and scope.rng.random() < 0.8 else kind)
    text = repr(value or literals.value(scope.rng, kind))
    return (
        text
        if len(text) < 40
        else {"str": "'x'", "list[int]": "[3, 1, 2]", "set[int]": "{1, 2}"}.get(kind, repr(type(value)()))
    )


def expression(scope: Scope, kind: str, depth: int) -> str:
    """An expression of at most `depth` nested operations."""
    rng = scope.rng
    if depth <= 0:
        return atom(scope, kind)
    if scope.calls and rng.random() < 0.12:
        fitting = [call for call in scope.calls if call[2] == kind]
        if fitting:
            name, parameters, _ = rng.choice(fitting)
            return f"{name}({', '.join(expression(scope, part, depth - 2) for part in parameters)})"
    for _ in range(12):
        weights = [weight for weight, _ in TABLE[kind]]
        template = rng.choices([text for _, text in TABLE[kind]], weights)[0]
        if not all(scope.having(needed) for needed in re.findall(r"<x:([^>]+)>", template)):
            continue
        bare = [kind for kind in _CONTAINER.findall(template) if not scope.having(kind)]
        if bare and rng.random() < 0.85:
            continue  # operations on literals alone are rare in code
        return _filled(scope, template, depth)
    return atom(scope, kind)


def _filled(scope: Scope, template: str, depth: int) -> str:
    rng = scope.rng
    if " for " in template or "lambda" in template:
        template = _renamed(scope, template)
    chosen: dict[str, str] = {}
    before: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        place = match[1]
        if place.startswith("x:"):
            if place not in chosen or rng.random() < 0.2:
                chosen[place] = scope.pick(place[2:]) or "None"
                before.add(chosen[place])
            return chosen[place]
        if place.startswith("#"):
            low, high = re.fullmatch(r"#(-?\d+)-(-?\d+)", place).groups()  # type: ignore[union-attr]
            return str(rng.randint(int(low), int(high)))
        if place in SMALL:
            return SMALL[place](rng)
        deeper = depth - (1 if rng.random() < 0.4 else 2)
        inner = expression(scope, place, deeper)
        for _ in range(3):  # nobody compares or subtracts a thing and itself
            if inner not in before:
                break
            inner = expression(scope, place, deeper)
        before.add(inner)
        bare = inner.isidentifier() or inner.isdigit() or (inner[-1] in ")]}'" and " if " not in inner)
        return inner if bare or re.fullmatch(r"[\w.\[\]()'-]+", inner) or _enclosed(template, match) else f"({inner})"

    return _PLACE.sub(fill, template)


def _enclosed(template: str, match: re.Match[str]) -> bool:
    """Whether the place stands alone between brackets or commas."""
    before, after = template[: match.start()], template[match.end() :]
    return (
        before.endswith(("(", "[", ", ", "{", ": "))
        and after.startswith((")", "]", ",", "}", ":"))
        and not before.endswith("[{")
    )


def _renamed(scope: Scope, template: str) -> str:
    """Comprehension variables by other names than the table's, and by none that is in sight."""
    for name, options in _COMPREHENDED.items():
        if re.search(rf"\b(for [\w, ]*|lambda ){name}\b", template):
            free = [
                option for option in options if option not in scope.kinds and not re.search(rf"\b{option}\b", template)
            ]
            if free and scope.rng.random() < 0.6:
                template = re.sub(rf"\b{name}\b", scope.rng.choice(free), template)
    return template


def _condition(rng: random.Random) -> str:
    return rng.choice(
        ("> {}", "< {}", "% 2 == 0", "% 2", "!= {}", ">= {}", "% 3 == 0", "<= {}", "== {}", "> 0", "% 2 == 1")
    ).format(rng.randint(1, 9))


SMALL: dict[str, Callable[[random.Random], str]] = {
    "char": lambda rng: repr(rng.choice("aeiorstn -,._xb")),
    "word": lambda rng: literals.word(rng),
    "arith": lambda rng: rng.choice(("* 2", "+ 1", "- 1", "** 2", "// 2", "% 3", "* 3", "+ 10", "- 2", "* -1", "% 2", "* 10", "+ {}", "* {}", "% {}")).format(rng.randint(2, 9)),
    "cond": _condition,
    "charcond": lambda rng: rng.choice(("in 'aeiou'", "not in 'aeiou'", "!= ' '", "== '{}'", "> '{}'", "!= '{}'")).format(rng.choice("aeoslmt")),
    "charmap": lambda rng: rng.choice(("+ '{}'", "* 2", "+ '{}'")).format(rng.choice("-_.x")),
}  # fmt: skip
