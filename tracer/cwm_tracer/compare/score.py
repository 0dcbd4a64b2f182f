"""Score one predicted frame against one true frame: event, action, state and argument apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cwm_tracer import wire
from cwm_tracer.compare.metrics import Rate
from cwm_tracer.compare.values import is_redacted, same_value
from cwm_tracer.model import Frame

_NOTHING = Rate()


@dataclass(frozen=True, slots=True)
class Difference:
    """A variable that differs: reprs of its two values, None where it is not bound."""

    name: str
    truth: str | None
    predicted: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """What of a frame was predicted right.

    `state` is None unless the true frame is a call or a line; `argument` is None unless it is a return or an exception
    whose argument may be scored. `variables` counts all scored variables, `changed` those that the true frame
    before it in the same scope did not show with this value. `redacted` counts the values that were withheld.
    """

    event: bool
    action: bool
    state: bool | None
    argument: bool | None
    well_formed: bool = True
    variables: Rate = _NOTHING
    changed: Rate = _NOTHING
    redacted: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def frame(self) -> bool:
        """Whether everything that was scored is right."""
        return (
            self.event and self.action and self.state is not False and self.argument is not False and self.well_formed
        )


def action_of(frame: Frame) -> str:
    """A frame's source line as it is compared: without the start marker and what whitespace ends it."""
    return wire.strip_marker(frame.source.rstrip()).rstrip()


def score_frame(
    truth: Frame, predicted: Frame | None, before: Mapping[str, str] | None = None, well_formed: bool = True
) -> Score:
    """Score `predicted` (None: no frame was said) where its scope showed the locals `before` last."""
    event = predicted is not None and predicted.event is truth.event
    action = event and predicted is not None and action_of(predicted) == action_of(truth)
    if truth.locals is not None:
        said = predicted.locals if predicted is not None else None
        return _score_state(event, action, truth.locals, said, before, well_formed)
    argument = truth.argument or ""
    if is_redacted(argument):
        return Score(event, action, None, None, well_formed, redacted=1)
    right = predicted is not None and predicted.argument is not None and same_value(argument, predicted.argument)
    return Score(event, action, None, right, well_formed)


def _score_state(
    event: bool,
    action: bool,
    truth: Mapping[str, str],
    predicted: Mapping[str, str] | None,
    before: Mapping[str, str] | None,
    well_formed: bool,
) -> Score:
    """A variable that only one side has is a difference too; a deleted one counts as changed."""
    before = before or {}
    said = predicted or {}
    right = total = changed_right = changed_total = redacted = 0
    differences: list[Difference] = []
    for name in dict.fromkeys((*truth, *said, *before)):
        real, told = truth.get(name), said.get(name)
        if real is not None and is_redacted(real):
            redacted += 1
            continue
        changed = real != before.get(name) and not is_redacted(before.get(name, ""))
        if real is None and told is None and not changed:
            continue
        same = predicted is not None and (
            real == told or (real is not None and told is not None and same_value(real, told))
        )
        total += 1
        right += same
        changed_total += changed
        changed_right += changed and same
        if not same and predicted is not None:
            differences.append(Difference(name, real, told))
    return Score(
        event=event,
        action=action,
        state=predicted is not None and right == total,
        argument=None,
        well_formed=well_formed,
        variables=Rate(right, total),
        changed=Rate(changed_right, changed_total),
        redacted=redacted,
        differences=tuple(differences),
    )
