"""What training asks of layers in a model's middle, besides the next token.

Which line runs next, and what a line makes of its values, hangs on values that have to be looked up first. A model that
only sees the next token learns to repeat what happened the last time. So linear heads ask where an element is found
(its index or key, and the local that has it), what a `..` stands for, and at the tokens of an executed line what a name
does, what comes of an expression, by the steps that it takes, a step before what has to be there for it, and how a
condition comes out, at its end and where the next line is chosen (deep supervision: Lee et al., AISTATS 2015). They
serve training alone; no model has them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cwm_server.training.outcomes import ENTERED, NOT_TAKEN, PASSED, TAKEN
from cwm_server.training.parts import IGNORED, KINDS, PIECES

ASKED = ("place", "owner", "held", "name", "first", "second", "third", "left", "later", "origin", "outcome", "choice")
BRANCH = "branch"  # the choice once more, by the logits; see `branch_odds`
_ROUND = 64  # how many questions there are changes from batch to batch; few sizes compile few times


def tapped_layers(layers: int) -> tuple[int, ...]:
    """Behind how many of a model's layers each of what is `ASKED` is asked.

    Each needs what the one before has found, and the last layers can use the answers. A layer finds something out as
    late as it is asked, so the first come as early as a lookup can be made, and from there on each a layer later. What
    takes more than three steps has all the layers up to the last fifth to it. Where an element comes from is asked
    early enough to be fetched. How a condition came out is asked once more, a layer later, where the next line is
    chosen; then that line can be looked up.
    """
    held, last = max(1, (layers - 1) // 2), max(1, layers * 4 // 5)
    found = max(1, held - 1)
    name, first, second, third = (min(held + more, last) for more in (1, 2, 3, 4))
    choice = max(last, min(last + 1, layers - 1))
    return found, found, held, name, first, second, third, third, last, third, last, choice


@dataclass(frozen=True, slots=True)
class Question:
    """Which of two outcomes there is, where it is either. Answers are log-odds (B, T) of `yes`."""

    no: int
    yes: int

    def is_asked(self, outcomes: Tensor) -> Tensor:
        """Where (B, T) it is."""
        return (outcomes == self.no) | (outcomes == self.yes)

    def losses(self, answers: Tensor, outcomes: Tensor) -> Tensor:
        """The losses (B, T) of answers in nats, 0 where nothing is asked."""
        losses = F.binary_cross_entropy_with_logits(answers, (outcomes == self.yes).float(), reduction="none")
        return losses * self.is_asked(outcomes)

    def are_right(self, answers: Tensor, outcomes: Tensor) -> list[bool]:
        """Whether each answer is right, of those that are asked for."""
        right: list[bool] = ((answers > 0) == (outcomes == self.yes))[self.is_asked(outcomes)].tolist()
        return right


OUTCOME, CHOICE = Question(NOT_TAKEN, TAKEN), Question(PASSED, ENTERED)


def branch_odds(logits: Tensor, tokens: tuple[int, int]) -> Tensor:
    """What logits (B, T, V) answer to the choice, by the two of `ModelConfig.branch_token_ids`."""
    no, yes = tokens
    return logits[..., yes] - logits[..., no]


class OutcomeHead(nn.Module):
    """Answers a question by hidden states (B, T, C)."""

    def __init__(self, hidden_size: int, question: Question = OUTCOME) -> None:
        super().__init__()
        self.question = question
        self.weight = nn.Parameter(torch.zeros(hidden_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, states: Tensor, outcomes: Tensor) -> Tensor:
        """The losses (B, T) of what it answers; `outcomes` (B, T)."""
        return self.question.losses(self.answers(states), outcomes)

    def takes(self, states: Tensor) -> Tensor:
        """Whether (B, T) a condition is judged at each place to let its block run."""
        return self.answers(states) > 0

    def answers(self, states: Tensor) -> Tensor:
        """Its log-odds (B, T)."""
        return F.rms_norm(states.float(), states.shape[-1:]) @ self.weight + self.bias


class ValueHead(nn.Module):
    """Says the first pieces of a value's text, one matrix a piece; the embedding turns them to tokens."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.places = nn.ParameterList([nn.Parameter(torch.zeros(hidden_size, hidden_size)) for _ in range(PIECES)])

    def forward(self, states: Tensor, embedding: Tensor, places: Tensor, pieces: Tensor) -> Tensor:
        """The loss (Q,) of each question, a mean over its pieces, in nats.

        `states` (B, T, C); `places` (Q,) are indices into the flat (B * T); `pieces` (Q, PIECES), IGNORED where a text
        is shorter, and all over where a question only fills up their number.
        """
        asked = states.flatten(0, 1)[places]
        normal = F.rms_norm(asked.float(), asked.shape[-1:])
        losses = torch.zeros(len(places), device=states.device)
        for index in range(PIECES):
            logits = self._logits(normal, embedding, index)
            losses = losses + F.cross_entropy(logits, pieces[:, index], ignore_index=IGNORED, reduction="none")
        return losses / (pieces != IGNORED).sum(1).clamp(min=1)

    def said(self, states: Tensor, embedding: Tensor, places: Tensor, index: int) -> Tensor:
        """The piece (Q,) of each answer that has this `index`, from 0 on."""
        asked = states.flatten(0, 1)[places]
        return self._logits(F.rms_norm(asked.float(), asked.shape[-1:]), embedding, index).argmax(-1)

    def _logits(self, normal: Tensor, embedding: Tensor, index: int) -> Tensor:
        return F.linear(F.linear(normal, self.places[index]), embedding.detach()).float()


