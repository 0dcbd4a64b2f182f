"""Packed bytes that wait on disk until somebody asks for them."""

from __future__ import annotations

import tempfile
import threading
import weakref
import zlib
from contextlib import suppress
from io import FileIO

# What small runs need stays in memory, so that they touch no disk.
_IN_MEMORY = 4 << 20
# The fastest: what is packed here is unpacked again soon.
_LEVEL = 1

Place = bytes | tuple[int, int]  # packed bytes, or their offset and length in the file


class Spool:
    """Takes bytes and gives them back, any number of times, in any thread.

    A temporary file holds what is more than a little. When none can be had, or its disk is full, it stays in memory:
    nothing is lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._file: FileIO | None = None
        self._end = 0

    def put(self, data: bytes) -> Place:
        """Keep some bytes; the result is what `get` asks for."""
        packed = zlib.compress(data, _LEVEL)
        with self._lock:
            if self._used + len(packed) <= _IN_MEMORY:
                self._used += len(packed)
                return packed
            with suppress(OSError):
                file = self._opened()
                file.seek(self._end)
                if file.write(packed) == len(packed):
                    self._end += len(packed)
                    return self._end - len(packed), len(packed)
        return packed

    def get(self, place: Place) -> bytes:
        """The bytes that were kept."""
        if isinstance(place, tuple):
            with self._lock:
                assert self._file is not None
                self._file.seek(place[0])
                place = self._file.read(place[1])
        return zlib.decompress(place)

    def free(self, place: Place) -> None:
        """The bytes are not asked for again: room in memory is used for others, that on disk is not."""
        if isinstance(place, bytes):
            with self._lock:
                self._used = max(0, self._used - len(place))

    def _opened(self) -> FileIO:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="pytest-cwm-", buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        return self._file
