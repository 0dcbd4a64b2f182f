"""What the source before a trace allows: the lines that frames can stand on and the names that locals can have."""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cwm_server.grammar.calls import Opening
from cwm_server.grammar.flow import Flow, Step
from cwm_server.grammar.moves import Moves, lasting
from cwm_server.grammar.names import ADDED, names_of
from cwm_server.grammar.outline import Outline, is_gap
from cwm_server.grammar.reach import Plain, plain_functions
from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS, ITERATED, WORD, first_line
from cwm_server.grammar.turns import alone, used_up
from cwm_tracer.redaction import Redactor
from cwm_tracer.source import parsed
from cwm_tracer.wire import START_MARKER, strip_marker

_REDACTOR = Redactor()
_RENAMING = re.compile(r"__qualname__|__module__|\b(?:wraps|update_wrapper)\b")


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
    """What some code calls: of the plain functions those in `functions`, None for all; and what stands on `lines`.

    `only` is the one that it calls before anything else runs, where that is sure; `makes`: it is the body of a class.
    """

    functions: frozenset[str] | None
    lines: frozenset[int]
    only: str = ""
    makes: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """An opening, with its names as `json.dumps` spells them. `others` are None where any can follow."""

    opening: Opening
    required: list[bytes]
    others: list[bytes] | None
    sure: frozenset[bytes]
    late: frozenset[bytes]

    @classmethod
    def of(cls, opening: Opening, freely: bool) -> _Call:
        """`freely`: code may bind names that stand nowhere."""
        private = (name for name in opening.others or () if name.startswith("__") and not name.endswith("__"))
        known = opening.others is not None and not freely and not any(private)
        others = [spelled(name) for name in opening.others or ()] if known else None
        required = [spelled(name) for name in opening.required]
        return cls(opening, required, others, _spelled(opening.sure), _spelled(opening.late))

    def agrees(self, said: frozenset[bytes]) -> bool:
        """Whether what was said are the first of the parameters, or all of them and more."""
        return said.issuperset(self.required[: len(said)])

    def after(self, said: frozenset[bytes]) -> tuple[Collection[bytes] | None, bool]:
        """The names that can come after those that were said, None for any, and whether the CALL may end there."""
        if not self.agrees(said):
            return (), False
        if len(said) < len(self.required):
            return (self.required[len(said)],), False
        others, more = self.others, said.difference(self.required)
        if others is None:
            return None, True
        if not more.issubset(others):
            return (), False
        if self.opening.resumed:
            return others, True
        left = others[max((others.index(name) + 1 for name in more), default=0) :]
        due = next((place for place, name in enumerate(left) if name in self.sure), None)
        return left if due is None else left[: due + 1], due is None


