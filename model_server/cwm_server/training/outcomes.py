"""How the conditions of executed lines came out, which training asks for besides the next token (`heads.py`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cwm_tracer.wire import Segment, Special

NONE, NOT_TAKEN, TAKEN, PASSED, ENTERED = range(5)  # the last two where the next frame is chosen
_HEAD = re.compile(r"( *)(?:if|elif|while|for)\b[^#]*:\s*(?:#[^'\"]*)?$")
_ELSE = re.compile(r" *else\s*:\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The first lines of what runs behind each condition that reads the same, and of what runs instead."""

    own: set[str] = field(default_factory=set)
    instead: set[str] = field(default_factory=set)

    def outcome(self, head: str, following: str) -> int:
        """How the condition came out behind which the line `following` ran; NONE where either could be."""
        if _indentation(following) <= _indentation(head):
            return NOT_TAKEN
        if following not in self.instead:
            return TAKEN if following in self.own or not self.instead else NONE
        return NONE if following in self.own else NOT_TAKEN


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition's line and the ACTION of the frame behind it, by their segments, and whether its block was entered.

    Behind the line stands the FRAME with which that frame begins. `rivals` are the lines that would have run had the
    condition come out otherwise, of those that the context tells.
    """

    condition: int
    action: int
    entered: bool
    rivals: frozenset[str]


def decisions(segments: Sequence[Segment]) -> Iterator[Decision]:
    """All conditions of which the next frame shows how they came out.

    What stands in a block, and behind the `else:` that no frame shows, is read from the context; of a condition that
    is not there nothing is said, nor where a call comes first, or an exception.
    """
    known: Mapping[str, _Blocks] = {}
    event: Segment | None = None
    waiting: int | None = None  # the segment of a condition
    for index, segment in enumerate(segments):
        previous = segments[index - 1] if index else None
        if previous is Special.CONTEXT and isinstance(segment, str):
            known = _blocks(segment)
        elif segment in (Special.CALL, Special.LINE, Special.RETURN, Special.EXCEPTION):
            event = segment
            if event not in (Special.LINE, Special.RETURN):
                waiting = None
        elif isinstance(segment, str) and previous is Special.ACTION:
            line = segment.rstrip()
            if waiting is not None:
                head = str(segments[waiting]).rstrip()
                blocks = known[head]
                outcome = blocks.outcome(head, line)
                if outcome != NONE:
                    rivals = blocks.instead if outcome == TAKEN else blocks.own
                    yield Decision(waiting, index - 1, outcome == TAKEN, frozenset(rivals))
            waiting = index if event is Special.LINE and line in known else None


def outcomes(decided: Iterable[Decision]) -> dict[int, int]:
    """TAKEN or NOT_TAKEN by the segment of each condition's line, ENTERED or PASSED by those behind it.

    These are the FRAME and the ACTION of the next frame: behind the one its event is chosen, behind the other its line.
    """
    found: dict[int, int] = {}
    for decision in decided:
        found[decision.condition] = TAKEN if decision.entered else NOT_TAKEN
        found[decision.action] = found[decision.condition + 1] = ENTERED if decision.entered else PASSED
    return found


def _blocks(context: str) -> dict[str, _Blocks]:
    """By the line of each condition with a block below it."""
    lines = [line.rstrip() for line in context.split("\n")]
    lines = [line for line in lines if line and not line.lstrip().startswith("#")]
    found: defaultdict[str, _Blocks] = defaultdict(_Blocks)
    for number, line in enumerate(lines[:-1]):
        if not _HEAD.match(line) or _indentation(lines[number + 1]) <= _indentation(line):
            continue
        found[line].own.add(lines[number + 1])
        for end in range(number + 1, len(lines) - 1):
            if _indentation(lines[end]) <= _indentation(line):
                if _indentation(lines[end]) == _indentation(line) and _ELSE.match(lines[end]):
                    found[line].instead.add(lines[end + 1])
                break
    return dict(found)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
