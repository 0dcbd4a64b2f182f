"""The teacher-forced metrics of a trace: sums over the scores of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cwm_tracer.compare.metrics import Mean, Metric, rate_of
from cwm_tracer.compare.score import Score, variables_of


@dataclass(slots=True)
class Agreed:
    """The sums over frames of which everything is right: those with a state, with an argument, and their variables."""

    states: int = 0
    arguments: int = 0
    variables: int = 0
    changed: int = 0

    def add(self, state: Mapping[str, str] | None, before: Mapping[str, str] | None) -> None:
        """One more frame, with its locals and those that its scope showed last; neither holds a redacted value."""
        if state is None:
            self.arguments += 1
            return
        self.states += 1
        if state is before:
            self.variables += len(state)
            return
        variables, changed = variables_of(state, before)
        self.variables += variables
        self.changed += changed


def teacher_forced(scores: Iterable[Score], agreed: Agreed, bits: Sequence[float]) -> tuple[dict[str, Metric], int]:
    """The metrics by id, and how many values were withheld.

    `scores` are those of all frames that are not in `agreed`, `bits` the surprises of those frames that have one.
    """
    frames = events = actions = right = formed = agreed.states + agreed.arguments
    states = with_state = agreed.states
    arguments = with_argument = agreed.arguments
    correct = [agreed.variables, agreed.changed, agreed.variables, agreed.variables]
    total = [*correct]
    redacted = 0
    for score in scores:
        frames += 1
        events += score.event
        actions += score.action
        if score.state is not None:
            with_state += 1
            states += score.state
        if score.argument is not None:
            with_argument += 1
            arguments += score.argument
        for at, rate in enumerate((score.variables, score.changed, score.identical, score.same_type)):
            correct[at] += rate.correct
            total[at] += rate.total
        right += score.frame
        formed += score.well_formed
        redacted += score.redacted
    variables, changed, identical, same_type = map(rate_of, correct, total)
    return {
        "tf.event": rate_of(events, frames),
        "tf.action": rate_of(actions, frames),
        "tf.state": rate_of(states, with_state),
        "tf.variable": variables,
        "tf.changed": changed,
        "tf.identical": identical,
        "tf.same_type": same_type,
        "tf.argument": rate_of(arguments, with_argument),
        "tf.frame": rate_of(right, frames),
        "tf.bits": Mean(sum(bits), len(bits)),
        "format": rate_of(formed, frames),
    }, redacted
