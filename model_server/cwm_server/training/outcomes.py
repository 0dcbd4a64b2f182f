"""How the conditions of executed lines came out, which training asks for besides the next token (`heads.py`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cwm_tracer.wire import Segment, Special

NONE, NOT_TAKEN, TAKEN = range(3)
_HEAD = re.compile(r"( *)(?:if|elif|while|for)\b[^#]*:\s*(?:#[^'\"]*)?$")


def outcomes(segments: Sequence[Segment]) -> dict[int, int]:
    """TAKEN or NOT_TAKEN by the index of each segment that is a condition's line, where the next frame shows which.

    The block runs if the next line is indented deeper; where a call comes first, or an exception, nothing is said.
    """
    found: dict[int, int] = {}
    event: Segment | None = None
    waiting: tuple[int, int] | None = None  # the segment of a condition, and its indentation
    for index, segment in enumerate(segments):
        if segment in (Special.CALL, Special.LINE, Special.RETURN, Special.EXCEPTION):
            event = segment
            if event not in (Special.LINE, Special.RETURN):
                waiting = None
        elif isinstance(segment, str) and index and segments[index - 1] is Special.ACTION:
            if waiting is not None:
                deeper = len(segment) - len(segment.lstrip(" ")) > waiting[1]
                found[waiting[0]] = TAKEN if deeper else NOT_TAKEN
            head = _HEAD.match(segment) if event is Special.LINE else None
            waiting = (index, len(head[1])) if head else None
    return found
