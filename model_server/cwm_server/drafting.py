"""Guesses at the tokens that come next, to be checked by one call of the model: the truth, or what stood there before.

A guess costs time and never changes an answer. How far to guess follows from how often guesses were right: every
token that is generated tells, whether it had been guessed for the model or not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

LONGEST = 48
# In calls of the model with one token: what a call with several tokens costs more, and what each of them does.
_START = 0.35
_COST = 0.13
_WORTH = 0.15  # the rate of right guesses below which none is made
_MEMORY = 0.15  # the weight of the newest token in that rate
_GRAM = 3


class Index:
    """Tokens and where each run of a few of them ends; many drafters may share one."""

    def __init__(self, ids: Sequence[int] = ()) -> None:
        self.ids: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = {}
        for token in ids:
            self.append(token)

    def append(self, token: int) -> None:
        """Add a token at the end."""
        self.ids.append(token)
        if len(self.ids) >= _GRAM:
            self._ends.setdefault(tuple(self.ids[-_GRAM:]), []).append(len(self.ids))

    def last(self, gram: Sequence[int], limit: int) -> int | None:
        """Behind the last occurrence of some tokens that ends at `limit` at most."""
        ends = self._ends.get(tuple(gram), ())
        count = bisect_right(ends, limit)
        return ends[count - 1] if count else None

    def nearest(self, gram: Sequence[int], place: int) -> int | None:
        """Behind the occurrence of some tokens that is nearest to a place, one after it before one as near."""
        ends = self._ends.get(tuple(gram), [])
        after = bisect_left(ends, place)
        around = ends[max(0, after - 1) : after + 1]
        return min(around, key=lambda end: (abs(end - place), end < place), default=None)


class Drafter:
    """Guesses for one sequence, which begins with the first `length` tokens of `text`.

    `draft` from `start` on is what may well follow, for traces the true one. Where the sequence leaves the draft it is
    looked for again from there on. Without a draft, or away from it, the guess is what followed the last tokens where
    they stood before.
    """

    def __init__(self, text: Index, length: int, draft: Index, start: int = 0) -> None:
        self._text, self._length = text, length
        self._said = Index(text.ids[max(0, length - _GRAM) : length])  # and what comes from now on
        self._offset = length - len(self._said.ids)
        self._draft = draft
        self._place: int | None = start if start < len(draft.ids) else None  # in the draft; None while it is lost
        self._anchor = start  # where it was left
        self._doubtful = False  # whether the last token did not stand in the draft
        self._copied: int | None = self._previous()
        self._drafted_rate, self._copied_rate = 0.9, 0.4

    def propose(self, limit: int, others: int = 0) -> list[int]:
        """The next tokens, at most `limit`; none where it is not worth it.

        `others` are the rows that the model reads in the same call.
        """
        start, cost = _START, _COST
        if others:
            # A row's share in what every call takes is small, but a token costs what it costs alone.
            start, cost = 0.0, _COST * (1 + others) / (1 + _START + _COST * others)
        if self._is_drafted():
            place = self._place
            assert place is not None
            return self._draft.ids[place : place + min(limit, _worthwhile(self._drafted_rate, start, cost))]
        if self._copied is None:
            return []
        return self._copy(self._copied, min(limit, _worthwhile(self._copied_rate, start, cost)))

    def observe(self, token: int) -> None:
        """The next token is known."""
        if self._place is not None and self._place < len(self._draft.ids):
            hit = self._draft.ids[self._place] == token
            self._drafted_rate += _MEMORY * (hit - self._drafted_rate)
        if self._copied is not None:
            hit = self._copy(self._copied, 1) == [token]
            self._copied_rate += _MEMORY * (hit - self._copied_rate)
            self._copied = self._copied + 1 if hit else None
        self._said.append(token)
        if self._copied is None:
            self._copied = self._previous()
        self._follow(token)

    def _is_drafted(self) -> bool:
        drafted = self._place is not None and self._place < len(self._draft.ids)
        return drafted and (self._copied is None or self._drafted_rate >= self._copied_rate)

    def _previous(self) -> int | None:
        """Behind the last place before the end where the same tokens stood as at the end."""
        gram = self._said.ids[-_GRAM:]
        found = self._said.last(gram, len(self._said.ids) - 1)
        if found is not None:
            return found + self._offset
        return self._text.last(gram, min(self._length, self._offset + len(self._said.ids) - 1))

    def _copy(self, place: int, count: int) -> list[int]:
        """The tokens of the sequence from a place on."""
        copied = self._text.ids[place : min(place + count, self._length)]
        begin = max(place, self._length) - self._offset
        return copied + self._said.ids[begin : begin + count - len(copied)]

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
        self._place = self._draft.nearest(self._said.ids[-_GRAM:], self._anchor)
        if self._place is not None:
            self._anchor, self._doubtful = self._place, False


def _worthwhile(rate: float, start: float, cost: float) -> int:
    """How many guesses bring most tokens for the time when each is right at this rate.

    Time is counted in what the row takes without guesses, of which guesses take `start` and each `cost`.
    """
    if rate < _WORTH:
        return 0
    best, length, expected, chance = 1.0, 0, 1.0, 1.0
    for guesses in range(1, LONGEST + 1):
        chance *= rate
        expected += chance
        gain = expected / (1 + start + cost * guesses)
        if gain > best:
            best, length = gain, guesses
        elif length:
            break
    return length
