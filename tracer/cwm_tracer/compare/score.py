"""Score one predicted frame against one true frame: event, action, state and argument apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from cwm_tracer import wire
from cwm_tracer.compare.masks import fits
from cwm_tracer.compare.metrics import Rate, rate_of
from cwm_tracer.compare.paths import Inner, only_difference
from cwm_tracer.compare.values import REDACTED, Level, any_redacted, is_redacted, level_of, same_value
from cwm_tracer.model import Frame

_NOTHING = Rate()


class Difference(NamedTuple):
    """A variable that differs: reprs of its two values, None where it is not bound."""

    name: str
    truth: str | None
    predicted: str | None

    @property
    def level(self) -> Level | None:
        """How far the prediction is right; None where a side has no value."""
        return level_of(self.truth, self.predicted) if self.truth is not None and self.predicted is not None else None

    @property
    def inner(self) -> Inner | None:
        """The part of a nested value in which alone the two differ."""
        if self.truth is None or self.predicted is None:
            return None
        return only_difference(self.truth, self.predicted)


class Score(NamedTuple):
    """What of a frame was predicted right.

    `state` is None unless the true frame is a call or a line; `argument` is None unless it is a return or an exception
    whose argument may be scored. `variables` counts all scored variables, `changed` those that the true frame
    before it in the same scope did not show with this value. Of all scored variables `identical` are right to the
    letter, `same_type` have at least the right type. `redacted` counts the values that were withheld.
    """

    event: bool
    action: bool
    state: bool | None
    argument: bool | None
    well_formed: bool = True
    variables: Rate = _NOTHING
    changed: Rate = _NOTHING
    identical: Rate = _NOTHING
    same_type: Rate = _NOTHING
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


def same_line(a: Frame, b: Frame) -> bool:
    """Whether two frames stand on the same source line."""
    return a.source == b.source or action_of(a) == action_of(b)


def score_frame(
    truth: Frame,
    predicted: Frame | None,
    before: Mapping[str, str] | None = None,
    well_formed: bool = True,
    masked: bool = False,
) -> Score:
    """Score `predicted` (None: no frame was said) where its scope showed the locals `before` last.

    `masked` says that it was recorded, and that `<varies>` in it stands for any value.
    """
    if predicted is truth and not any_redacted((truth,)) and not any(map(is_redacted, (before or {}).values())):
        return score_agreement(truth, before, well_formed)
    if masked and predicted is not None:
        predicted = _unmasked(predicted, truth)
    event = predicted is not None and predicted.event is truth.event
    action = event and predicted is not None and same_line(truth, predicted)
    if truth.locals is not None:
        said = predicted.locals if predicted is not None else None
        return _score_state(event, action, truth.locals, said, before, well_formed)
    argument = truth.argument or ""
    if is_redacted(argument):
        return Score(event, action, None, None, well_formed, redacted=1)
    right = predicted is not None and predicted.argument is not None and same_value(argument, predicted.argument)
    return Score(event, action, None, right, well_formed)


def score_agreement(frame: Frame, before: Mapping[str, str] | None, well_formed: bool = True) -> Score:
    """The score of a frame against itself, where neither it nor `before` holds a redacted value."""
    if frame.locals is None:
        return _all_right(None, 0, well_formed)
    return _all_right(*variables_of(frame.locals, before), well_formed)


def variables_of(state: Mapping[str, str], before: Mapping[str, str] | None) -> tuple[int, int]:
    """How many variables there are to predict after `before`, deleted ones too, and how many of them change."""
    if before is None:
        return len(state), len(state)
    if before == state:
        return len(state), 0
    known = before.get
    changed = new = 0
    for name, value in state.items():
        old = known(name)
        if old != value:
            changed += 1
            new += old is None
    gone = len(before) - (len(state) - new)
    return len(state) + gone, changed + gone


@lru_cache(maxsize=4096)
def _all_right(variables: int | None, changed: int, well_formed: bool) -> Score:
    """Everything right in a frame with so many variables, None for one that has an argument."""
    if variables is None:
        return Score(True, True, None, True, well_formed)
    all_, changes = rate_of(variables, variables), rate_of(changed, changed)
    return Score(True, True, True, None, well_formed, all_, changes, all_, all_)


def _unmasked(expected: Frame, truth: Frame) -> Frame:
    """The expected frame with the true values where these are what it expects."""
    argument, state = expected.argument, expected.locals
    if argument is not None and truth.argument is not None and fits(truth.argument, argument):
        argument = truth.argument
    if state is not None and truth.locals is not None:
        real = truth.locals
        state = {
            name: real[name] if name in real and value != real[name] and fits(real[name], value) else value
            for name, value in state.items()
        }
    return replace(expected, argument=argument, locals=state)


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
    names = dict.fromkeys(truth)
    for more in (said, before):
        if not more.keys() <= names.keys():
            names.update(dict.fromkeys(more))
    total = identical = equal = unlike = changes = kept = redacted = 0
    differences: list[Difference] = []
    for name in names:
        real, told = truth.get(name), said.get(name)
        if real is not None and REDACTED in real:
            redacted += 1
            continue
        known = before.get(name)
        changed = real != known and (known is None or not is_redacted(known))
        if real is None and told is None and not changed:
            continue
        total += 1
        right = False
        if predicted is not None and real == told:
            identical += 1
            right = True
        elif predicted is None or real is None or told is None:
            unlike += 1
        else:
            level = level_of(real, told)
            right = level is Level.EQUAL
            equal += right
            unlike += level is Level.DIFFERENT
        changes += changed
        kept += changed and right
        if not right and predicted is not None:
            differences.append(Difference(name, real, told))
    return Score(
        event=event,
        action=action,
        state=predicted is not None and not differences,
        argument=None,
        well_formed=well_formed,
        variables=rate_of(identical + equal, total),
        changed=rate_of(kept, changes),
        identical=rate_of(identical, total),
        same_type=rate_of(total - unlike, total),
        redacted=redacted,
        differences=tuple(differences),
    )
