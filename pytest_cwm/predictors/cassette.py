"""The predictor that replays recorded answers; to `record` or `rewrite` them, it asks a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, cast

from cwm_tracer.model import Choice, Context, Event, Frame, RollOut, Trace, Verification
from pytest_cwm.cassettes import answers
from pytest_cwm.cassettes.entry import Asked, Entry, Known, Question, prompt_of
from pytest_cwm.cassettes.files import CassetteError
from pytest_cwm.cassettes.library import Library
from pytest_cwm.files import path_of, shown
from pytest_cwm.predictors.base import GREEDY, PredictionError, Predictor, Sampling
from pytest_cwm.predictors.identity import Identity
from pytest_cwm.report.digest import digests_of

Mode = Literal["replay", "record", "rewrite"]
Json = Any
_A = TypeVar("_A", Verification, RollOut, Choice)
_Say = Callable[[Predictor], _A]
_Read = Callable[[Json, Trace], _A]


class Recordable(Predictor, Protocol):
    """A predictor whose answers can be kept: it says what they depend on."""

    def identify(self) -> Identity:
        """What it is. Raises `PredictionError` when its server can't be asked."""

    def prompt_ids(self, context: Context, frames: Sequence[Frame]) -> list[int]:
        """The tokens of a context and the frames after it."""

    def unfit(self, truth: Trace) -> Collection[int]:
        """The frames of which there can be no prediction, since no prompt is large enough."""


class CassettePredictor:
    """Answers from a directory of cassettes.

    `make` gives the model's predictor (`inner`) at the first answer that is missing; in `replay` it is never called.
    `known` holds what is known of the model's identity without asking it; the rest is taken from the cassettes.
    """

    def __init__(self, directory: Path, mode: Mode, known: Known, make: Callable[[], Predictor], name: str) -> None:
        self.library = Library(directory, known)
        self.mode = mode
        self.name = name
        self.counts: Counter[str] = Counter()
        self.damage: dict[str, str] = {}
        self._make = make
        self.inner: Recordable | None = None
        self._identities: list[Identity] = []

    @property
    def identity(self) -> Identity | None:
        """Of whoever gave the answers; in parts in which they differ it says "mixed". None without any answer."""
        if not self._identities:
            return None
        first, *others = self._identities
        if not others:
            return first
        same = {
            name: getattr(first, name) if all(getattr(each, name) == getattr(first, name) for each in others) else None
            for name in ("model", "weights", "tokenizer", "decoding")
        }
        return Identity(
            same["model"] or "mixed",
            same["weights"] or "mixed",
            same["tokenizer"] or "mixed",
            max(each.template for each in self._identities),
            same["decoding"] or {"mixed": True},
        )

    def for_test(self, nodeid: str) -> Predictor:
        """The same for the questions of one test, whose cassette they go to."""
        return _OfTest(self, nodeid)

    def verify(self, truth: Trace) -> Verification:
        """See `Predictor`; the answers belong to no test."""
        return self.for_test("").verify(truth)

    def roll_out(
        self, context: Context, prefix: Sequence[Frame], *, max_frames: int, sampling: Sampling = GREEDY
    ) -> RollOut:
        """See `Predictor`; the answers belong to no test."""
        return self.for_test("").roll_out(context, prefix, max_frames=max_frames, sampling=sampling)

    def next_frame(
        self, context: Context, prefix: Sequence[Frame], *, event: Event | None = None, sampling: Sampling = GREEDY
    ) -> Choice:
        """See `Predictor`; the answers belong to no test."""
        return self.for_test("").next_frame(context, prefix, event=event, sampling=sampling)

    def close(self) -> None:
        """Close the model's predictor, if there is one."""
        if self.inner is not None:
            self.inner.close()

    def answer(self, nodeid: str, asked: Asked, before: Trace, say: _Say[_A], read: _Read[_A]) -> _A:
        """The recorded answer, or in `record` and `rewrite` the model's. Raises `PredictionError`."""
        try:
            if self.mode != "rewrite":
                found = self.library.find(nodeid, asked)
                if isinstance(found, Entry):
                    return self._replayed(nodeid, found, before, read)
                if self.mode == "replay":
                    self.counts["missing"] += 1
                    raise PredictionError(f"not in the cassettes: {found.reason}; record it with --cwm-cassette=record")
            return self._recorded(nodeid, asked, before, say, read)
        except CassetteError as error:
            self.library.failed(nodeid)
            self.damage.setdefault(nodeid, str(error))
            raise PredictionError(str(error)) from None

    def _replayed(self, nodeid: str, entry: Entry, before: Trace, read: _Read[_A]) -> _A:
        try:
            answer = read(entry.answer, before)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            path = shown(path_of(self.library.directory, nodeid))
            raise CassetteError(f"the cassette {path} is damaged: {error!r}; restore or delete it") from None
        if self.mode == "record":  # it may have been found under another test's name
            self.library.adopt(nodeid, entry)
        self._learn(entry.identity)
        self.counts["replayed"] += 1
        return answer

    def _recorded(self, nodeid: str, asked: Asked, before: Trace, say: _Say[_A], read: _Read[_A]) -> _A:
        inner = self._ready()
        answer = say(inner)
        if not isinstance(answer, Choice) and answer.failure is not None and not _is_final(answer, before, inner):
            self.library.failed(nodeid)
            return answer
        identity = inner.identify()
        self._learn(identity)
        entry = Entry(
            asked,
            identity,
            prompt_of(inner.prompt_ids(before.context, before.frames)),
            answers.answer_to_json(answer, before),
        )
        try:
            self.library.add(nodeid, entry)
        except CassetteError as error:  # the answer is there all the same
            self.library.failed(nodeid)
            self.damage.setdefault(nodeid, str(error))
            return answer
        self.counts["recorded"] += 1
        # What a replay will say: the model's own tokens are not kept.
        return read(entry.answer, before)

    def _ready(self) -> Recordable:
        if self.inner is None:
            self.inner = cast(Recordable, self._make())
        return self.inner

    def _learn(self, identity: Identity) -> None:
        if identity not in self._identities:
            self._identities.append(identity)
            self.name = identity.model if len(self._identities) == 1 else self.name


