"""What the source before a trace allows: the lines that frames can stand on and the names that locals can have."""

from __future__ import annotations

import ast
import itertools
import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from cwm_server.grammar.calls import ITERATED, Opening, openings
from cwm_server.grammar.flow import Flow, Step
from cwm_server.grammar.reach import Plain, plain_functions
from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS, OWNERS, RESUMED, first_line
from cwm_tracer.source import parsed
from cwm_tracer.wire import START_MARKER, strip_marker

_WORD = re.compile(r"[^\W\d]\w*")
_UNNAMED = (ast.Lambda, *COMPREHENSIONS)
# Code that binds names which stand nowhere as names.
_BINDING_CALLS = frozenset(("exec", "eval", "locals", "vars", "globals", "__prepare__"))
_IN_CLASS_BODIES = (
    *("__module__", "__qualname__", "__doc__", "__annotations__", "__firstlineno__", "__static_attributes__"),
    *("__classdict__", "__classdictcell__", "__class__", "__orig_bases__", "__slots__", "__type_params__"),
    *("__conditional_annotations__", "__annotate__"),
)
_IN_GENERICS = (".type_params", ".defaults", ".kwdefaults", ".generic_base")
_GENERIC = ("TypeVar", "TypeVarTuple", "ParamSpec")


class Choices:
    """Texts to choose from, sorted, so that those with a common beginning stand together."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self.texts = sorted(set(texts))

    def narrow(self, low: int, high: int, offset: int, byte: int) -> tuple[int, int] | None:
        """Of the texts `low` to `high - 1`, equal before `offset`, those that have `byte` there."""
        texts = self.texts
        if low < high and len(texts[low]) == offset:
            low += 1  # it ends here
        if low == high or texts[low][offset] > byte or texts[high - 1][offset] < byte:
            return None
        first = bisect_left(texts, byte, low, high, key=lambda text: text[offset])
        if first == high or texts[first][offset] != byte:
            return None
        if texts[high - 1][offset] == byte:
            return first, high
        return first, bisect_left(texts, byte + 1, first, high, key=lambda text: text[offset])


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The part of the source in which an activation's frames stand."""

    lines: Choices
    names: frozenset[bytes]  # as `json.dumps` spells them


@dataclass(frozen=True, slots=True)
class Reach:
    """What some code calls: of the plain functions those in `functions`, None for all; and what stands on `lines`."""

    functions: frozenset[str] | None
    lines: frozenset[int]


