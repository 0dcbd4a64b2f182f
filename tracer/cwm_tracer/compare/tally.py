"""The teacher-forced metrics of a trace: sums over the scores of its frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cwm_tracer.compare.metrics import Mean, Metric, Rate
from cwm_tracer.compare.score import Score


def teacher_forced(scores: Iterable[Score], bits: Sequence[float]) -> tuple[dict[str, Metric], int]:
    """The metrics by id, and how many values were withheld. `bits` are the surprises of those frames that have one."""
    frames = events = actions = states = with_state = arguments = with_argument = right = formed = redacted = 0
    correct, total = [0, 0, 0, 0], [0, 0, 0, 0]
    for score, times in _counted(scores):
        frames += times
        events += score.event * times
        actions += score.action * times
        if score.state is not None:
            with_state += times
            states += score.state * times
        if score.argument is not None:
            with_argument += times
            arguments += score.argument * times
        for at, rate in enumerate((score.variables, score.changed, score.identical, score.same_type)):
            correct[at] += rate.correct * times
            total[at] += rate.total * times
        right += score.frame * times
        formed += score.well_formed * times
        redacted += score.redacted * times
    variables, changed, identical, same_type = map(Rate, correct, total)
    return {
        "tf.event": Rate(events, frames),
        "tf.action": Rate(actions, frames),
        "tf.state": Rate(states, with_state),
        "tf.variable": variables,
        "tf.changed": changed,
        "tf.identical": identical,
        "tf.same_type": same_type,
        "tf.argument": Rate(arguments, with_argument),
        "tf.frame": Rate(right, frames),
        "tf.bits": Mean(sum(bits), len(bits)),
        "format": Rate(formed, frames),
    }, redacted


def _counted(scores: Iterable[Score]) -> Iterator[tuple[Score, int]]:
    """Each score with how often it occurs: frames that are right share a few."""
    held = [*scores]
    by_id = dict(zip(map(id, held), held, strict=True))
    return ((by_id[each], times) for each, times in Counter(map(id, held)).items())
