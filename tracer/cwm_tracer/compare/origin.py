"""Since when the variables of a scope are wrong: what a divergence may come from."""

from __future__ import annotations

from dataclasses import dataclass, field

from cwm_tracer.compare.score import Score
from cwm_tracer.model import Frame


@dataclass(frozen=True, slots=True)
class Origin:
    """A variable and the true frame at which it was first predicted wrong."""

    name: str
    index: int


@dataclass(slots=True)
class Origins:
    """Follows the variables of each scope through a comparison.

    Free-running a wrong value lasts: a variable that is right again has no origin any more (`lasting`). Teacher-forced
    every prediction starts from the truth, so each time that a variable was wrong is one more.
    """

    lasting: bool
    _wrong: dict[int, dict[str, int]] = field(default_factory=dict)

    def note(self, index: int, truth: Frame, score: Score) -> None:
        """Take in the score of the true frame `index`."""
        if truth.locals is None or (not self.lasting and not score.differences):
            return
        known = self._wrong.setdefault(truth.scope, {})
        if self.lasting:
            self._wrong[truth.scope] = {each.name: known.get(each.name, index) for each in score.differences}
        else:
            for each in score.differences:
                known.setdefault(each.name, index)

    def of(self, truth: Frame, score: Score | None = None) -> tuple[Origin, ...]:
        """The variables of a divergent frame that were wrong before it: where its values diverge those that do so."""
        known = self._wrong.get(truth.scope, {})
        names = [each.name for each in score.differences] if score is not None and score.differences else list(known)
        return tuple(Origin(name, known[name]) for name in names if name in known)
