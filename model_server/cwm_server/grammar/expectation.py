"""What can come next in an activation, by where it stands and what its variables hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_server.grammar.flow import END, Branch, Flow, Step
from cwm_server.grammar.iterables import elements, iterator_of
from cwm_server.grammar.moves import Known, Moves
from cwm_server.grammar.source import Choices, Region, Source, spelled
from cwm_server.grammar.syntax import ITERATED
from cwm_server.grammar.turns import Going, Loop, Turn, begun, bound, free_names, is_first, stops
from cwm_tracer.redaction import REDACTED
from cwm_tracer.wire import UNCHANGED

Values = Mapping[str, str]  # what the variables hold, by name, in the order of the frame

_UNCHANGED = UNCHANGED.encode()
_ITERATED = ITERATED.encode()
_AROUND = len('"": "..", ')
# Values that can't change while a name is bound to them, or whose text would not show it.
_ATOM = r"(?:-?(?:\d[\d.]*(?:e[+-]?\d+)?j?|inf|nan)|True|False|None)"
_LASTING = re.compile(
    rf"(?:{_ATOM}|\((?:{_ATOM}(?:, {_ATOM})*,?)?\)|[bB]?'.*'|[bB]?\".*\"|range\([-\d, ]*\)"
    r"|<(?:function|class|module|built-in function|generator object|coroutine object) .*>"
    r"|<(?:\w+_\w*iterator|zip|map|filter|enumerate|reversed) object>)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """One call that is open.

    `at` are the lines on which it may stand, empty where that is not known. `begun`: a line of it has run. `values`
    are None where they are not known. `fresh`: nothing else ran since its last frame, so that `..` may stand.
    `raised`: its last frame is an exception. `function` is the plain function that was called, `returned` the plain
    one, or `.0` for a comprehension, that it has called last since its last line, with what that returned. `turns` says
    of the lines of loops which element they took last, `going` how far a comprehension has come. `proposed` is where it
    seems to stand, by its CALL: its first LINE shows whether it does.
    """

    region: Region | None = None
    flow: Flow | None = None
    at: frozenset[int] = frozenset()
    begun: bool = True
    values: Values | None = None
    fresh: bool = False
    raised: bool = False
    function: str = ""
    returned: tuple[str, str] | None = None
    turns: Mapping[int, Turn] | None = None
    going: Going | None = None
    proposed: tuple[Region, Flow] | None = None

    @property
    def called(self) -> str:
        """By what what it returns can be told: the name of a plain function, `.0` of a comprehension; or empty."""
        return self.function or (ITERATED if ITERATED in (self.values or ()) else "")

    def settled(self, numbers: frozenset[int], first: bool) -> Activation:
        """Where it stands once a LINE shows some lines: its `first`, or any later one."""
        if self.proposed is None:
            return self
        region, flow = self.proposed
        wanted = flow.begin if first else flow.steps.keys()
        sure = not numbers.isdisjoint(wanted)
        return replace(self, proposed=None, region=region if sure else None, flow=flow if sure else None)

    def at_line(self, at: frozenset[int], values: Values | None) -> Activation:
        """Behind a LINE that stands on one of some lines."""
        turns = dict(self.turns or {}) if len(at) == 1 else {}
        for number in at if len(at) == 1 else ():
            loop = self.flow.loops.get(number) if self.flow is not None else None
            before, last = self.at if self.begun else frozenset[int](), turns.pop(number, None)
            turn = loop.turn(before, last, values) if loop is not None else None
            turns |= {number: turn} if turn is not None else {}
        going = self.going.moved() if self.going is not None else None
        moved = replace(self, at=at, begun=True, values=values, fresh=True, raised=False, returned=None)
        return replace(moved, turns=turns, going=going)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The CALL with which the only comprehension on `line` begins, or goes on: its names, with what each can hold."""

    line: int
    names: Mapping[bytes, Choices | None]
    going: Going | None


