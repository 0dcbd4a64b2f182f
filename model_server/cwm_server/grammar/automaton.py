"""The states of a trace's text, byte by byte, and what may come next in each.

    <|call_sep|>{"NAME": "VALUE", ...}<|action_sep|>LINE<|frame_sep|>      and the same for <|line_sep|>
    <|return_sep|><|action_sep|>LINE<|arg_sep|>"VALUE"<|frame_sep|>        and the same for <|exception_sep|>

States are immutable and shared: what follows from one is looked up once.
"""

from __future__ import annotations

from collections.abc import Iterable

from cwm_server.grammar.flow import END
from cwm_server.grammar.places import Place, Places
from cwm_server.grammar.source import Choices
from cwm_server.grammar.state import (
    Phase,
    State,
    in_line,
    is_free,
    is_listed_line,
    is_whole_line,
    narrowed,
    remaining,
)
from cwm_server.grammar.vocabulary import CLOSED, PLAIN, Vocabulary, lex
from cwm_server.sampling import Fork
from cwm_tracer.model import Event
from cwm_tracer.wire import EVENT_TOKEN, UNCHANGED, Special

_EVENTS = {token: event for event, token in EVENT_TOKEN.items()}
_STATEFUL = (Event.CALL, Event.LINE)
_UNCHANGED = UNCHANGED.encode()
_QUOTE = 0x22
_KEPT = 20_000  # states of one context
_PUNCTUATION = {
    Phase.OBJECT: (ord("{"), Phase.FIRST),
    Phase.COLON: (ord(":"), Phase.SPACE),
    Phase.SPACE: (ord(" "), Phase.QUOTE),
    Phase.QUOTE: (_QUOTE, Phase.VALUE),
    Phase.GAP: (ord(" "), Phase.NEXT),
    Phase.ARGUMENT: (_QUOTE, Phase.RESULT),
}