class Heads(nn.Module):
    """All of them."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.place, self.owner, self.held, self.name = (ValueHead(hidden_size) for _ in range(4))
        self.first, self.second, self.third, self.left, self.later = (ValueHead(hidden_size) for _ in range(5))
        self.origin = ValueHead(hidden_size)
        self.outcome = OutcomeHead(hidden_size)
        self.choice = OutcomeHead(hidden_size, CHOICE)

    def forward(
        self,
        taps: Sequence[Tensor | None],
        embedding: Tensor,
        outcomes: Tensor,
        questions: list[tuple[Tensor, Tensor]],
    ) -> Tensor:
        """Sums of losses (len(ASKED),) at the states (B, T, C) behind the tapped layers, as `questions_of` asks.

        Where there are None nothing is asked.
        """
        nothing = torch.zeros((), device=outcomes.device)
        losses = [
            nothing if tap is None else head(tap, embedding, places, pieces).sum()
            for head, tap, (places, pieces) in zip(self.values, taps[:KINDS], questions, strict=True)
        ]
        losses += [
            nothing if tap is None else head(tap, outcomes).sum()
            for head, tap in zip(self.judges, taps[KINDS:], strict=True)
        ]
        return torch.stack(losses)

    def known(
        self, taps: list[Tensor], embedding: Tensor, outcomes: Tensor, questions: list[tuple[Tensor, Tensor]]
    ) -> dict[str, list[bool]]:
        """Of each question whether the answer is right, of values their first piece, by what is asked."""
        found: dict[str, list[bool]] = {}
        for name, head, tap, (places, pieces) in zip(ASKED, self.values, taps, questions, strict=False):
            right = head.said(tap, embedding, places.to(tap.device), 0) == pieces[:, 0].to(tap.device)
            found[name] = right[pieces[:, 0].to(tap.device) != IGNORED].tolist()
        for name, judge, tap in zip(ASKED[KINDS:], self.judges, taps[KINDS:], strict=True):
            found[name] = judge.question.are_right(judge.answers(tap), outcomes.to(tap.device))
        return found

    @property
    def values(self) -> tuple[ValueHead, ...]:
        """Those that say values, by the kind of part."""
        looked_up = (self.place, self.owner, self.held, self.name)
        return *looked_up, self.first, self.second, self.third, self.left, self.later, self.origin

    @property
    def judges(self) -> tuple[OutcomeHead, ...]:
        """Those that say how a condition comes out, behind it and where the next line is chosen."""
        return self.outcome, self.choice


def questions_of(parts: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Where and what `parts` (B, T, KINDS, PIECES) ask, by kind: places (Q,) and pieces (Q, PIECES)."""
    flat = parts.flatten(0, 1)
    questions = []
    for kind in range(flat.shape[1]):
        places = torch.nonzero(flat[:, kind, 0] != IGNORED).flatten()
        pieces = flat[places, kind]
        more = max(_ROUND, -(-len(places) // _ROUND) * _ROUND) - len(places)
        questions.append((F.pad(places, (0, more)), F.pad(pieces, (0, 0, 0, more), value=IGNORED)))
    return questions
