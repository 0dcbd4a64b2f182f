"""Guesses at the tokens that come next, to be checked by one call of the model: the truth, or what stood there before.

A guess costs time and never changes an answer. How far to guess follows from how often guesses were right: every
token that is generated tells, whether it had been guessed for the model or not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

LONGEST = 48
# What reading one token more costs, in calls of the model with one token.
_COST = 0.06
_WORTH = 0.15  # the rate of right guesses below which none is made
_MEMORY = 0.15  # the weight of the newest token in that rate
_GRAM = 3


class Drafter:
    """Guesses for one sequence. The `draft` is what may well follow the `prompt`, for traces the true one.

    Where the sequence leaves the draft it is looked for again from there on. Without a draft, or away from it, the
    guess is what followed the last tokens where they stood before.
    """

    def __init__(self, prompt: Sequence[int], draft: Sequence[int] = ()) -> None:
        self._text = _Text(prompt)
        self._draft = _Text(draft)
        self._place: int | None = 0 if draft else None  # in the draft; None while it is lost
        self._anchor = 0  # where it was left
        self._doubtful = False  # whether the last token did not stand in the draft
        self._copied: int | None = self._text.previous()
        self._drafted_rate, self._copied_rate = 0.9, 0.4

    def propose(self, limit: int) -> list[int]:
        """The next tokens, at most `limit`; none where it is not worth it."""
        source, place, rate = self._source()
        length = min(limit, _worthwhile(rate))
        return source[place : place + length] if place is not None else []

    def observe(self, token: int) -> None:
        """The next token is known."""
        if self._place is not None and self._place < len(self._draft.ids):
            hit = self._draft.ids[self._place] == token
            self._drafted_rate += _MEMORY * (hit - self._drafted_rate)
        if self._copied is not None:
            hit = self._text.ids[self._copied] == token
            self._copied_rate += _MEMORY * (hit - self._copied_rate)
            self._copied = self._copied + 1 if hit else None
        self._text.append(token)
        if self._copied is None:
            self._copied = self._text.previous()
        self._follow(token)

    def _source(self) -> tuple[list[int], int | None, float]:
        drafted = self._place is not None and self._place < len(self._draft.ids)
        if drafted and (self._copied is None or self._drafted_rate >= self._copied_rate):
            return self._draft.ids, self._place, self._drafted_rate
        return self._text.ids, self._copied, self._copied_rate

    def _follow(self, token: int) -> None:
        """Move on in the draft, or find the place in it again."""
        ids = self._draft.ids
        if not ids:
            return
        if self._place is not None and self._place < len(ids) and ids[self._place] == token:
            self._place += 1
            self._doubtful = False
            return
        if self._place is not None and not self._doubtful:
            # One token instead of another is the most frequent difference.
            self._anchor = self._place
            self._place, self._doubtful = self._place + 1, True
            return
        self._place = self._draft.nearest(self._text.ids[-_GRAM:], self._anchor)
        if self._place is not None:
            self._anchor, self._doubtful = self._place, False


class _Text:
    """Tokens and where each run of a few of them ends."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = {}
        for token in ids:
            self.append(token)

    def append(self, token: int) -> None:
        self.ids.append(token)
        if len(self.ids) >= _GRAM:
            self._ends.setdefault(tuple(self.ids[-_GRAM:]), []).append(len(self.ids))

    def previous(self) -> int | None:
        """Behind the last place before the end where the same tokens stood as at the end."""
        ends = self._ends.get(tuple(self.ids[-_GRAM:]), [])
        return ends[-2] if len(ends) > 1 else None

    def nearest(self, gram: Sequence[int], place: int) -> int | None:
        """Behind the occurrence of some tokens that is nearest to a place, one after it before one as near."""
        ends = self._ends.get(tuple(gram), [])
        after = bisect_left(ends, place)
        around = ends[max(0, after - 1) : after + 1]
        return min(around, key=lambda end: (abs(end - place), end < place), default=None)


def _worthwhile(rate: float) -> int:
    """How many guesses bring most tokens for the time when each is right at this rate."""
    if rate < _WORTH:
        return 0
    best, length, expected, chance = 1.0, 0, 1.0, 1.0
    for guesses in range(1, LONGEST + 1):
        chance *= rate
        expected += chance
        gain = expected / (1 + _COST * guesses)
        if gain <= best:
            break
        best, length = gain, guesses
    return length
