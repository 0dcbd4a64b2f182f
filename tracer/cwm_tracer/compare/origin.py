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
    _wrong: dict[int, dict[str, Origin]] = field(default_factory=dict)

    def note(self, index: int, truth: Frame, score: Score) -> None:
        """Take in the score of the true frame `index`."""
        if truth.locals is None or (not self.lasting and not score.differences):
            return
        known = self._wrong.setdefault(truth.scope, {})
        if self.lasting:
            names = [each.name for each in score.differences]
            self._wrong[truth.scope] = {name: known.get(name) or Origin(name, index) for name in names}
        else:
            for each in score.differences:
                if each.name not in known:
                    known[each.name] = Origin(each.name, index)

    def of(self, truth: Frame, score: Score | None = None) -> tuple[Origin, ...]:
        """The variables of a divergent frame that were wrong before it: where its values diverge those that do so."""
        known = self._wrong.get(truth.scope)
        if not known:
            return ()
        if score is None or not score.differences:
            return tuple(known.values())
        return tuple([known[each.name] for each in score.differences if each.name in known])
