"""Set predictions beside the truth: pairs, divergences and metrics, teacher-forced and free-running."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from cwm_tracer.agreement import Choices
from cwm_tracer.compare.align import Block
from cwm_tracer.compare.changes import changed_sentence
from cwm_tracer.compare.divergence import (
    Divergence,
    DivergenceKind,
    extra_sentence,
    kind_of,
    missing_sentence,
    sentence_for,
    with_earlier,
)
from cwm_tracer.compare.metrics import Metric, Rate
from cwm_tracer.compare.origin import Origin, Origins
from cwm_tracer.compare.routes import branch_path, line_path
from cwm_tracer.compare.scopes import align_frames
from cwm_tracer.compare.score import Score, score_agreement, score_frame
from cwm_tracer.compare.table9 import table9
from cwm_tracer.compare.tally import Agreed, teacher_forced
from cwm_tracer.compare.values import any_redacted, is_redacted, same_value
from cwm_tracer.model import EXPECTATION, Choice, Ending, Event, Frame, Problem, ProblemKind, Trace, Verification

Question = Literal["tf", "fr"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A true frame and what was predicted for it.

    `score` is None where there is nothing to score: a frame that was given, or one whose prediction is missing.
    """

    index: int
    truth: Frame
    predicted: Frame | None
    score: Score | None