def _is_final(answer: Verification | RollOut, truth: Trace, model: Recordable) -> bool:
    """Whether asking again would give the same answer, although something in it is missing."""
    if isinstance(answer, RollOut):
        return False
    try:
        model.identify()
    except PredictionError:
        return False
    missing = {index for index, choice in enumerate(answer.choices) if index and choice is None}
    return missing <= {*model.unfit(truth)}


class _OfTest:
    """A predictor for the questions of one test."""

    def __init__(self, cassettes: CassettePredictor, nodeid: str) -> None:
        self.name = cassettes.name
        self._cassettes = cassettes
        self._nodeid = nodeid

    def verify(self, truth: Trace) -> Verification:
        asked = _asked("verify", truth, GREEDY)
        try:
            return self._cassettes.answer(
                self._nodeid, asked, truth, lambda model: model.verify(truth), answers.verification
            )
        except PredictionError as error:
            return Verification((None,) * len(truth.frames), failure=str(error), model=self.name)

    def roll_out(
        self, context: Context, prefix: Sequence[Frame], *, max_frames: int, sampling: Sampling = GREEDY
    ) -> RollOut:
        before = Trace(tuple(prefix), context)
        asked = _asked("roll_out", before, sampling, max_frames=max_frames)

        def say(model: Predictor) -> RollOut:
            return model.roll_out(context, prefix, max_frames=max_frames, sampling=sampling)

        try:
            return self._cassettes.answer(self._nodeid, asked, before, say, answers.roll_out)
        except PredictionError as error:
            return RollOut(before, failure=str(error), model=self.name)

    def next_frame(
        self, context: Context, prefix: Sequence[Frame], *, event: Event | None = None, sampling: Sampling = GREEDY
    ) -> Choice:
        before = Trace(tuple(prefix), context)
        asked = _asked("next_frame", before, sampling, event=None if event is None else event.value)

        def say(model: Predictor) -> Choice:
            return model.next_frame(context, prefix, event=event, sampling=sampling)

        return self._cassettes.answer(self._nodeid, asked, before, say, answers.choice)

    def close(self) -> None:
        self._cassettes.close()


def _asked(question: Question, before: Trace, sampling: Sampling, **settings: Json) -> Asked:
    decoding = {"temperature": sampling.temperature, "top_p": sampling.top_p, **settings}
    if not before.context.complete:
        decoding["complete"] = False
    return Asked(question, digests_of(before), decoding, sampling.seed, 0, before.meta.python)
