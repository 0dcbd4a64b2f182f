"""Where the text of a trace stands: immutable states, of which what follows from one is looked up once."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from cwm_server.grammar.places import Place
from cwm_server.grammar.source import Choices
from cwm_server.grammar.vocabulary import PLAIN
from cwm_tracer.model import Event
from cwm_tracer.wire import UNCHANGED

_NEWLINE = 0x0A


class Phase(enum.Enum):
    """Where in a frame a text stands."""

    EVENT = enum.auto()
    OBJECT = enum.auto()  # before {
    FIRST = enum.auto()  # behind {
    NAME = enum.auto()
    COLON = enum.auto()
    SPACE = enum.auto()
    QUOTE = enum.auto()  # before the quote that begins a value
    VALUE = enum.auto()
    AFTER = enum.auto()  # behind a value
    GAP = enum.auto()  # behind a comma
    NEXT = enum.auto()  # before the quote that begins a name
    ACTION = enum.auto()  # before the action's token
    LINE = enum.auto()
    ARGUMENT = enum.auto()  # before the quote that begins the argument
    RESULT = enum.auto()  # in the argument
    CLOSE = enum.auto()  # before the frame's end
    DONE = enum.auto()  # behind a frame
    FREE = enum.auto()  # in a frame that does not keep to the rules
    END = enum.auto()


_REMAINING = {  # bytes to the end of the locals or the argument at least
    Phase.OBJECT: 2,
    Phase.FIRST: 1,
    Phase.COLON: 5,
    Phase.SPACE: 4,
    Phase.QUOTE: 3,
    Phase.AFTER: 1,
    Phase.ARGUMENT: 2,
}


@dataclass(slots=True, eq=False)
class State:
    """A place, a phase, and as much of the frame so far as matters for the rest of it.

    `names` are those of the locals so far and `name` the one whose value is being said. `text` is what was said of a
    free name. `choices` from `low` to `high` agree with what was said of a name or a line, `offset` bytes. `lex` is
    the state of a string, `dots` how much of `..` a value is, -1 for another value.
    """

    place: Place
    phase: Phase
    event: Event | None = None
    names: frozenset[bytes] = frozenset()
    name: bytes = b""
    text: bytes = b""
    choices: Choices | None = None
    low: int = 0
    high: int = 0
    offset: int = 0
    lex: int = PLAIN
    dots: int = 0
    moves: dict[int, State | None] = field(default_factory=dict)
    mask: bytes | None = None
    closing: bytes | None = None
    spelt: tuple[int, ...] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for states that are the same."""
        return (
            id(self.place),
            self.phase,
            self.event,
            self.names,
            self.name,
            self.text,
            id(self.choices),
            self.low,
            self.high,
            self.offset,
            self.lex,
            self.dots,
        )


def in_line(state: State, byte: int) -> State | None:
    """The state in a line of source after one more byte, None where it may not come."""
    if state.choices is not None:
        return narrowed(state, byte)
    if state.offset:  # the newline was said
        return None
    return State(state.place, Phase.LINE, state.event, state.names, offset=int(byte == _NEWLINE), dots=-1)


def narrowed(state: State, byte: int) -> State | None:
    """The state after one more byte of the choices, None where none of them has it there."""
    assert state.choices is not None
    found = state.choices.narrow(state.low, state.high, state.offset, byte)
    if found is None:
        return None
    low, high = found
    return State(
        state.place,
        state.phase,
        state.event,
        state.names,
        state.name,
        choices=state.choices,
        low=low,
        high=high,
        offset=state.offset + 1,
    )


def is_free(state: State) -> bool:
    """Whether anything may be said, of a free line or in a string."""
    return state.phase is Phase.FREE or (
        state.choices is None and state.phase in (Phase.VALUE, Phase.RESULT, Phase.NAME)
    )


def is_listed_line(state: State) -> bool:
    """Whether it stands in a line that is one of some."""
    return state.phase is Phase.LINE and state.choices is not None


def is_whole_line(state: State) -> bool:
    """Whether a line may end here."""
    if state.choices is None:
        return state.offset == 1 or state.dots == 0  # code without source has the empty line
    return state.low < state.high and len(state.choices.texts[state.low]) == state.offset


def remaining(state: State) -> int:
    """How many bytes are left at least of the locals, of the argument or of a free line; 0 outside of them."""
    phase = state.phase
    if (phase is Phase.VALUE or phase is Phase.RESULT) and state.choices is not None:
        nearest = min(len(text) for text in state.choices.texts[state.low : state.high])
        return nearest - state.offset + (2 if phase is Phase.VALUE else 1)
    if phase is Phase.VALUE or phase is Phase.RESULT:
        escape = (0, 1, 4, 3, 2, 1)[state.lex]
        dots = 1 if phase is Phase.VALUE and state.dots == len(UNCHANGED) else 0  # `..` may not be the end
        return escape + dots + (2 if phase is Phase.VALUE else 1)
    if phase is Phase.NAME:
        if state.choices is None:
            return (0, 1, 4, 3, 2, 1)[state.lex] + (6 if state.text else 7)
        return 6 + min(len(text) for text in state.choices.texts[state.low : state.high]) - state.offset
    if phase is Phase.LINE and state.choices is None:
        return 1 - state.offset
    if phase is Phase.GAP or phase is Phase.NEXT:
        return 1_000 - (phase is Phase.NEXT)
    return _REMAINING.get(phase, 0)
