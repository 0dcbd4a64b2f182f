"""In which layer does a model find out what training asks for besides the next token?

    python benchmarks/layers.py RUN [--documents 120]

RUN is a training run with heads (`--parts-weight`), its held-out documents are what is asked about, one by one. Prints
for each kind of question how many answers (of values the first piece) the run's own head knows when it is put behind
each of the layers, with the layer that it was trained for in brackets; then how many conditions are judged right behind
that layer, by statement and by whether the block ran.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from cwm_server.architecture import Decoder
from cwm_server.tokenizer import SentencePieceTokenizer
from cwm_server.training.batches import Batch, gather
from cwm_server.training.corpus import join, load_packed
from cwm_server.training.heads import ASKED, Heads, questions_of, tapped_layers
from cwm_server.training.outcomes import NOT_TAKEN, TAKEN
from cwm_server.training.runs import model_of
from cwm_tracer.wire import Special

Shares = dict[object, list[bool]]


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--documents", type=int, default=120)
    options = parser.parse_args()
    tokenizer = SentencePieceTokenizer((options.run / "tokenizer.model").read_bytes())
    model, heads = load(options.run)
    known: Shares = defaultdict(list)
    judged: Shares = defaultdict(list)
    for batch in documents(options.run, options.documents):
        ask(model, heads, batch, known)
        judge(model, heads, batch, tokenizer, judged)
    layers = range(1, model.config.num_hidden_layers + 1)
    asked = dict(zip(ASKED, tapped_layers(len(layers)), strict=True))
    print(f"{'behind layer':16}" + "".join(f"{layer:8}" for layer in layers))
    for name in ASKED:
        shares = (
            f"({share(known[name, layer])})" if layer == asked[name] else share(known[name, layer]) for layer in layers
        )
        print(f"{name:16}" + "".join(f"{each:>8}" for each in shares))
    print(f"\n{'condition':16}{'ran':>8}{'of':>6}{'did not':>9}{'of':>6}")
    for name in ("if", "elif", "while", "for range", "for"):
        ran, not_ran = judged[name, True], judged[name, False]
        print(f"{name:16}{share(ran):>8}{len(ran):6}{share(not_ran):>9}{len(not_ran):6}")


def load(run: Path) -> tuple[Decoder, Heads]:
    """The model and the heads as the run's state has them, in fp32."""
    model, tensors = model_of(run)
    heads = Heads(model.config.hidden_size)
    heads.load_state_dict(tensors)
    return model, heads


def documents(run: Path, count: int) -> Iterator[Batch]:
    """The first held-out documents of a run, each a batch."""
    packed = join([load_packed(path) for path in sorted((run / "packed").glob("*-heldout-*.npz"))])
    for number in range(min(count, len(packed))):
        yield gather(packed, np.array([number]))


@torch.no_grad()
def ask(model: Decoder, heads: Heads, batch: Batch, known: Shares) -> None:
    """Put each head behind each layer, and count the answers that it knows there."""
    questions, embedding = questions_of(batch.parts), model.model.embed_tokens.weight
    layers = range(1, model.config.num_hidden_layers + 1)
    for layer, tap in zip(layers, model.tapped(batch.ids, tuple(layers))[1], strict=True):
        for name, right in heads.known([tap] * len(ASKED), embedding, batch.outcomes, questions).items():
            known[name, layer] += right


@torch.no_grad()
def judge(model: Decoder, heads: Heads, batch: Batch, tokenizer: SentencePieceTokenizer, judged: Shares) -> None:
    """Count the conditions that are judged right, by their statement."""
    layer = dict(zip(ASKED, tapped_layers(model.config.num_hidden_layers), strict=True))["outcome"]
    (tap,) = model.tapped(batch.ids, (layer,))[1]
    takes, ids = heads.outcome.takes(tap)[0].tolist(), batch.ids[0].tolist()
    action = tokenizer.special(Special.ACTION)
    for place, outcome in enumerate(batch.outcomes[0].tolist()):
        if outcome in (NOT_TAKEN, TAKEN):
            begin = place - ids[place::-1].index(action)
            line = "".join(part for part in tokenizer.decode(ids[begin + 1 : place + 1]) if isinstance(part, str))
            word = line.split()[0]
            kind = "for range" if word == "for" and " in range(" in line else word
            judged[kind, outcome == TAKEN].append(takes[place] is (outcome == TAKEN))


def share(right: list[bool]) -> str:
    """In percent."""
    return f"{100 * sum(right) / len(right):.1f}%" if right else "-"


if __name__ == "__main__":
    main()