@dataclass(frozen=True)
class Comparison:
    """A prediction beside the truth. `question` says which one: "tf" for teacher-forced, "fr" for free-running.

    `missing` counts predictions that could not be had, `redacted` values that were withheld; neither is
    scored.
    """

    question: Question
    divergences: tuple[Divergence, ...]
    metrics: Mapping[str, Metric]
    missing: int
    redacted: int
    make_pairs: Callable[[], Iterable[Pair]] = field(compare=False, repr=False)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The aligned frames in order, made when somebody asks for them.

        All true ones when teacher-forced, those that have a counterpart when free-running.
        """
        return tuple(self.make_pairs())

    @property
    def first(self) -> Divergence | None:
        """The first divergence."""
        return self.divergences[0] if self.divergences else None


def compare_verification(truth: Trace, verification: Verification, *, withheld: bool | None = None) -> Comparison:
    """Teacher-forced: each choice against the true frame of the same index. Frame 0 is given and not scored.

    `withheld` says whether any value of the truth is redacted; where it is None, that is looked up.
    """
    frames = truth.frames
    if withheld is None:
        withheld = any_redacted(frames)
    choices = Choices.of(verification.choices, frames)
    others = {**choices.others, **dict.fromkeys(range(len(choices), len(frames))), 0: None}
    scores: dict[int, Score] = {}
    agreed = Agreed()
    divergences: list[Divergence] = []
    origins = Origins(lasting=False)
    last: dict[int, Mapping[str, str]] = {}
    for index, frame in enumerate(frames):
        before, state = last.get(frame.scope), frame.locals
        if state is not None and state is not before:
            last[frame.scope] = state
        if index not in others and not withheld:  # most frames of most traces
            agreed.add(state, before)
            continue
        choice = others[index] if index in others else choices[index]
        if choice is None:
            continue
        score = scores[index] = score_frame(frame, choice.frame, before, well_formed=_is_well_formed(choice))
        if not score.frame:
            divergences.append(_divergence(frames, index, choice, score, origins.of(frame, score)))
        origins.note(index, frame, score)
    missing = sum(choice is None and 0 < index < len(frames) for index, choice in others.items())
    bits = [each for each in choices.bits[1 : len(frames)] if each is not None]
    metrics, redacted = teacher_forced(scores.values(), agreed, bits)

    def pairs() -> Iterator[Pair]:
        for index, frame, before in _with_state_before(frames):
            if index not in others and not withheld:
                yield Pair(index, frame, frame, score_agreement(frame, before))
                continue
            choice = others[index] if index in others else choices[index]
            yield Pair(index, frame, None if choice is None else choice.frame, scores.get(index))

    return Comparison("tf", tuple(divergences), metrics, missing, redacted, pairs)


def compare_traces(truth: Trace, predicted: Trace, problems: Sequence[Problem] = ()) -> Comparison:
    """Free-running: two traces, aligned on event and source line; values are compared inside aligned pairs only.

    Frames are aligned inside their call. `problems` are those of the roll-out that made `predicted`. What `predicted`
    holds beyond a truth that was cut short is neither right nor wrong; of a recorded expectation that was cut short the
    same holds the other way round, sentences say what changed instead of what was predicted, and there are no metrics
    of what only a model says (`format`, `table9.*`).
    """
    real, told = truth.frames, predicted.frames
    recorded = predicted.meta.producer == EXPECTATION
    blocks = align_frames(real, told, mend=not recorded and predicted.meta.producer != "recorder")
    if blocks and _is_cut(truth) and not blocks[-1].truth:
        told = told[: blocks.pop().predicted.start]
    elif blocks and recorded and _is_cut(predicted) and not blocks[-1].predicted:
        real = real[: blocks.pop().truth.start]
    aligned = dict(_aligned(blocks))
    pairs, divergences = _paired(real, told, blocks, recorded)
    if recorded:
        divergences = [replace(each, sentence=changed_sentence(each, real)) for each in divergences]
    if problems:
        malformed = _malformed(real, blocks, problems)
        others = [each for each in divergences if each.index != malformed.index]
        divergences = sorted([*others, malformed], key=lambda each: each.index)
    first = divergences[0].index if divergences else len(real)
    outcome = _outcome_rate(truth, predicted)
    metrics: dict[str, Metric] = {
        "fr.prefix": Rate(max(0, first - 1), max(0, len(real) - 1)),
        "fr.line_path": line_path(real, told, aligned),
        "fr.branch_path": branch_path(real, told, aligned),
        "fr.return": outcome,
        "fr.trace": Rate(int(not divergences), int(len(real) > 0)),
    }
    if not recorded:
        said = _well_formed_frames(len(predicted.frames), problems)
        correct = bool(outcome.correct) if outcome.total else None
        metrics = {"format": said, **metrics, **table9(truth, predicted, problems, correct)}
    redacted = sum(pair.score.redacted for pair in pairs if pair.score is not None)
    return Comparison("fr", tuple(divergences), metrics, 0, redacted, lambda: pairs)


def _paired(
    real: Sequence[Frame], told: Sequence[Frame], blocks: Sequence[Block], recorded: bool
) -> tuple[list[Pair], list[Divergence]]:
    """The aligned frames with their scores, and what diverges in them and between them, in order."""
    before = {index: state for index, _, state in _with_state_before(real)}
    pairs: list[Pair] = []
    divergences: list[Divergence] = []
    origins = Origins(lasting=True)
    for block in blocks:
        if not block.equal:
            divergences.append(_replaced(real, told, block, origins))
            continue
        for index, at in zip(block.truth, block.predicted, strict=True):
            frame = real[index]
            score = score_frame(frame, told[at], before[index], masked=recorded)
            pairs.append(Pair(index, frame, told[at], score))
            if not score.frame:
                divergences.append(_divergence(real, index, Choice(told[at]), score, origins.of(frame, score), at))
            origins.note(index, frame, score)
    return pairs, divergences


def _is_cut(trace: Trace) -> bool:
    return trace.meta.ending not in (Ending.RETURNED, Ending.NEVER_CALLED)


def _aligned(blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    for block in blocks:
        if block.equal:
            yield from zip(block.truth, block.predicted, strict=True)


def _with_state_before(frames: Sequence[Frame]) -> Iterator[tuple[int, Frame, Mapping[str, str] | None]]:
    """Each frame with the locals that its scope showed last."""
    last: dict[int, Mapping[str, str]] = {}
    for index, frame in enumerate(frames):
        yield index, frame, last.get(frame.scope)
        if frame.locals is not None:
            last[frame.scope] = frame.locals


def _is_well_formed(choice: Choice) -> bool:
    return not choice.problems and (choice.frame is not None or choice.ended)


def _divergence(
    frames: Sequence[Frame],
    index: int,
    choice: Choice,
    score: Score,
    earlier: tuple[Origin, ...],
    at: int | None = None,
) -> Divergence:
    kind = kind_of(frames[index], choice.frame, choice.problems, choice.ended)
    sentence = sentence_for(kind, frames[index], choice.frame, score.differences, choice.problems, frames, index)
    return Divergence(
        kind=kind,
        index=index,
        truth=frames[index],
        predicted=choice.frame,
        variables=score.differences,
        problems=choice.problems,
        # Teacher-forced, what was wrong before is no cause: every prediction starts from the truth.
        sentence=with_earlier(sentence, earlier) if at is not None else sentence,
        predicted_index=at,
        earlier=earlier,
    )


def _replaced(real: Sequence[Frame], told: Sequence[Frame], block: Block, origins: Origins) -> Divergence:
    """The divergence of a block in which frames are missing, inserted, or others than happened."""
    index, at = block.truth.start, block.predicted.start
    count = max(len(block.truth), len(block.predicted))
    truth = real[index] if block.truth else None
    predicted = told[at] if block.predicted else None
    earlier = origins.of(truth or real[min(index, len(real) - 1)]) if real else ()
    if truth is None:
        assert predicted is not None
        kind, sentence = DivergenceKind.EXTRA, extra_sentence(told, block.predicted)
    elif predicted is None:
        kind, sentence = DivergenceKind.MISSING, missing_sentence(real, block.truth)
    else:
        kind = kind_of(truth, predicted, (), False)
        sentence = sentence_for(kind, truth, predicted, (), (), real, index)
    return Divergence(
        kind=kind,
        index=index,
        truth=truth,
        predicted=predicted,
        sentence=with_earlier(sentence, earlier),
        predicted_index=at,
        count=count,
        earlier=earlier,
    )


def _malformed(real: Sequence[Frame], blocks: Sequence[Block], problems: Sequence[Problem]) -> Divergence:
    """What could not be read of a roll-out, as one divergence at the true frame beside the first problem."""
    at = min(problem.frame for problem in problems)
    index = len(real)
    for block in blocks:
        if at < block.predicted.stop:
            index = min(block.truth.start + at - block.predicted.start, block.truth.stop)
            break
    frame = real[index] if index < len(real) else None
    count = len({problem.frame for problem in problems})
    sentence = f"the prediction is not well-formed: {problems[0]}"
    return Divergence(DivergenceKind.FORMAT, index, frame, None, (), tuple(problems), sentence, at, count)


def _well_formed_frames(frames: int, problems: Sequence[Problem]) -> Rate:
    """Of all frames said after the given one; text that made no frame at all counts as one frame."""
    lost = (ProblemKind.UNKNOWN_EVENT, ProblemKind.TEXT_AFTER_END)
    nowhere = sum(problem.kind in lost for problem in problems)
    faulty = {problem.frame for problem in problems if problem.kind not in lost and problem.frame < frames}
    said = max(0, frames - 1)
    return Rate(max(0, said - len(faulty)), said + nowhere)


def _outcome_rate(truth: Trace, predicted: Trace) -> Rate:
    real = _outcome(truth.frames)
    if truth.meta.ending is not Ending.RETURNED or real is None or any(value and is_redacted(value) for value in real):
        return Rate()
    told = _outcome(predicted.frames)
    return Rate(int(told is not None and all(_same(a, b) for a, b in zip(real, told, strict=True))), 1)


def _outcome(frames: Sequence[Frame]) -> tuple[str | None, str | None] | None:
    """What the entry returned, and the exception that it passed on instead; None when its end is not in the trace.

    An exception frame directly before the return says that the return is an unwinding.
    """
    if not frames or frames[-1].event is not Event.RETURN or frames[-1].scope != frames[0].scope:
        return None
    before = frames[-2] if len(frames) > 1 else frames[0]
    raised = before.argument if before.event is Event.EXCEPTION and before.scope == frames[0].scope else None
    return frames[-1].argument, raised


def _same(truth: str | None, predicted: str | None) -> bool:
    if truth is None or predicted is None:
        return truth is predicted
    return same_value(truth, predicted)
