"""The version of a dict: a number that is another one after each change of it, and another one for each dict.

Comparing it is the only way to know in no time that a big dict is as it was. CPython keeps it up to 3.13 (PEP 509), but
has no function that tells it, so it is read where it stands: in the fourth word of a dict. Where a dict may have
another shape (other interpreters, free threading, debug builds, later versions) there is none, and nothing is read.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

_OFFSET = 24  # behind the reference count, the type and the number of items
_word_at = ctypes.c_uint64.from_address


def version_of(value: Any) -> int:
    """The version of a value that is exactly a dict; only where `HAVE_VERSIONS`."""
    version: int = _word_at(id(value) + _OFFSET).value
    return version


def _are_versions() -> bool:
    """Whether every way to change a dict gives it a version that no dict had before, and looking at it none."""
    subject: dict[Any, Any] = {0: 0.5}
    changes: tuple[Callable[[], object], ...] = (
        lambda: subject.update({1: 1}),
        lambda: subject.__setitem__(1, 2),
        lambda: subject.setdefault(2, 2),
        lambda: subject.pop(2),
        lambda: subject.popitem(),
        lambda: subject.__ior__({3: 3}),
        lambda: subject.__delitem__(3),
        lambda: subject.clear(),
    )
    seen = {version_of(subject)}
    for count, change in enumerate(changes):
        change()
        subject.get(0)
        seen |= {version_of(subject), version_of(subject), version_of(subject.copy())}
        if len(seen) != 3 + 2 * count:
            return False
    return True


HAVE_VERSIONS = (
    sys.implementation.name == "cpython"
    and sys.version_info < (3, 14)
    and object.__basicsize__ == 2 * 8  # words of 64 bits, and none but the usual two in front
    and dict.__basicsize__ == 6 * 8
    and _are_versions()
)
