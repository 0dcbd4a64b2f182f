"""How the condition of an executed line came out: what training tells a model besides the next token.

Which line runs next behind an `if` or a loop's head hangs on a value that has to be looked up and judged first. A model
that only sees the next line learns to repeat what happened the last time. So a linear head on a layer in the middle is
asked, at the last token of such a line, whether its block runs (deep supervision: Lee et al., AISTATS 2015). The head
serves training alone; no model has it afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


def tapped_layers(layers: int) -> int:
    """Behind how many of a model's layers the head stands: three quarters, so that the rest can use the answer."""
    return max(1, layers * 3 // 4)


class OutcomeHead(nn.Module):
    """Judges hidden states (B, T, C); its losses are in nats."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(hidden_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, states: Tensor, outcomes: Tensor) -> Tensor:
        """The loss (B, T) at the last tokens of conditions, 0 elsewhere; `outcomes` (B, T)."""
        normal = F.rms_norm(states.float(), states.shape[-1:])
        judged = normal @ self.weight + self.bias
        losses = F.binary_cross_entropy_with_logits(judged, (outcomes == TAKEN).float(), reduction="none")
        return losses * (outcomes != NONE)