class Automaton:
    """The texts that keep to what may come at the places of one context."""

    def __init__(self, vocabulary: Vocabulary, places: Places) -> None:
        self.vocabulary = vocabulary
        self._places = places
        self._states: dict[object, State] = {}

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

    def permits(self, state: State, token: int) -> bool:
        """Whether a token may be chosen: one that may come, and where one text alone can, the one that says most of it.

        How such a text is cut into tokens makes no difference to a reader, but to how long it takes to say it.
        """
        return token in self.spelt(state) if self.spelt(state) else self.move(state, token) is not None

    def mask(self, state: State) -> bytes | None:
        """The tokens that may be chosen next; None for all."""
        if state.phase is Phase.FREE:
            return None
        if state.mask is None:
            state.mask = self._mask(state)
        return state.mask

    def closing(self, state: State) -> bytes | None:
        """Of the tokens that may come next those that bring the end of what is being said nearer."""
        mask = self.mask(state)
        left = remaining(state)
        if mask is None or left == 0:
            return mask
        if state.closing is None:
            near = bytearray(self.vocabulary.size)
            for token in _set(mask):
                after = self.move(state, token)
                near[token] = after is not None and remaining(after) < left
            state.closing = bytes(near) if any(near) else mask  # names that are due have to be said
        return state.closing

    def spelt(self, state: State) -> tuple[int, ...]:
        """The token that spells most of the only text that can come next; empty where several can.

        Where it is the only token that may come it is certain; else shorter ones begin the same text.
        """
        if state.spelt is None:
            state.spelt = self._spelt(state)
        return state.spelt

    def fork(self, state: State) -> Fork | None:
        """The tokens that tell how a condition came out, each way's own; None where the next one does not tell."""
        branch = self._places.branch(state.place) if self._chooses(state) else None
        if branch is None:
            return None
        passed, taken = (self._towards(state, way) for way in (branch.passed, branch.taken))
        return Fork(passed - taken, taken - passed) if passed - taken and taken - passed else None

    def _chooses(self, state: State) -> bool:
        return state.phase is Phase.EVENT or (state.event is Event.LINE and is_listed_line(state))

    def _towards(self, state: State, way: frozenset[int]) -> frozenset[int]:
        """The tokens that may come next where a frame shows one of some lines, or a return for END among them."""
        if state.phase is Phase.EVENT:
            events = [Event.RETURN] * (END in way) + [Event.LINE] * bool(way - {END})
            return frozenset(self.vocabulary.ids[EVENT_TOKEN[event]] for event in events)
        return self._spellings(state, set(self._places.shown(way - {END})).intersection(_left(state)))

    def due(self, state: State) -> int:
        """How many bytes, and so tokens at most, the names take that must still be said, with their values."""
        return self._places.due(state.place, state.event, state.names)

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
        elif is_listed_line(state) and token not in self._spellings(state, _left(state)):
            after = None
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
                return State(place, Phase.END) if self._places.may_end(place) else None
            begun = _EVENTS.get(special)
            if begun is None or not self._places.may_begin(place, begun):
                return None
            return State(place, Phase.OBJECT if begun in _STATEFUL else Phase.ACTION, begun)
        if phase is Phase.ACTION and special is Special.ACTION:
            choices = self._places.lines(place, event, state.names)
            high = len(choices.texts) if choices is not None else 0
            return State(place, Phase.LINE, event, state.names, choices=choices, high=high)
        if phase is Phase.LINE and is_whole_line(state):
            if event in _STATEFUL and special is Special.FRAME:
                return State(place, Phase.DONE)
            if event not in _STATEFUL and special is Special.ARGUMENT:
                return State(place, Phase.ARGUMENT, event)
        if phase is Phase.CLOSE and special is Special.FRAME:
            return State(place, Phase.DONE)
        return None

    def _step(self, state: State, byte: int) -> State | None:
        phase = state.phase
        if phase is Phase.VALUE or phase is Phase.RESULT:
            return self._in_string(state, byte)
        if phase is Phase.NAME:
            return self._in_name(state, byte)
        if phase is Phase.LINE:
            return in_line(state, byte)
        if phase in _PUNCTUATION:
            wanted, following = _PUNCTUATION[phase]
            if byte != wanted:
                return None
            after = State(state.place, following, state.event, state.names, state.name)
            choices = self._choices(after)
            if choices is not None:
                after.choices, after.high = choices, len(choices.texts)
            return after
        if phase is Phase.FIRST or phase is Phase.NEXT:
            if byte == _QUOTE:
                return self._begin_name(state) if self._has_more_names(state) else None
            return (
                self._end_locals(state)
                if phase is Phase.FIRST and byte == ord("}") and self._may_close(state)
                else None
            )
        if phase is Phase.AFTER:
            if byte == ord("}") and self._may_close(state):
                return self._end_locals(state)
            if byte == ord(",") and self._has_more_names(state):
                return State(state.place, Phase.GAP, state.event, state.names)
        return None

    def _in_string(self, state: State, byte: int) -> State | None:
        if state.choices is not None:
            if byte != _QUOTE or state.offset < len(state.choices.texts[state.low]):
                return narrowed(state, byte)
            if state.phase is Phase.RESULT:
                return State(state.place, Phase.CLOSE, state.event)
            return State(state.place, Phase.AFTER, state.event, state.names | {state.name})
        after = lex(state.lex, byte)
        if after is None:
            return None
        if state.phase is Phase.RESULT:
            phase = Phase.CLOSE if after == CLOSED else Phase.RESULT
            return State(state.place, phase, state.event, lex=max(after, PLAIN))
        if after == CLOSED:
            if state.dots == len(_UNCHANGED) and not self._may_stand(state):
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
        return narrowed(state, byte)

    def _begin_name(self, state: State) -> State:
        choices, _ = self._names(state)
        high = len(choices.texts) if choices is not None else 0
        return State(state.place, Phase.NAME, state.event, state.names, choices=choices, high=high)

    def _end_locals(self, state: State) -> State:
        return State(state.place, Phase.ACTION, state.event, state.names)

    def _has_more_names(self, state: State) -> bool:
        choices, _ = self._names(state)
        return choices is None or bool(choices.texts)

    def _may_close(self, state: State) -> bool:
        return self._names(state)[1]

    def _names(self, state: State) -> tuple[Choices | None, bool]:
        return self._places.names(state.place, state.event, state.names)

    def _may_stand(self, state: State) -> bool:
        return self._places.may_stand(state.place, state.event, state.name)

    def _choices(self, state: State) -> Choices | None:
        """What the value can be that begins here, None for anything, or where none does."""
        if state.phase is Phase.VALUE:
            return self._places.value(state.place, state.event, state.names, state.name)
        return self._places.result(state.place, state.event) if state.phase is Phase.RESULT else None

    # -- masks

    def _mask(self, state: State) -> bytes:
        vocabulary = self.vocabulary
        spelt = self.spelt(state)
        if spelt:
            mask = bytearray(vocabulary.size)
            for token in spelt:
                mask[token] = 1
            return bytes(mask)
        tokens: Iterable[int]
        if is_free(state):
            mask = bytearray(vocabulary.staying[state.lex])
            tokens = (token for token in vocabulary.leaving[state.lex] if self.move(state, token) is not None)
        else:
            mask = bytearray(vocabulary.size)
            tokens = self._continuing(state)
        for token in tokens:
            mask[token] = 1
        for token, special in vocabulary.specials.items():
            mask[token] = self._special(state, special) is not None
        return bytes(mask)

    def _continuing(self, state: State) -> Iterable[int]:
        """The tokens, but for specials, that may come where not anything may be said."""
        if is_listed_line(state):
            return self._spellings(state, _left(state))
        return self.vocabulary.continuing(state, self._step)

    def _spellings(self, state: State, lines: Iterable[bytes]) -> frozenset[int]:
        """The next tokens of some lines that can still come: a known line is spelled as the tokenizer spells it."""
        found = (self.vocabulary.pieces(line).get(state.offset) for line in lines)
        return frozenset(token for token in found if token is not None)

    def _spelt(self, state: State) -> tuple[int, ...]:
        if is_free(state):
            return ()
        vocabulary = self.vocabulary
        specials = [token for token, special in vocabulary.specials.items() if self._special(state, special)]
        tokens = list(self._continuing(state))
        if specials or not tokens:
            return tuple(specials) if len(specials) == 1 and not tokens else ()
        if is_listed_line(state):
            return tuple(tokens) if len(tokens) == 1 else ()
        longest = max(tokens, key=lambda token: (len(vocabulary.texts[token]), token))
        text = vocabulary.texts[longest]
        return (longest,) if all(text.startswith(vocabulary.texts[token]) for token in tokens) else ()


def _left(state: State) -> list[bytes]:
    """The lines that can still come, of those that are listed."""
    assert state.choices is not None
    return state.choices.texts[state.low : state.high]


def _set(mask: bytes) -> list[int]:
    return [index for index, allowed in enumerate(mask) if allowed]