class Source:
    """What a context's text allows. With every line that runs in it (`complete`) all that is called can be seen.

    `anywhere` is the region of an activation of which nothing is known. `entry` holds the marked line, or all
    lines. `suspends` says that the entry's RETURN may not be its last.
    """

    def __init__(self, text: str, complete: bool = True) -> None:
        self._lines = text.split("\n")
        self._complete = complete
        self._tree = tree = parsed(text) if "\r" not in text and "\x00" not in text else None
        self._outline = Outline(tree, self._lines) if tree is not None else None
        every = range(1, len(self._lines) + 1)
        if self._outline is not None:
            self._bound = self._outline.bound
        else:
            self._bound = frozenset(WORD.findall(text)) | {ITERATED, *ADDED}
        self.anywhere = Region(Choices(self._shown(every)), _spelled(self._bound))
        self._numbers: dict[bytes, list[int]] = {}
        for number in every:
            for shown in self._shown((number,)):
                self._numbers.setdefault(shown, []).append(number)
        self._regions: dict[frozenset[int], Region] = {}
        self._placed: dict[bytes, Region | None] = {}
        self._flows: dict[int, Flow | None] = {}
        self._inner: dict[frozenset[int], tuple[Region, Flow]] = {}
        self._choices: dict[frozenset[int], Choices] = {}
        self._alone: dict[int, ast.expr | None] = {}
        # Whether code may bind names that stand nowhere; and the names that a function's callees can bind for it.
        self.binds_freely = self._outline is None or self._outline.binds_freely
        self.rebound = _spelled(self._outline.rebound) if self._outline is not None else frozenset()
        # Functions and classes may come to be shown in another way.
        self.renames = not complete or _RENAMING.search(text) is not None
        self.hides = any(map(_REDACTOR.is_secret_name, set(WORD.findall(text))))  # some value may be redacted
        marked = [number for number in every if _is_marked(self._lines[number - 1])]
        self.entry = Choices(self._shown(marked)) if marked else self.anywhere.lines
        self._calls: list[_Call] = []
        if self._outline is not None:
            self._calls = [_Call.of(each, self.binds_freely) for each in self._outline.openings]
            self.suspends = not marked or any(self._outline.suspends(number) for number in marked)
        else:
            self.suspends = bool(re.search(r"\b(?:yield|await|async)\b", text))
        self._entries = [each for each in self._calls if not each.opening.lines.isdisjoint(marked)] or self._calls
        # Where all that runs is seen: code that was left out, or that makes code, may call anything.
        self._plain: Plain | None = None
        cut = not complete or any(map(is_gap, self._lines))
        if tree is not None and not self.binds_freely and not cut:
            self._plain = plain_functions(tree, marked)
        self.moves = _moves(tree, self._plain) if tree is not None and self._plain is not None else None
        # What the names of a CALL take at most, in bytes.
        sizes = (sum(len(name) + 10 for name in (*call.required, *call.sure)) for call in self._calls)
        self.longest_call = max(sizes, default=0)

    def region(self, line: bytes) -> Region | None:
        """Where an activation stands whose CALL stands on a line of this text; None where that is not known."""
        if line not in self._placed:
            self._placed[line] = self._region(line)
        return self._placed[line]

    def _region(self, line: bytes) -> Region | None:
        numbers = self._numbers.get(line)
        if not numbers or self._outline is None:
            return None
        found: set[int] = set()
        for number in numbers:
            found |= self._outline.scope(number)
        key = frozenset(found)
        if key not in self._regions:
            if self._is_cut(key):
                return None  # something was left out here
            names = self._outline.names(key) & self._bound
            self._regions[key] = Region(Choices(self._shown(sorted(key))), _spelled(names))
        return self._regions[key]

    def flow(self, line: bytes) -> Flow | None:
        """The control flow of the function that a CALL on a line of this text begins; None where that is not known."""
        numbers = self._numbers.get(line, [])
        if len(numbers) != 1 or self._outline is None or self.region(line) is None:
            return None
        return self._flow(numbers[0], self._outline)

    def _flow(self, number: int, outline: Outline) -> Flow | None:
        if number not in self._flows:
            function, made = outline.function(number), outline.plain_class(number)
            node = function or made
            flow = Flow.of_function(function) if function else Flow.of_class(made) if made else None
            # Where the body begins on that line, or a comprehension stands on it, other calls do so as well.
            others = len(self._begun(number)) > 1
            own = flow is None or number not in flow.steps or set(flow.steps[number].statements) == {id(node)}
            clear = flow is not None and own and not others
            # What was left out of a function inside of it may bind its names.
            cut = (
                node is not None and not self._complete and self._is_cut(range(number, (node.end_lineno or number) + 1))
            )
            self._flows[number] = flow if clear and not cut else None
        return self._flows[number]

    def _begun(self, number: int) -> list[Opening]:
        """What can begin, or go on, on a line; each once."""
        found = (call.opening for call in self._calls)
        return [opening for opening in found if number in opening.lines and not opening.late]

    def _is_cut(self, numbers: Iterable[int]) -> bool:
        return any(is_gap(self._lines[number - 1]) for number in numbers)

    def resumed(self, line: bytes) -> tuple[Region, Flow, frozenset[int]] | None:
        """Where a generator stands that goes on at a line of this text, and that line; None where that is not known."""
        numbers = self._numbers.get(line, [])
        region = self.region(line)
        if len(numbers) != 1 or self._outline is None or region is None or self._outline.has_unplaced:
            return None
        (number,) = numbers
        here = self._begun(number)
        function = self._outline.around(number)
        if function is None or any(each.required or each.expression or each.inner or each.function for each in here):
            return None
        flow = self._flow(first_line(function), self._outline)
        return (region, flow, frozenset(numbers)) if flow is not None and number in flow.steps else None

    def function(self, line: bytes) -> str:
        """The plain function that a CALL on a line of this text begins; empty for anything else."""
        numbers = self._numbers.get(line, [])
        known = self.moves.functions if self.moves is not None else {}
        found = {opening.function for number in numbers for opening in self._begun(number)}
        return found.pop() if len(found) == 1 and found <= known.keys() else ""

    def inner(self, line: bytes, shown: Collection[str]) -> tuple[Region, Flow] | None:
        """Where the activation of a comprehension or a lambda stands, told by its CALL; None for any other."""
        numbers = self._numbers.get(line, [])
        if len(numbers) != 1 or self._outline is None or self._outline.has_unplaced:
            return None
        here = self._begun(numbers[0])
        iterating = [each for each in here if isinstance(each.expression, COMPREHENSIONS)]
        others = [each for each in here if not isinstance(each.expression, COMPREHENSIONS)]
        nodes = [each.expression for each in (iterating if ITERATED in shown else others)]
        if not nodes or None in nodes:
            return None
        key = frozenset(map(id, nodes))
        if key not in self._inner:
            expressions = [node for node in nodes if node is not None]
            flow = Flow.of_expressions(expressions)
            parts = (part for each in expressions for part in ast.walk(each))
            names = {ITERATED}.union(*(found for part in parts for found in names_of(part)))
            region = Region(self.shown(flow.begin), self.spelled(names))
            self._inner[key] = region, flow
        return self._inner[key]

    def comprehension(self, number: int) -> ast.expr | None:
        """The comprehension that alone can have frames which show what they go through, called from a line."""
        if number not in self._alone:
            node = alone(each.expression for each in self._begun(number) if each.expression is not None)
            others = any(each is not node for each in self._kept)
            unclear = others or self._outline is None or self._outline.has_unplaced
            self._alone[number] = None if unclear else node
        return self._alone[number]

    @cached_property
    def _kept(self) -> list[ast.expr]:
        """The generator expressions that something may keep, so that they go on anywhere."""
        placed = (each.opening.expression for each in self._calls)
        made = [each for each in placed if isinstance(each, ast.GeneratorExp)]
        done = used_up(self._tree, self.moves) if made and self._tree is not None and self.moves is not None else set()
        return [each for each in made if each not in done]

    def reach(self, steps: Collection[Step], begun: bool) -> Reach | None:
        """What code on these lines can call, where it may have `begun` to; None where that is not known."""
        if self._plain is None or not steps:
            return None
        within = frozenset[int]().union(*(step.within for step in steps))
        calls = [calls for step in steps for calls in step.calls]
        alone = not begun and len(steps) == 1 and all(len(step.statements) == 1 for step in steps) and len(calls) == 1
        only = self._plain.first(calls[0]) if alone else ""
        return Reach(self._plain.reached(calls), within, only, makes=alone and calls[0].makes)

    def owes(self, steps: Collection[Step]) -> bool:
        """Whether code that stands on these lines calls something before it goes on, unless it raises."""
        plain = self._plain
        return (
            plain is not None
            and len(steps) > 0
            and all(len(step.statements) == 1 and all(map(plain.due, step.calls)) for step in steps)
        )

    def entries(self, said: frozenset[bytes]) -> tuple[Choices, frozenset[int] | None]:
        """The same as `calls`, of the CALL of the entry."""
        return self._next(said, self._entries)

    def calls(self, said: frozenset[bytes], reach: Reach | None) -> tuple[Choices, frozenset[int] | None]:
        """Of a CALL that has shown some names: the names that can be next, and where it can stand if it ends there.

        No line at all where it may not end, None for any line.
        """
        reached = [each for each in self._calls if reach is None or self._is_reached(each.opening, reach)]
        return self._next(said, reached)

    def called(self, said: frozenset[bytes], name: bytes, reach: Reach | None) -> str:
        """The function whose CALL has shown some names before `name`, a parameter; empty where that is unclear."""
        found = set[str]()
        for call in self._calls:
            if (reach is None or self._is_reached(call.opening, reach)) and call.agrees(said):
                if name in call.required[len(said) : len(said) + 1] or name in call.late:
                    found.add(call.opening.function)
                elif len(call.required) <= len(said) and (call.others is None or name in call.others):
                    return ""  # a name from outside
        return found.pop() if len(found) == 1 else ""

    def _next(self, said: frozenset[bytes], calls: Sequence[_Call]) -> tuple[Choices, frozenset[int] | None]:
        if not self._calls:
            return Choices(self.anywhere.names - said), None
        names, lines = set[bytes](), set[int]()
        for call in calls:
            left, may_end = call.after(said)
            names.update(self.anywhere.names if left is None else left)
            lines |= call.opening.lines if may_end else frozenset()
        return Choices(names - said), frozenset(lines)

    def _is_reached(self, opening: Opening, reach: Reach) -> bool:
        if reach.only:
            return opening.function == reach.only
        if opening.inner or reach.makes:
            return opening.inner and not opening.lines.isdisjoint(reach.lines)
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


def _moves(tree: ast.Module, plain: Plain) -> Moves:
    functions = {
        node.name: node.args for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and node.name in plain.own
    }
    derived = any(isinstance(node, ast.ClassDef) and node.bases for node in ast.walk(tree))
    return Moves(functions, lasting(tree), apart=not derived, quiet=plain.quiet)


def _is_marked(line: str) -> bool:
    return line.rstrip().endswith(START_MARKER)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _spelled(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(map(spelled, names))


def spelled(text: str) -> bytes:
    """A name or a value as `json.dumps` spells it, without its quotes."""
    return json.dumps(text)[1:-1].encode("ascii")
