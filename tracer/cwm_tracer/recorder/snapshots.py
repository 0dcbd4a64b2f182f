"""Big byte arrays as they were: to compare one with a copy takes far less time than to render it."""

from __future__ import annotations

from typing import Any

from cwm_tracer.recorder.log import Item

LEAST = 4_096  # bytes, from which on a text tells nothing of a byte array but its length and a digest
_MOST = 64 << 20  # bytes of all copies
_MANY = 8  # copies


class Snapshot:
    """A copy of a byte array, None once that was given up, and its item."""

    __slots__ = ("content", "item")

    def __init__(self, content: bytes, item: Item) -> None:
        self.content: bytes | None = content
        self.item = item

    def holds(self, value: bytearray) -> bool:
        """Whether the value is as it was."""
        return self.content is not None and value == self.content


class Snapshots:
    """The last few byte arrays that were rendered. However many know of one, they take no more than 64 MiB."""

    def __init__(self) -> None:
        self._kept: list[Snapshot] = []  # the last one at the end
        self._size = 0

    def find(self, value: bytearray) -> Snapshot | None:
        """The one that is as this value is now."""
        for snapshot in reversed(self._kept):
            if snapshot.holds(value):
                return snapshot
        return None

    def keep(self, content: bytes, item: Item) -> Snapshot:
        """A new one; the oldest make room for it."""
        snapshot = Snapshot(content, item)
        self._kept.append(snapshot)
        self._size += len(content)
        while self._size > _MOST or len(self._kept) > _MANY:
            oldest = self._kept.pop(0)
            self._size -= len(oldest.content or b"")
            oldest.content = None
        return snapshot


def is_big(value: Any) -> bool:
    """Whether a value is exactly a byte array of which snapshots are worth their memory."""
    return type(value) is bytearray and LEAST <= len(value) <= _MOST