class Source:
    """What a context's text allows, with every line that runs in it (`complete`).

    `anywhere` is the region of an activation of which nothing is known. `entry` holds the marked line, or all
    lines. `suspends` says that the entry's RETURN may not be its last.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        tree = parsed(text) if "\r" not in text and "\x00" not in text else None
        self._outline = _Outline(tree, self._lines) if tree is not None else None
        every = range(1, len(self._lines) + 1)
        if self._outline is not None:
            self._bound = self._outline.bound
        else:
            self._bound = frozenset(_WORD.findall(text)) | {ITERATED, *_IN_CLASS_BODIES, *_IN_GENERICS}
        self.anywhere = Region(Choices(self._shown(every)), _spelled(self._bound))
        self._numbers: dict[bytes, list[int]] = {}
        for number in every:
            for shown in self._shown((number,)):
                self._numbers.setdefault(shown, []).append(number)
        self._regions: dict[frozenset[int], Region] = {}
        self._flows: dict[int, Flow | None] = {}
        self._inner: dict[frozenset[int], tuple[Region, Flow]] = {}
        self._choices: dict[frozenset[int], Choices] = {}
        # Whether code may bind names that stand nowhere; and the names that a function's callees can bind for it.
        self.binds_freely = self._outline is None or self._outline.binds_freely
        self.rebound = _spelled(self._outline.rebound) if self._outline is not None else frozenset()
        marked = [number for number in every if _is_marked(self._lines[number - 1])]
        self.entry = Choices(self._shown(marked)) if marked else self.anywhere.lines
        self._openings: list[tuple[Opening, list[bytes]]] = []
        if self._outline is not None:
            self._openings = [(each, [spelled(name) for name in each.required]) for each in self._outline.openings]
            self.suspends = not marked or any(self._outline.suspends(number) for number in marked)
        else:
            self.suspends = bool(re.search(r"\b(?:yield|await|async)\b", text))
        # Where all that runs is seen: code that was left out, or that makes code, may call anything.
        self._plain: Plain | None = None
        if tree is not None and not self.binds_freely and not any(_is_gap(line) for line in self._lines):
            self._plain = plain_functions(tree)
        # What the names of a CALL take at most, in bytes.
        self.longest_call = max((sum(len(name) + 10 for name in required) for _, required in self._openings), default=0)

    def region(self, line: bytes) -> Region | None:
        """Where an activation stands whose CALL stands on a line of this text; None where that is not known."""
        numbers = self._numbers.get(line)
        if not numbers or self._outline is None:
            return None
        found: set[int] = set()
        for number in numbers:
            found |= self._outline.scope(number)
        key = frozenset(found)
        if key not in self._regions:
            if any(_is_gap(self._lines[number - 1]) for number in key):
                return None  # something was left out here
            names = self._outline.names(key) & self._bound
            self._regions[key] = Region(Choices(self._shown(sorted(key))), _spelled(names))
        return self._regions[key]

    def flow(self, line: bytes) -> Flow | None:
        """The control flow of the function that a CALL on a line of this text begins; None where that is not known."""
        numbers = self._numbers.get(line, [])
        if len(numbers) != 1 or self._outline is None or self.region(line) is None:
            return None
        number = numbers[0]
        if number not in self._flows:
            node = self._outline.function(number)
            flow = Flow.of_function(node) if node is not None else None
            # Where the body begins on that line, or a comprehension stands on it, other calls do so as well.
            others = sum(number in opening.lines for opening, _ in self._openings) > 1
            clear = flow is not None and number not in flow.steps and not others
            self._flows[number] = flow if clear else None
        return self._flows[number]

    def inner(self, line: bytes, shown: Collection[str]) -> tuple[Region, Flow] | None:
        """Where the activation of a comprehension or a lambda stands, told by its CALL; None for any other."""
        numbers = self._numbers.get(line, [])
        if len(numbers) != 1 or self._outline is None or self._outline.has_unplaced:
            return None
        here = [opening for opening, _ in self._openings if numbers[0] in opening.lines]
        iterating = [each for each in here if isinstance(each.expression, COMPREHENSIONS)]
        others = [each for each in here if not isinstance(each.expression, COMPREHENSIONS)]
        nodes = [each.expression for each in (iterating if ITERATED in shown else others)]
        if not nodes or None in nodes:
            return None
        key = frozenset(map(id, nodes))
        if key not in self._inner:
            expressions = [node for node in nodes if node is not None]
            flow = Flow.of_expressions(expressions)
            names = (name for each in expressions for node in ast.walk(each) for name in itertools.chain(*_names(node)))
            region = Region(self.shown(flow.begin), self.spelled({ITERATED, *names}))
            self._inner[key] = region, flow
        return self._inner[key]

    def reach(self, steps: Collection[Step]) -> Reach | None:
        """What code that stands on these lines can call; None where that is not known."""
        if self._plain is None or not steps:
            return None
        within = frozenset[int]().union(*(step.within for step in steps))
        return Reach(self._plain.reached(calls for step in steps for calls in step.calls), within)

    def owes(self, steps: Collection[Step]) -> bool:
        """Whether code that stands on these lines calls something before it goes on, unless it raises."""
        plain = self._plain
        return (
            plain is not None
            and len(steps) > 0
            and all(len(step.statements) == 1 and all(map(plain.due, step.calls)) for step in steps)
        )

    def calls(self, said: frozenset[bytes], reach: Reach | None) -> tuple[Choices, frozenset[int] | None]:
        """Of a CALL that has shown some names: the names that can be next, and where it can stand if it ends there.

        No line at all where it may not end, None for any line.
        """
        if not self._openings:
            return Choices(self.anywhere.names - said), None
        names, lines = set[bytes](), set[int]()
        for opening, required in self._openings:
            if reach is not None and not self._is_reached(opening, reach):
                continue
            due = required[len(said) : len(said) + 1]
            if due and said.issuperset(required[: len(said)]):
                names.update(due)
            elif not due and said.issuperset(required) and (opening.others or len(said) == len(required)):
                names |= self.anywhere.names if opening.others else frozenset()
                lines |= opening.lines
        return Choices(names - said), frozenset(lines)

    def _is_reached(self, opening: Opening, reach: Reach) -> bool:
        if opening.inner:
            return not opening.lines.isdisjoint(reach.lines)
        assert self._plain is not None
        plain = opening.function in self._plain.names
        return reach.functions is None or not plain or opening.function in reach.functions

    def numbers(self, line: bytes) -> frozenset[int]:
        """The lines of this text."""
        return frozenset(self._numbers.get(line, ()))

    def shown(self, numbers: frozenset[int]) -> Choices:
        """The texts of some lines."""
        if numbers not in self._choices:
            self._choices[numbers] = Choices(self._shown(sorted(numbers)))
        return self._choices[numbers]

    def spelled(self, names: Iterable[str]) -> frozenset[bytes]:
        """Names as `json.dumps` spells them, private ones also as classes mangle them."""
        found = set(names)
        return _spelled(found | self._outline.mangled(found) if self._outline is not None else found)

    def _shown(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """Lines as a recorder, or a model, writes them."""
        for number in numbers:
            line = self._lines[number - 1]
            if not line.strip():
                continue
            if _is_marked(line):
                bare = strip_marker(line)
                for gap in ("  ", " "):
                    yield _encoded(f"{bare}{gap}{START_MARKER}\n")
                yield _encoded(bare + "\n")
            yield _encoded(line + "\n")


class _Outline:
    """Functions and classes of a parsed text, by line."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self._lines = lines
        self._nodes = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
        self._owners = [node for node in self._nodes if isinstance(node, OWNERS)]
        self._statements = [node for node in _loose(tree.body) if not isinstance(node, OWNERS)]
        self._classes = [node.name.lstrip("_") for node in self._owners if isinstance(node, ast.ClassDef)]
        self._words: dict[int, set[str]] = {}
        stored = set(_stored(tree))
        free = False
        for node in ast.walk(tree):
            bound, used = _names(node)
            words = {*bound, *used}
            free = free or not words.isdisjoint(_BINDING_CALLS)
            line = getattr(node, "lineno", None)
            if line is not None and words:
                self._words.setdefault(line, set()).update(words)
        self.binds_freely = free
        self.rebound = {name for node in ast.walk(tree) if isinstance(node, ast.Nonlocal) for name in node.names}
        self._everywhere = frozenset(_WORD.findall("\n".join(lines))) if free else frozenset()
        names = {*stored, *self._everywhere}
        self.bound = frozenset({*names, *self.mangled(names)})
        self.openings = frozenset(openings(tree))
        # Before Python 3.12 the syntax tree does not know where the parts of an f-string stand.
        texts = (part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node))
        self.has_unplaced = any(isinstance(part, _UNNAMED) for part in texts)

    def scope(self, number: int) -> set[int]:
        """The lines of the functions and classes whose activations can begin, or go on, at a line."""
        begun = [node for node in self._owners if first_line(node) <= number <= node.lineno]
        if begun and any(node.lineno == number for node in begun):
            node = next(node for node in begun if node.lineno == number)
            return self._own(node)
        found = set[int]()
        for node in begun:  # on a decorator: what is there may belong to the code around it
            found |= self._own(node)
        around = [node for node in self._owners if first_line(node) <= number <= _last(node) and node not in begun]
        if around:
            return found | self._own(max(around, key=first_line))
        for statement in self._statements:
            if statement.lineno <= number <= _last(statement):
                found.update(range(statement.lineno, _last(statement) + 1))
        return found or {number}

    def function(self, number: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function whose `def` stands on a line."""
        found = [node for node in self._owners if node.lineno == number and not isinstance(node, ast.ClassDef)]
        return found[0] if len(found) == 1 else None

    def names(self, numbers: Collection[int]) -> frozenset[str]:
        """The names that code on some lines, and nested in it, can show."""
        low = min(numbers)
        high = max([max(numbers), *(_last(node) for node in self._owners if node.lineno in numbers)])
        words = set(self._everywhere)
        for line in range(low, high + 1):
            words |= self._words.get(line, set())
        return frozenset({*words, *self.mangled(words)})

    def suspends(self, number: int) -> bool:
        """Whether a function that begins at a line is a generator or a coroutine."""
        for node in self._owners:
            if first_line(node) <= number <= node.lineno and (
                isinstance(node, ast.AsyncFunctionDef) or any(isinstance(each, RESUMED) for each in ast.walk(node))
            ):
                return True
        return False

    def mangled(self, names: Iterable[str]) -> set[str]:
        """Private names as the classes of the text spell them."""
        private = [name for name in names if name.startswith("__") and not name.endswith("__")]
        return {f"_{owner}{name}" for owner, name in itertools.product(self._classes, private)}

    def _own(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[int]:
        """The lines of a definition without the bodies of those nested in it."""
        lines = set(range(first_line(node), _last(node) + 1))
        for inner in ast.walk(node):
            if inner is not node and isinstance(inner, OWNERS):
                start = first_line(inner.body[0]) if isinstance(inner.body[0], OWNERS) else inner.body[0].lineno
                if self._lines[start - 1].encode()[: inner.body[0].col_offset].strip():
                    start += 1  # it begins behind the colon
                lines.difference_update(range(start, _last(inner) + 1))
        return lines


def _stored(tree: ast.Module) -> Iterator[str]:
    """The names that code inside functions binds: a module's own are no locals of anything that is recorded."""
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, inside = pending.pop()
        if inside:
            yield from _names(node)[0]
        opens = isinstance(node, (*FUNCTIONS, *_UNNAMED))
        pending += [(child, inside or opens) for child in ast.iter_child_nodes(node)]


def _names(node: ast.AST) -> tuple[list[str], list[str]]:
    """The names that a node binds, those among them that Python adds, and those that it uses."""
    bound: list[str | None] = []
    used: list[str] = []
    if isinstance(node, ast.Name):
        (used if isinstance(node.ctx, ast.Load) else bound).append(node.id)
        if node.id in ("super", "__class__"):
            bound.append("__class__")
    elif isinstance(node, COMPREHENSIONS):
        bound.append(ITERATED)
    elif isinstance(node, ast.arg):
        bound.append(node.arg)
    elif isinstance(node, ast.alias):
        bound.append((node.asname or node.name).partition(".")[0])
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        bound += node.names
    elif isinstance(node, ast.MatchMapping):
        bound.append(node.rest)
    elif isinstance(node, (*OWNERS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        bound.append(node.name)
        if isinstance(node, ast.ClassDef):
            bound += _IN_CLASS_BODIES
    elif type(node).__name__ in _GENERIC:
        bound += [node.name, *_IN_GENERICS]  # type: ignore[attr-defined]
    return [name for name in bound if name is not None], used


def _loose(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that stand in no function."""
    for node in body:
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _loose(node.body)


def _last(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def _is_gap(line: str) -> bool:
    """Whether a line stands for others that were left out."""
    return line.strip() == "# ..."


def _is_marked(line: str) -> bool:
    return line.rstrip().endswith(START_MARKER)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _spelled(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(map(spelled, names))


def spelled(text: str) -> bytes:
    """A name or a value as `json.dumps` spells it, without its quotes."""
    return json.dumps(text)[1:-1].encode("ascii")
