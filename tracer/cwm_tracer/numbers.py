"""The text of containers of many small whole numbers, made from what `marshal` wrote of them.

It writes five bytes for each such number, so a piece of what it wrote has a text of its own, and where one number of
many has changed most pieces have been seen before.
"""

from __future__ import annotations

import marshal
from typing import Any

_WIDTH = 5  # bytes
_PIECE = 32  # numbers
_MOST = 4_000  # pieces that are remembered


def are_small_numbers(value: Any, dumped: bytes) -> bool:
    """Whether a dump is of whole numbers of at most four bytes and nothing else: each begins with an `i`."""
    if type(value) is dict:
        return dumped[1:-1:_WIDTH] == b"i" * (2 * len(value)) and len(dumped) == 2 + 2 * len(value) * _WIDTH
    return len(dumped) == _WIDTH + len(value) * _WIDTH and dumped[_WIDTH::_WIDTH] == b"i" * len(value)


class NumberTexts:
    """Remembers the texts of pieces."""

    def __init__(self) -> None:
        self._items: dict[bytes, str] = {}
        self._pairs: dict[bytes, str] = {}

    def of_items(self, dumped: bytes, count: int) -> str:
        """The first `count` numbers of a list, as they stand between its brackets; `dumped` is the list's dump."""
        known, length = self._items, _PIECE * _WIDTH
        texts = []
        for at in range(_WIDTH, (count + 1) * _WIDTH, length):
            piece = dumped[at : min(at + length, (count + 1) * _WIDTH)]
            text = known.get(piece)
            if text is None:
                numbers = marshal.loads(b"[%b%b" % ((len(piece) // _WIDTH).to_bytes(4, "little"), piece))
                text = _keep(known, piece, repr(numbers)[1:-1])
            texts.append(text)
        return ", ".join(texts)

    def of_pairs(self, dumped: bytes, count: int) -> str:
        """The same for the first `count` pairs of a dict."""
        known, length = self._pairs, _PIECE * _WIDTH
        texts = []
        for at in range(1, 1 + 2 * count * _WIDTH, length):
            piece = dumped[at : min(at + length, 1 + 2 * count * _WIDTH)]
            text = known.get(piece)
            if text is None:
                text = _keep(known, piece, repr(marshal.loads(b"{%b0" % piece))[1:-1])
            texts.append(text)
        return ", ".join(texts)


def _keep(known: dict[bytes, str], piece: bytes, text: str) -> str:
    if len(known) >= _MOST:
        known.clear()
    known[piece] = text
    return text
