"""What a server keeps for constrained decoding: rules by context, and how far each prompt was read already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cwm_server.grammar.automaton import Automaton
from cwm_server.grammar.places import Place, Places
from cwm_server.grammar.source import Source
from cwm_server.grammar.state import Phase, State
from cwm_server.grammar.vocabulary import Vocabulary
from cwm_server.sampling import Fork
from cwm_server.sequences import common_prefix
from cwm_server.tokenizer import Tokenizer
from cwm_tracer import wire
from cwm_tracer.wire import Special

_CONTEXTS = 16
_PATHS = 64
_SHARE = 4  # a frame may use this part of its tokens freely
_LONGEST_LINE = 128  # tokens of a line that is not shown
_MARGIN = 24  # tokens of a frame besides its locals and its line: separators, the rest of a name


class NotATraceError(ValueError):
    """The prompt does not begin with a context and its end."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a request says of its prompts.

    `complete`: all source that runs is in the context. `before`: tokens of frames that say how activations stand which
    were open before the first frame of the prompt, of each its CALL and the last frame after it; `depth` counts those
    around them. `frame_tokens`: how long a frame may become; before that its values are brought to an end.
    """

    complete: bool = True
    depth: int = 0
    before: tuple[int, ...] = ()
    frame_tokens: int | None = None


class Grammars:
    """The rules for the contexts that were asked about last. `size` is the model's vocabulary, which may be padded."""

    def __init__(self, tokenizer: Tokenizer, size: int) -> None:
        self.tokenizer = tokenizer
        self.vocabulary = Vocabulary(tokenizer, size)
        self._rules: OrderedDict[tuple[object, ...], Rules] = OrderedDict()

    def is_trace(self, ids: Sequence[int]) -> bool:
        """Whether a prompt begins with a context and its end."""
        special = self.vocabulary.ids
        return list(ids[:2]) == [special[Special.BEGIN], special[Special.CONTEXT]] and special[Special.FRAME] in ids

    def rules(self, ids: Sequence[int], options: Options) -> Rules:
        """The rules for the context that a prompt begins with. Raises NotATraceError."""
        special = self.vocabulary.ids
        if list(ids[:2]) != [special[Special.BEGIN], special[Special.CONTEXT]]:
            raise NotATraceError("the prompt does not begin with a trace's context")
        try:
            end = list(ids).index(special[Special.FRAME])
        except ValueError:
            raise NotATraceError("the prompt's context has no end") from None
        key = (tuple(ids[:end]), options.complete)
        rules = self._rules.pop(key, None)
        if rules is None:
            text = wire.to_text(self.tokenizer.decode(ids[2:end]))
            rules = Rules(self, Source(text, options.complete), end + 1, options.complete)
        self._rules[key] = rules
        if len(self._rules) > _CONTEXTS:
            self._rules.popitem(last=False)
        return rules


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one request asks for: the engine starts a `Guide` for each of its prompts."""

    grammars: Grammars
    options: Options = Options()

    def guide(self, ids: Sequence[int]) -> Guide:
        """A guide that has read `ids`. Raises NotATraceError."""
        return self.grammars.rules(ids, self.options).guide(ids, self.options)

    def witness(self, ids: Sequence[int], start: int) -> Guide:
        """A guide that has read `ids[:start]` and is told the others; those of the context may be any.

        Frames that it is shown are as long as they are. Raises NotATraceError.
        """
        return self.grammars.rules(ids, self.options).guide(ids[:start], replace(self.options, frame_tokens=None))


class Rules:
    """The rules for one context, and the sequences that were read under them."""

    def __init__(self, grammars: Grammars, source: Source, begin: int, complete: bool) -> None:
        self.places = Places(source, complete)
        self.automaton = Automaton(grammars.vocabulary, self.places)
        self.tokenizer = grammars.tokenizer
        self._begin = begin
        self._paths: list[_Path] = []
        lines = source.anywhere.lines.texts
        texts = [line.decode("utf-8", "surrogatepass") for line in lines]
        lengths = (len(self.tokenizer.encode([Special.ACTION, text])) for text in texts)
        longest = max(lengths, default=_LONGEST_LINE)
        self.longest_line = longest if complete else max(longest, _LONGEST_LINE)

    def guide(self, ids: Sequence[int], options: Options) -> Guide:
        """A guide that has read `ids`; what it shares with one before is not read again. Raises NotATraceError."""
        origin = options.depth, options.before
        best, shared = None, 0
        for path in self._paths:
            common = common_prefix(path.ids, ids) if path.origin == origin else 0
            if common > shared:
                best, shared = path, common
        path = self._begun(*origin) if best is None else best.until(shared)
        if best is not None and shared == len(best.ids):
            self._paths.remove(best)  # it is continued
        self._paths.append(path)
        del self._paths[:-_PATHS]
        path.ids = list(ids[: path.frames[-1][0]])
        guide = Guide(self, path, options.frame_tokens)
        for token in ids[len(path.ids) :]:
            guide.advance(token)
        return guide

    def _begun(self, depth: int, before: tuple[int, ...]) -> _Path:
        if not all(0 <= token < self.tokenizer.vocabulary_size for token in before):
            raise NotATraceError("`before` holds tokens that the tokenizer does not have")
        read = wire.decode(self.tokenizer.decode(before), wire.START)
        return _Path((depth, before), self._begin, self.places.standing(depth, read.frames))


@dataclass(slots=True, eq=False)
class _Path:
    """A sequence that was read: its tokens, and where its frames begin with the place there.

    `origin` is what was open before the first: how many activations around those whose tokens follow.
    """

    origin: tuple[int, tuple[int, ...]]
    ids: list[int]
    frames: list[tuple[int, Place]]

    def __init__(self, origin: tuple[int, tuple[int, ...]], begin: int, place: Place) -> None:
        self.origin = origin
        self.ids = []
        self.frames = [(begin, place)]

    def until(self, length: int) -> _Path:
        """Another path that begins with the whole frames among the first `length` tokens."""
        path = _Path(self.origin, *self.frames[0])
        path.frames = [frame for frame in self.frames if frame[0] <= length] or path.frames
        return path


class Guide:
    """Reads one sequence and says what may come next. A frame that breaks the rules is read on without any."""

    def __init__(self, rules: Rules, path: _Path, frame_tokens: int | None) -> None:
        self._rules = rules
        self._automaton = rules.automaton
        self._path = path
        self._frame_tokens = frame_tokens
        self._state: State = self._automaton.at(path.frames[-1][1])

    def permits(self, token: int) -> bool:
        """Whether a token may be chosen next."""
        if self._is_long():
            mask = self.mask()
            return mask is None or bool(mask[token])
        return self._in_context or self._state.phase is Phase.FREE or self._automaton.permits(self._state, token)

    def mask(self) -> bytes | None:
        """The tokens that may be chosen next, one byte each; None for all of them."""
        if self._in_context:
            return None
        if self._is_long():
            return self._automaton.closing(self._state)
        return self._automaton.mask(self._state)

    def fork(self) -> Fork | None:
        """The tokens that tell how a condition came out; None where the next one does not tell."""
        return None if self._in_context else self._automaton.fork(self._state)

    def foreseen(self, limit: int) -> list[int]:
        """The tokens, at most `limit`, that the rules leave no choice but to spell otherwise; up to a frame's end."""
        found: list[int] = []
        if self._in_context or self._is_long():
            return found
        state: State | None = self._state
        while state is not None and len(found) < limit and (spelt := self._automaton.spelt(state)):
            found += spelt
            state = self._automaton.move(state, found[-1])
        return found

    def advance(self, token: int) -> bool:
        """Read a token; False for one that the rules did not expect, whatever the length of the frame."""
        path, automaton = self._path, self._automaton
        in_context = self._in_context
        path.ids.append(token)
        if in_context:
            return True
        special = automaton.vocabulary.specials.get(token)
        after = None if self._state.phase is Phase.FREE else automaton.move(self._state, token)
        start, place = path.frames[-1]
        expected = after is not None or self._state.phase is Phase.FREE
        self._state = after if after is not None else automaton.free(place)
        if special is Special.FRAME:
            place = self._read(path.ids[start:], place)
            path.frames.append((len(path.ids), place))
            self._state = automaton.at(place)
        return expected

    @property
    def _in_context(self) -> bool:
        return len(self._path.ids) < self._path.frames[0][0]

    def _is_long(self) -> bool:
        """Whether the frame has to come to its end now, so that what must still be said fits."""
        total = self._frame_tokens
        if total is None:
            return False
        said = len(self._path.ids) - self._path.frames[-1][0]
        if said < total // _SHARE:
            return False
        left = self._rules.longest_line + _MARGIN + self._automaton.due(self._state)
        return said >= max(total // _SHARE, total - left)

    def _read(self, ids: Sequence[int], place: Place) -> Place:
        """The place behind a frame, as a reader takes it."""
        places = self._rules.places
        read = wire.decode(self._rules.tokenizer.decode(ids), places.cursor(place))
        for frame in read.frames:
            place = places.after(place, frame)
        return place
