"""The states of a trace's text, byte by byte, and what may come next in each.

    <|call_sep|>{"NAME": "VALUE", ...}<|action_sep|>LINE<|frame_sep|>      and the same for <|line_sep|>
    <|return_sep|><|action_sep|>LINE<|arg_sep|>"VALUE"<|frame_sep|>        and the same for <|exception_sep|>

States are immutable and shared: what follows from one is looked up once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from cwm_server.grammar.source import Choices, Region, Source
from cwm_server.grammar.vocabulary import CLOSED, PLAIN, Vocabulary, lex
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import EVENT_TOKEN, UNCHANGED, Special

_EVENTS = {token: event for event, token in EVENT_TOKEN.items()}
_STATEFUL = (Event.CALL, Event.LINE)
_UNCHANGED = UNCHANGED.encode()
_QUOTE, _NEWLINE = 0x22, 0x0A
_KEPT = 20_000  # states of one context


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
    FREE = enum.auto()  # in a frame that does not keep to the rules
    END = enum.auto()


_PUNCTUATION = {
    Phase.OBJECT: (ord("{"), Phase.FIRST),
    Phase.COLON: (ord(":"), Phase.SPACE),
    Phase.SPACE: (ord(" "), Phase.QUOTE),
    Phase.QUOTE: (_QUOTE, Phase.VALUE),
    Phase.GAP: (ord(" "), Phase.NEXT),
    Phase.ARGUMENT: (_QUOTE, Phase.RESULT),
}
_REMAINING = {  # bytes to the end of the locals or the argument at least
    Phase.OBJECT: 2,
    Phase.FIRST: 1,
    Phase.COLON: 5,
    Phase.SPACE: 4,
    Phase.QUOTE: 3,
    Phase.AFTER: 1,
    Phase.ARGUMENT: 2,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trace stands between two frames: `scopes` are the regions of the open activations, None for unknown.

    `known` are the names whose value can be `..`; `begun` says that there is a frame already.
    """

    scopes: tuple[Region | None, ...] = ()
    known: frozenset[bytes] = frozenset()
    begun: bool = False


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

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for states that are the same."""
        return (
            self.place,
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


class Automaton:
    """The rules for one context. Without the `complete` source, lines and names are free.

    `depth` counts the activations that were open before the first frame of the prompt.
    """

    def __init__(self, vocabulary: Vocabulary, source: Source, complete: bool, depth: int) -> None:
        self.vocabulary = vocabulary
        self._source = source
        self._complete = complete
        self._states: dict[object, State] = {}
        self._names: dict[object, Choices] = {}
        self.start = Place((None,) * depth, begun=depth > 0)

    def at(self, place: Place) -> State:
        """The state between two frames."""
        return self._shared(State(place, Phase.EVENT))

    def free(self, place: Place) -> State:
        """The state in a frame that has broken the rules."""
        return self._shared(State(place, Phase.FREE))

    def move(self, state: State, token: int) -> State | None:
        """The state after a token, None where it may not come."""
        known = state.moves
        if token not in known:
            known[token] = self._move(state, token)
        return known[token]

    def mask(self, state: State) -> bytes | None:
        """The tokens that may come next; None for all."""
        if state.phase is Phase.FREE:
            return None
        if state.mask is None:
            state.mask = self._mask(state)
        return state.mask

    def closing(self, state: State) -> bytes | None:
        """Of the tokens that may come next those that bring the end of what is being said nearer."""
        mask = self.mask(state)
        left = _remaining(state)
        if mask is None or left == 0:
            return mask
        if state.closing is None:
            near = bytearray(self.vocabulary.size)
            for token in _set(mask):
                after = self.move(state, token)
                near[token] = after is not None and _remaining(after) < left
            state.closing = bytes(near)
        return state.closing

    def after(self, place: Place, frame: Frame) -> Place:
        """The place behind a frame that was read by other means."""
        names = frozenset(name.encode("utf-8", "surrogatepass") for name in frame.locals or ())
        return self._after(place, frame.event, names, frame.source.encode("utf-8", "surrogatepass"))

    # -- moves

    def _shared(self, state: State) -> State:
        if len(self._states) >= _KEPT:
            self._states.clear()
        return self._states.setdefault(state.key, state)

    def _move(self, state: State, token: int) -> State | None:
        vocabulary = self.vocabulary
        special = vocabulary.specials.get(token)
        if special is not None:
            after = self._special(state, special)
        else:
            text = vocabulary.texts[token]
            here: State | None = state if text else None
            for byte in text:
                here = self._step(here, byte)  # type: ignore[arg-type]
                if here is None:
                    break
            after = here
        return None if after is None else self._shared(after)

    def _special(self, state: State, special: Special) -> State | None:
        place, phase, event = state.place, state.phase, state.event
        if phase is Phase.EVENT:
            if special is Special.END:
                return State(place, Phase.END) if self._may_end(place) else None
            begun = _EVENTS.get(special)
            if begun is None or not self._may_begin(place, begun):
                return None
            return State(place, Phase.OBJECT if begun in _STATEFUL else Phase.ACTION, begun)
        if phase is Phase.ACTION and special is Special.ACTION:
            choices = self._lines(place, event)
            high = len(choices.texts) if choices is not None else 0
            return State(place, Phase.LINE, event, state.names, choices=choices, high=high)
        if phase is Phase.LINE and _is_whole_line(state):
            line = state.choices.texts[state.low] if state.choices is not None else b""
            if event in _STATEFUL and special is Special.FRAME:
                return State(self._after(place, event, state.names, line), Phase.EVENT)
            if event not in _STATEFUL and special is Special.ARGUMENT:
                return State(place, Phase.ARGUMENT, event)
        if phase is Phase.CLOSE and special is Special.FRAME:
            return State(self._after(place, event, frozenset(), b""), Phase.EVENT)
        return None

    def _step(self, state: State, byte: int) -> State | None:
        phase = state.phase
        if phase is Phase.VALUE or phase is Phase.RESULT:
            return self._in_string(state, byte)
        if phase is Phase.NAME:
            return self._in_name(state, byte)
        if phase is Phase.LINE:
            return _in_line(state, byte)
        if phase in _PUNCTUATION:
            wanted, following = _PUNCTUATION[phase]
            if byte != wanted:
                return None
            return State(state.place, following, state.event, state.names, state.name)
        if phase is Phase.FIRST or phase is Phase.NEXT:
            if byte == _QUOTE:
                return self._begin_name(state) if self._has_more_names(state) else None
            return self._end_locals(state) if phase is Phase.FIRST and byte == ord("}") else None
        if phase is Phase.AFTER:
            if byte == ord("}"):
                return self._end_locals(state)
            if byte == ord(",") and self._has_more_names(state):
                return State(state.place, Phase.GAP, state.event, state.names)
        return None

    def _in_string(self, state: State, byte: int) -> State | None:
        after = lex(state.lex, byte)
        if after is None:
            return None
        if state.phase is Phase.RESULT:
            phase = Phase.CLOSE if after == CLOSED else Phase.RESULT
            return State(state.place, phase, state.event, lex=max(after, PLAIN))
        if after == CLOSED:
            if state.dots == len(_UNCHANGED) and not self._is_known(state):
                return None
            return State(state.place, Phase.AFTER, state.event, state.names | {state.name})
        dots = state.dots
        dots = dots + 1 if 0 <= dots < len(_UNCHANGED) and byte == _UNCHANGED[dots] else -1
        return State(state.place, Phase.VALUE, state.event, state.names, state.name, lex=after, dots=dots)

    def _in_name(self, state: State, byte: int) -> State | None:
        place, event, names = state.place, state.event, state.names
        if state.choices is None:
            after = lex(state.lex, byte)
            if after is None:
                return None
            if after != CLOSED:
                return State(place, Phase.NAME, event, names, text=state.text + bytes((byte,)), lex=after)
            name = state.text
            return State(place, Phase.COLON, event, names, name) if name and name not in names else None
        if byte == _QUOTE:
            name = state.choices.texts[state.low]
            return State(place, Phase.COLON, event, names, name) if len(name) == state.offset else None
        return _narrowed(state, byte)

    def _begin_name(self, state: State) -> State:
        choices = self._free_names(state)
        high = len(choices.texts) if choices is not None else 0
        return State(state.place, Phase.NAME, state.event, state.names, choices=choices, high=high)

    def _end_locals(self, state: State) -> State:
        return State(state.place, Phase.ACTION, state.event, state.names)

    # -- what the source allows

    def _region(self, place: Place) -> Region:
        return (place.scopes[-1] if place.scopes else None) or self._source.anywhere

    def _lines(self, place: Place, event: Event | None) -> Choices | None:
        if not self._complete:
            return None
        if event is not Event.CALL:
            return self._region(place).lines
        return self._source.called if place.begun else self._source.entry

    def _free_names(self, state: State) -> Choices | None:
        """The names that were not said yet."""
        if not self._complete:
            return None
        region = self._source.anywhere if state.event is Event.CALL else self._region(state.place)
        key = (id(region), state.names)
        if key not in self._names:
            self._names[key] = Choices(region.names - state.names)
        return self._names[key]

    def _has_more_names(self, state: State) -> bool:
        choices = self._free_names(state)
        return choices is None or bool(choices.texts)

    def _is_known(self, state: State) -> bool:
        return state.event is not Event.CALL and state.name in state.place.known

    def _may_begin(self, place: Place, event: Event) -> bool:
        if not place.begun:
            return event is Event.CALL
        return bool(place.scopes) or self._source.suspends

    def _may_end(self, place: Place) -> bool:
        return place.begun and not place.scopes

    def _after(self, place: Place, event: Event | None, names: frozenset[bytes], line: bytes) -> Place:
        scopes = place.scopes
        if event is Event.CALL:
            region = self._source.region(line) if self._complete else None
            return Place((*scopes, region), names, True)
        if event is Event.LINE:
            return Place(scopes, names, True)
        if event is Event.RETURN:
            return Place(scopes[:-1], frozenset(), True)
        return Place(scopes, place.known, True)

    # -- masks

    def _mask(self, state: State) -> bytes:
        vocabulary = self.vocabulary
        in_string = state.phase in (Phase.VALUE, Phase.RESULT) or (state.phase is Phase.NAME and state.choices is None)
        tokens: Iterable[int]
        if in_string:
            mask = bytearray(vocabulary.staying[state.lex])
            tokens = (token for token in vocabulary.leaving[state.lex] if self.move(state, token) is not None)
        else:
            mask = bytearray(vocabulary.size)
            tokens = vocabulary.continuing(state, self._step)
        for token in tokens:
            mask[token] = 1
        for token, special in vocabulary.specials.items():
            mask[token] = self._special(state, special) is not None
        return bytes(mask)


def _in_line(state: State, byte: int) -> State | None:
    if state.choices is not None:
        return _narrowed(state, byte)
    if state.offset:  # the newline was said
        return None
    return State(state.place, Phase.LINE, state.event, state.names, offset=int(byte == _NEWLINE), dots=-1)


def _narrowed(state: State, byte: int) -> State | None:
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
        choices=state.choices,
        low=low,
        high=high,
        offset=state.offset + 1,
    )


def _is_whole_line(state: State) -> bool:
    if state.choices is None:
        return state.offset == 1 or state.dots == 0  # code without source has the empty line
    return state.low < state.high and len(state.choices.texts[state.low]) == state.offset


def _remaining(state: State) -> int:
    """How many bytes are left at least of the locals, of the argument or of a free line; 0 outside of them."""
    phase = state.phase
    if phase is Phase.VALUE or phase is Phase.RESULT:
        escape = (0, 1, 4, 3, 2, 1)[state.lex]
        dots = 1 if phase is Phase.VALUE and state.dots == len(_UNCHANGED) else 0  # `..` may not be the end
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


def _set(mask: bytes) -> list[int]:
    return [index for index, allowed in enumerate(mask) if allowed]