class Expectation:
    """What the next frame of an activation can be, if nothing is called before.

    `paused` is the generator expression that has just handed something to it.
    """

    def __init__(self, source: Source, activation: Activation, paused: Activation | None = None) -> None:
        self._source = source
        self._activation = activation
        self._paused = paused
        self._region = activation.region or source.anywhere
        self._names: dict[frozenset[bytes], tuple[Choices, bool]] = {}
        steps = self._steps()
        follow = None if steps is None else self._follow(steps)
        self.numbers = None if follow is None else follow - {END}
        self.may_return = follow is None or END in follow or activation.raised
        self.lines = self._region.lines if self.numbers is None else source.shown(self.numbers)
        self.reach = source.reach(steps or (), begun=not activation.fresh or activation.raised)
        # The first call of a line; those that it makes after that are not counted.
        self.owes = activation.fresh and not activation.raised and source.owes(steps or ())
        within = frozenset[int]().union(*(step.within for step in steps or ()))
        self.ends = source.shown(within) if within else self._region.lines
        self._before = {spelled(name): None for name in activation.values or ()}
        self._keep: dict[bytes, Choices] | None = None
        self._passed: dict[str, dict[bytes, Choices]] = {}
        # Nothing comes but the exception that closes a generator.
        self.closes = activation.going is not None and activation.going.closed and not activation.raised
        self._only: Step | None = None  # the step that ran last, where it is known
        self.result: Choices | None = None
        self.foreseen: Foreseen | None = None
        if steps is not None and activation.values is not None and not source.binds_freely:
            self._expect_values(steps, activation.values)
            if len(steps) == 1 and steps[0].whole and source.moves is not None:
                self._only = steps[0]
                self._expect_moves(steps[0], activation.values)
            elif len(steps) == 1 and activation.returned is not None and activation.returned[0] == ITERATED:
                self._expect_made(steps[0], values=activation.values)
            if activation.going is not None and not activation.raised and not self.closes:
                self._expect_element(activation.going, activation.values)
            if len(steps) == 1 and len(steps[0].statements) == 1 and not activation.raised:
                (line,), (statement,) = activation.at, steps[0].statements.values()
                self.foreseen = self._foresee(line, statement, activation.values)
        if steps and all(step.ends for step in steps):
            self.result = Choices([b"None"])
        self.branch = self._branch(steps or ())

    def _branch(self, steps: Sequence[Step]) -> Branch | None:
        """The ways of the condition whose line has just run and called nothing; None where it has one at most."""
        activation = self._activation
        if len(steps) != 1 or not steps[0].whole or not activation.fresh or activation.raised:
            return None
        (line,) = activation.at
        branch = activation.flow.branches.get(line) if activation.flow is not None else None
        if branch is None or len(steps[0].statements) != 1 or self.numbers is None:
            return None
        left = self.numbers | {END} if self.may_return else self.numbers
        branch = Branch(branch.taken & left, branch.passed & left)
        return branch if branch.taken and branch.passed else None

    def names(self, said: frozenset[bytes]) -> tuple[Choices, bool]:
        """The names that can come after those that were said, and whether the locals may end here."""
        if said not in self._names:
            self._names[said] = self._names_after(said)
        return self._names[said]

    def due(self, said: frozenset[bytes]) -> int:
        """The bytes of the names that must still be said, with the values that they must have."""
        if self._keep is None:
            return 0
        left = [name for name in (*self._must, *self._sure) if name not in said]
        kept = (self._keep.get(name) for name in left)
        return sum(len(name) + _AROUND for name in left) + sum(len(each.texts[0]) for each in kept if each is not None)

    def value(self, name: bytes) -> Choices | None:
        """What a variable can hold; None for anything."""
        return self._keep.get(name) if self._keep is not None else None

    def argument(self, said: frozenset[bytes], name: bytes) -> Choices | None:
        """What a parameter can hold, in a CALL that has shown some names before it; None for anything."""
        activation, source = self._activation, self._source
        if self.foreseen is not None and (name == _ITERATED or _ITERATED in said):
            return self.foreseen.names.get(name)
        if self._only is None or not activation.fresh or activation.raised:
            return None
        function = source.called(said, name, self.reach)
        if function not in self._passed:
            self._passed[function] = self._arguments(self._only, function) if function else {}
        return self._passed[function].get(name)

    def may_stand(self, name: bytes) -> bool:
        """Whether `..` can stand for the value of a variable."""
        activation = self._activation
        return activation.fresh and name in self._before

    def _steps(self) -> list[Step] | None:
        """The steps that may have run last; none at the beginning, None where nothing is known."""
        activation = self._activation
        if activation.flow is None:
            return None
        if not activation.begun:
            return []
        found = [step for number in activation.at if (step := activation.flow.steps.get(number)) is not None]
        return found if found and len(found) == len(activation.at) else None

    def _follow(self, steps: list[Step]) -> frozenset[int]:
        activation = self._activation
        if not activation.begun:
            assert activation.flow is not None
            return activation.flow.begin
        return frozenset[int]().union(*(step.caught if activation.raised else step.after for step in steps))

    def _expect_values(self, steps: list[Step], values: Values) -> None:
        activation, source = self._activation, self._source
        binds = source.spelled(name for step in steps for name in step.binds)
        unbinds = source.spelled(name for step in steps for name in step.unbinds)
        sure = frozenset[bytes]()
        if len(steps) == 1 and not activation.raised:
            sure = source.spelled(name for name in steps[0].sure if not name.startswith("__"))
        binds |= source.rebound
        unbinds |= source.rebound
        calm = activation.fresh and all(step.calm for step in steps)
        self._must = [name for name in self._before if name not in unbinds]
        self._optional = unbinds.intersection(self._before)
        self._new = binds.difference(self._before)
        self._sure = sure.difference(self._before)
        self._keep = {}
        for plain, value in values.items():
            name = spelled(plain)
            if name not in binds and name not in unbinds and (calm or self._lasts(value, plain)):
                self._keep[name] = Choices([_UNCHANGED if activation.fresh else spelled(value)])

    def _expect_moves(self, step: Step, values: Values) -> None:
        """What can be read of the values that a line binds, and of what it returns."""
        activation, moves = self._activation, self._source.moves
        if moves is None or self._keep is None or activation.raised:
            return
        known = Known(values if activation.fresh else self._lasting(values), activation.returned)
        statements = step.ordered()
        self._expect_read(statements, moves, known, values)
        if activation.fresh and isinstance(statements[0], ast.For) and len(statements) == 1:
            self._expect_turn(statements[0], moves, values)
        if activation.fresh and isinstance(statements[0], (ast.If, ast.While)) and len(statements) == 1:
            self._expect_way(statements[0], moves, values)

    def _expect_made(self, step: Step, values: Values) -> None:
        """What a line binds or returns that is what a comprehension has made."""
        activation, moves, statements = self._activation, self._source.moves, step.ordered()
        if moves is None or activation.raised or len(statements) != 1:
            return
        (statement,) = statements
        if isinstance(statement, ast.stmt) and statement.lineno == statement.end_lineno:  # else its line may come again
            self._expect_read(statements, moves, Known({}, activation.returned), values)

    def _expect_read(self, statements: Sequence[ast.AST], moves: Moves, known: Known, values: Values) -> None:
        """What can be read of what the statements of a line bind and return."""
        assert self._keep is not None
        for name, text in moves.bound(statements, known).items():
            if not name.startswith("__"):  # a class may spell it in another way
                self._keep[spelled(name)] = self._held(name, [text], values)
                self._sure |= self._new & {spelled(name)}
        result = moves.result(statements, known)
        if result is not None:
            self.result = self._or_hidden([spelled(result)])

    def _expect_turn(self, loop: ast.For, moves: Moves, values: Values) -> None:
        """What a loop that goes through what is shown binds its variables to, and whether it ends."""
        known, turn = self._loop(loop), (self._activation.turns or {}).get(loop.lineno)
        entered = None if known is None or turn is None or turn.entered is None else Known(self._own(turn.entered))
        items = elements(loop, moves, Known(self._own(values)), entered)
        if items is None or self._keep is None:
            return
        place = turn.place if turn is not None else None
        if known is None or place is None or self.numbers is None:
            for name, any_of in _any_of(loop.target, items).items():
                behind = [values[name]] if name in values else []  # where the loop ends
                self._keep[spelled(name)] = self._held(name, [*any_of, *behind], values)
        elif place >= len(items):
            self._go_on(self.numbers - set(known.body), self.may_return)
            self._bind({}, loop.target, values)
        elif (texts := bound(loop.target, items[place])) is not None:
            self._go_on(self.numbers & set(known.body), False)
            self._bind(texts, loop.target, values)

    def _expect_way(self, node: ast.If | ast.While, moves: Moves, values: Values) -> None:
        """Where a condition leads that is a value, not worked out from others."""
        holds, flow = moves.truth(node.test, Known(values)), self._activation.flow
        branch = flow.branches.get(node.lineno) if flow is not None else None
        if holds is not None and branch is not None and self.numbers is not None:
            way = branch.way(holds)
            self._go_on(self.numbers & way, END in way)

    def _expect_element(self, going: Going, values: Values) -> None:
        """What comes of the next element of a comprehension."""
        texts, moves = going.taken(), self._source.moves
        generator = isinstance(going.node, ast.GeneratorExp)
        if texts is None or self.numbers is None or moves is None:
            return
        hands_out = generator and going.handed is None and going.place >= 0
        ends = going.is_over or (hands_out and not going.node.generators[0].ifs)
        self._go_on(frozenset() if ends else self.numbers, going.is_over or hands_out)
        self._bind(texts, going.target, values)
        if going.is_over:
            result = "None" if generator else going.made(moves, values)
            self.result = self._or_hidden([spelled(result)]) if result is not None else None
        elif isinstance(going.node, ast.GeneratorExp) and going.place >= 0:
            result = moves.text(going.node.elt, Known({**values, **texts}))
            self.result = self._or_hidden([spelled(result)]) if result is not None else None

    def _foresee(self, line: int, statement: ast.AST, values: Values) -> Foreseen | None:
        moves, node, paused = self._source.moves, self._source.comprehension(line), self._paused
        if moves is None or node is None:
            return None
        lasting = self._lasting(values)
        if paused is not None and paused.going is not None and paused.values is not None:
            taken = paused.going.taken()
            if paused.going.node is not node or taken is None:
                return None
            texts = {name: text if self._lasts(text) else None for name, text in {**paused.values, **taken}.items()}
            closed = stops(node, statement, paused.going.handed or "", moves)
            return Foreseen(line, self._hiding(texts), replace(paused.going, closed=closed))
        if isinstance(node, ast.GeneratorExp) and not self._activation.fresh:
            return None  # it may go on
        sure = Known(values if self._activation.fresh and is_first(node, statement, moves) else lasting)
        going = begun(node, statement, moves, sure, Known(lasting))
        iterator = iterator_of(node, moves, sure)
        free = {name: sure.values.get(name) for name in free_names(node) if name in values}
        return Foreseen(line, self._hiding({ITERATED: iterator, **free}), going)

    def _own(self, values: Values) -> Values:
        """The variables that nothing but the function's own lines binds."""
        return {name: value for name, value in values.items() if spelled(name) not in self._source.rebound}

    def _hiding(self, texts: Mapping[str, str | None]) -> dict[bytes, Choices | None]:
        return {spelled(n): None if text is None else self._or_hidden([spelled(text)]) for n, text in texts.items()}

    def _loop(self, node: ast.For) -> Loop | None:
        flow = self._activation.flow
        return flow.loops.get(node.lineno) if flow is not None else None

    def _go_on(self, numbers: frozenset[int], may_return: bool) -> None:
        self.numbers, self.may_return, self.lines = numbers, may_return, self._source.shown(numbers)

    def _bind(self, texts: Mapping[str, str], target: ast.expr, values: Values) -> None:
        """A line binds the names of a target to what has these texts, or to nothing."""
        assert self._keep is not None
        for name in (each.id for each in ast.walk(target) if isinstance(each, ast.Name)):
            if name in texts:
                self._keep[spelled(name)] = self._held(name, [texts[name]], values)
                self._sure |= self._new & {spelled(name)}
            else:
                self._new -= {spelled(name)}
                if name in values and self._lasts(values[name]):
                    self._keep[spelled(name)] = Choices([_UNCHANGED])

    def _held(self, name: str, texts: list[str], values: Values) -> Choices:
        """What a variable can hold that a line binds to one of some values."""
        before = values.get(name) if self._activation.fresh else None
        allowed = [spelled(text) for text in texts if text != before or not self._lasts(text)]
        if before in texts or (self._source.hides and before == REDACTED):
            allowed.append(_UNCHANGED)
        return self._or_hidden(allowed)

    def _arguments(self, step: Step, function: str) -> dict[bytes, Choices]:
        values, moves = self._activation.values, self._source.moves
        statements = step.ordered()
        if values is None or moves is None or len(statements) != 1:
            return {}
        passed = moves.passed(statements[0], function, Known(values), self._lasting(values))
        return {spelled(name): self._or_hidden([spelled(text)]) for name, text in passed.items()}

    def _lasting(self, values: Values) -> Values:
        """The variables that hold the same whatever is called."""
        rebound = self._source.rebound
        lasting = ((name, value) for name, value in values.items() if self._lasts(value, name))
        return {name: value for name, value in lasting if spelled(name) not in rebound}

    def _or_hidden(self, texts: list[bytes]) -> Choices:
        return Choices([*texts, spelled(REDACTED)] if self._source.hides else texts)

    def _lasts(self, value: str, name: str = "") -> bool:
        """Whether a value is shown like this as long as a name is bound to it.

        An object of a class that is shown may look like anything, by its `__repr__`: it is called `self` then.
        """
        named = value.startswith("<")
        return (
            _LASTING.fullmatch(value) is not None and not (named and self._source.renames) and (named or name != "self")
        )

    def _names_after(self, said: frozenset[bytes]) -> tuple[Choices, bool]:
        if self._keep is None:
            return Choices(self._region.names - said), True
        due = next((name for name in self._must if name not in said), None)
        if due is not None:
            return Choices({due, *(self._optional - said)}), False
        return Choices((self._optional | self._new) - said), self._sure <= said


def _any_of(target: ast.expr, items: Iterable[object]) -> dict[str, list[str]]:
    """What a loop's variable can hold, where it is not known how far the loop has come."""
    each = [bound(target, item) for item in items]
    known = [texts for texts in each if texts is not None]
    names = known[0] if len(known) == len(each) > 0 else ()
    return {name: [texts[name] for texts in known] for name in names}
