"""Continuous batching: what several calls want read next goes into one call of the model.

A call of the engine is a generator. It yields what it wants read, is sent what the model says, and returns its answer;
so calls come and go between any two calls of the model (iteration-level scheduling: Yu et al., Orca, OSDI 2022). What
is read at once is bounded, so that a long prompt, which is read in pieces then, does not hold up those that decode.

Whoever has had least comes first, counted in tokens (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996). A
client that comes back after a while is put a little behind the others, no further.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cwm_server.kv_cache import KVCache
from cwm_server.language_model import LanguageModel, Logits, Read

T = TypeVar("T")
BUDGET = 64  # tokens of prompts that are read beside others' next tokens, and as many of these; what suits a CPU
ALONE = 4  # times the budget may be read of a prompt that holds up nobody
_CREDIT = 256  # how many tokens a newcomer is behind
_PART = 5  # in tokens: what each call's part of a call of the model costs besides its tokens


@dataclass(frozen=True, slots=True)
class Want:
    """Tokens to be read that continue the rows of a cache, and the number of the first that the model is asked about.

    A first part of it may be read only: of a `prompt`, which is one row, any, else whole rows. Where nothing of a
    prompt is read the call is asked again. For `chunk` see `Read`.
    """

    tokens: Sequence[Sequence[int]]
    cache: KVCache
    asked: int
    prompt: bool = False
    chunk: int | None = None

    @property
    def count(self) -> int:
        """How many tokens they are."""
        return sum(map(len, self.tokens))

    def within(self, room: int) -> int:
        """How many tokens can be read when there is room for some."""
        if self.prompt:
            return min(room, self.count)
        lengths = itertools.accumulate(map(len, self.tokens))
        return max((length for length in lengths if length <= room), default=0)

    def first(self, count: int) -> list[Sequence[int]]:
        """For each row what is read of it when `count` tokens are."""
        ends = itertools.accumulate(map(len, self.tokens))
        return [
            row if end <= count else row[: count if self.prompt else 0]
            for row, end in zip(self.tokens, ends, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Said:
    """How many tokens were read, and what comes after each of them that the model was asked about."""

    count: int
    logits: Logits | None


NOTHING = Said(0, None)
Steps = Generator[Want, Said, T]


def alone(model: LanguageModel, steps: Steps[T]) -> T:
    """The answer of a call that shares the model with no other."""
    try:
        want = next(steps)
        while True:
            want = steps.send(read(model, [want], [want.count])[0])
    except StopIteration as done:
        answer: T = done.value
        return answer
    finally:
        steps.close()


def read(model: LanguageModel, wants: Sequence[Want], counts: Sequence[int]) -> list[Said]:
    """Read the first `counts[i]` tokens of want i, all in one call of the model."""
    reads = [
        Read(want.first(count), want.cache, min(want.asked, count), want.chunk)
        for want, count in zip(wants, counts, strict=True)
    ]
    hidden = model.read_together(reads)
    logits = model.logits(hidden) if len(hidden) else None
    said, begin = [], 0
    for want, count in zip(wants, counts, strict=True):
        end = begin + max(0, count - want.asked)
        said.append(Said(count, logits.part(begin, end) if logits is not None and end > begin else None))
        begin = end
    return said


@dataclass(slots=True, eq=False)
class Call(Generic[T]):
    """A call on its way; `cancelled` is asked before each call of the model. It ends with an answer or an error."""

    steps: Steps[T]
    client: Hashable
    cancelled: Callable[[], bool] = lambda: False
    number: int = 0
    want: Want | None = None
    answer: T | None = None
    error: BaseException | None = None

    @property
    def ended(self) -> bool:
        """Whether it wants nothing any more."""
        return self.want is None

    def go_on(self, said: Said | None) -> None:
        """Send what was said, None at the beginning."""
        try:
            self.want = self.steps.send(said)  # type: ignore[arg-type]
        except StopIteration as done:
            self.want, self.answer = None, done.value
        except BaseException as error:
            self.want, self.error = None, error

    def fail(self, error: BaseException) -> None:
        """End it with an error."""
        try:
            self.want = self.steps.throw(error)
            self.steps.close()
        except BaseException as raised:
            error = raised
        self.want, self.error = None, error


@dataclass(slots=True)
class Batch:
    """The calls that are on their way, for one thread.

    `budget` tokens of prompts are read in one call of the model while several calls share it, `ALONE` times as many for
    a lone one, in each of the model's lanes; and at most as many beside them of rows that are decoded.
    """

    model: LanguageModel
    budget: int = BUDGET
    calls: list[Call[Any]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _had: dict[Hashable, float] = field(default_factory=dict)  # in tokens, of clients a newcomer could be behind
    _now: float = 0.0  # what each has had who was there all the time, were all shared evenly; never falls

    def had(self, client: Hashable) -> float:
        """What a client has had, or is taken to have had when it comes now."""
        return max(self._now - _CREDIT, self._had.get(client, 0.0))

    def add(self, call: Call[Any]) -> None:
        """Another call; it begins with the next `advance`."""
        self._had[call.client] = self.had(call.client)
        call.number = next(self._numbers)
        self.calls.append(call)

    def advance(self) -> list[Call[Any]]:
        """One call of the model, for as many calls as fit into it. Returns those that have ended."""
        for call in self.calls:
            if call.cancelled():
                call.fail(CancelledError())
            elif call.want is None:
                call.go_on(None)
        going = [call for call in self.calls if not call.ended]
        if going:
            self._read(going)
        ended = [call for call in self.calls if call.ended]
        self.calls = [call for call in self.calls if not call.ended]
        if ended:
            self._forget()
        return ended

    def _read(self, going: list[Call[Any]]) -> None:
        chosen = self._chosen(going)
        wants = [call.want for call, _ in chosen if call.want is not None]
        counts = [count for _, count in chosen]
        try:
            said = read(self.model, wants, counts)
        except Exception as error:
            for call, _ in chosen:
                call.fail(error)
            return
        clients = {call.client for call in going}
        self._now += sum(_PART + count for count in counts) / len(clients)
        for (call, count), each in zip(chosen, said, strict=True):
            self._had[call.client] += _PART + count
            call.go_on(each)
        met = {call for call, _ in chosen}
        for call in going:
            if call not in met and call.want is not None and call.want.prompt:
                call.go_on(NOTHING)  # others may have read meanwhile what it wants

    def _chosen(self, going: list[Call[Any]]) -> list[tuple[Call[Any], int]]:
        """The calls that read something now, with the number of their tokens."""
        chosen: list[tuple[Call[Any], int]] = []
        order = sorted(going, key=lambda call: (self._had[call.client], call.number))
        left = self.budget if len(going) > 1 else sum(call.want.count for call in going if call.want is not None)
        for call in order:
            want = call.want
            if want is not None and not want.prompt:
                longest = max(map(len, want.tokens))  # who comes first reads something in any case
                count = want.within(left if chosen else max(left, longest))
                if count:
                    chosen.append((call, count))
                    left -= count
        room = self.budget if len(going) > 1 else ALONE * self.budget * self.model.lanes
        for call in order:
            want = call.want
            if want is not None and want.prompt and room > 0:
                count = min(room, want.count)
                chosen.append((call, count))
                room -= count
        return chosen

    def _forget(self) -> None:
        """Forget clients that are no further than a newcomer."""
        lowest = min((self._had[call.client] for call in self.calls), default=max(self._had.values(), default=0.0))
        self._now = max(self._now, lowest)
        active = {call.client for call in self.calls}
        kept = (item for item in self._had.items() if item[0] in active or item[1] > self._now - _CREDIT)
        self._had = dict(kept)


class CancelledError(Exception):
    """The caller no longer wants the answer."""
