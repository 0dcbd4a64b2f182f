"""What comes of which expressions does a model in training know?

    python benchmarks/expressions.py RUN CORPUS [--source quizzes] [--documents 40]

RUN is a training run with heads (`--parts-weight`), asked about the held-out documents of CORPUS that come from a
source. Prints for each form of expression, its names as `n`, how often it came, in how many cases the first piece of
its value is known where the run asks for it, in how many all that are asked, and how often the commonest value came.
The places of lookups, which are asked a layer before, have rows of their own, and so have conditions at the end of
their lines: whether it is known if their block runs.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from layers import load

from cwm_server.architecture import Decoder
from cwm_server.tokenizer import SentencePieceTokenizer
from cwm_server.training.batches import gather
from cwm_server.training.corpus import Encoder, read_shard, shards
from cwm_server.training.heads import ASKED, Heads, questions_of, tapped_layers
from cwm_server.training.outcomes import NOT_TAKEN, TAKEN, decisions, outcomes
from cwm_server.training.parts import IGNORED, PIECES, STEPS, Part, kind_of, parts_of
from cwm_tracer.wire import Segment

FEWEST = 10
CONDITION = len(ASKED)  # in place of a kind


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--source", default="quizzes")
    parser.add_argument("--documents", type=int, default=40)
    options = parser.parse_args()
    tokenizer = SentencePieceTokenizer((options.run / "tokenizer.model").read_bytes())
    model, heads = load(options.run)
    encoder = Encoder(tokenizer)
    known: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for document in itertools.islice(documents(options.corpus, options.source), options.documents):
        for form, value, first, whole in answers(model, heads, encoder, document):
            known[form].append((first, whole))
            values[form][value] += 1
    print(f"{'expression':28}{'of':>6}{'first':>8}{'all':>8}{'commonest':>11}")
    for form, right in sorted(known.items(), key=lambda each: -len(each[1])):
        if len(right) >= FEWEST:
            first, whole = (100 * float(np.mean(each)) for each in zip(*right, strict=True))
            commonest = 100 * max(values[form].values()) / len(right)
            print(f"{form:28}{len(right):6}{first:7.1f}%{whole:7.1f}%{commonest:10.1f}%")


def documents(corpus: Path, source: str) -> Iterator[list[Segment]]:
    """The held-out documents that come from a source."""
    for shard in shards(corpus):
        with shard.open(encoding="utf-8") as lines:
            sources = [entry["source"] for entry in map(json.loads, lines) if entry["split"] == "heldout"]
        for name, document in zip(sources, read_shard(shard, "heldout"), strict=True):
            if name == source:
                yield document


@torch.no_grad()
def answers(
    model: Decoder, heads: Heads, encoder: Encoder, document: list[Segment]
) -> Iterator[tuple[str, str, bool, bool]]:
    """Form and value of each expression of a document that fits, and whether its first piece and all are known."""
    packed = encoder.pack([document], model.config.max_position_embeddings)
    if len(packed) != 1:
        return
    batch = gather(packed, np.array([0]))
    forms = asked(encoder, document)
    embedding = model.model.embed_tokens.weight
    taps = model.taps(batch.ids, tapped_layers(model.config.num_hidden_layers))
    for kind in STEPS:
        places, pieces = questions_of(batch.parts)[kind]
        said = [heads.values[kind].said(taps[kind], embedding, places, index) for index in range(PIECES)]
        for place, answer, truth in zip(places.tolist(), torch.stack(said, 1), pieces, strict=True):
            if truth[0] != IGNORED:
                right = (answer == truth) | (truth == IGNORED)
                form, value = forms[place, kind]
                yield form, value, bool(right[0]), bool(right.all())
    taken = heads.outcome.takes(taps[ASKED.index("outcome")])[0]
    for (place, kind), (form, value) in forms.items():
        if kind == CONDITION:
            right = bool(taken[place]) == (value == str(TAKEN))
            yield form, value, right, right


def asked(encoder: Encoder, document: list[Segment]) -> dict[tuple[int, int], tuple[str, str]]:
    """Form and value of the expressions of a document, by the number of the token and the kind that ask for them."""
    found = {}
    stated, ends, count = parts_of(document), outcomes(decisions(document)), 0
    for index, (ids, _) in enumerate(encoder.parts(document)):
        stops = np.cumsum([len(encoder.tokenizer.bytes_of(token)) for token in ids])
        for part in stated.get(index, ()):
            if part.kind in STEPS:
                place = count + int(np.searchsorted(stops, part.end))
                found[place, part.kind] = form(until(document[index], part), part.kind), part.value
        count += len(ids)
        if ends.get(index) in (NOT_TAKEN, TAKEN) and (condition := _condition(str(document[index]))):
            found[count - 1, CONDITION] = condition, str(ends[index])
    return found


def until(line: Segment, part: Part) -> str:
    """A line up to the end of a part."""
    return str(line).encode("utf-8", "surrogatepass")[: part.end].decode("utf-8", "replace")


@lru_cache(maxsize=1 << 14)
def form(text: str, kind: int) -> str:
    """The widest expression of a kind that ends where a text does, or the lookup whose place is asked, names as `n`."""
    found = [tree for begin in range(len(text)) if (tree := _expression(text[begin:])) is not None]
    for tree in found:
        if kind_of(tree) == kind:
            return _nameless(tree)
    for tree in found:
        if isinstance(tree, ast.Subscript) and kind in STEPS[:-1] and kind_of(tree) == STEPS[STEPS.index(kind) + 1]:
            return f"place of {_nameless(tree)}"
    return "(an assignment)"


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _condition(line: str) -> str | None:
    """A line's condition, names as `n`; None of a `for` line, which has none."""
    text = line.strip().removeprefix("el")
    try:
        tree = ast.parse(text + "\n    pass").body[0]
    except SyntaxError:
        return None
    if isinstance(tree, (ast.If, ast.While)):
        return f"{type(tree).__name__.lower()} {_nameless(tree.test)}"
    return None


def _nameless(tree: ast.expr) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = "n"
    return ast.unparse(tree)


if __name__ == "__main__":
    main()
