"""The corpus: `python -m cwm_server.training.data --out DIR --shared DIR --seed N --workers 2 --tokens N`.

Writes shards of documents, one JSON object a line: `{"id", "source", "split", "segments"}`, where a segment is text or
the index of a special token in `list(Special)`; and `corpus.json` with what was counted on the way.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cwm_server.training.programs import FAMILIES, mbpp, normal, weights
from cwm_server.training.programs.base import Program
from cwm_server.training.tracing import Result
from cwm_server.training.workers import run

CHARACTERS_PER_TOKEN = 3.2
DOCUMENTS_PER_SHARD = 2_000
MAX_PER_SUBJECT = {"humaneval": 4, "mbpp": 12}  # a data set has many solutions to one task that are equal up to names


def mixture(seed: int, shared: Path, mix: dict[str, float]) -> Iterator[Program]:
    """Programs of all families, drawn by weight, for as long as a family has some."""
    rng = random.Random(f"{seed}:mixture")
    sources = {
        name: family(random.Random(f"{seed}:{name}"), shared)
        for name, family in FAMILIES.items()
        if mix.get(name, 0) > 0
    }
    while sources:
        names = list(sources)
        name = rng.choices(names, [mix[name] for name in names])[0]
        program = next(sources[name], None)
        if program is None:
            del sources[name]
        else:
            yield program


class Corpus:
    """Documents on their way to disk: duplicates and evaluation programs are dropped, the rest sharded and counted."""

    def __init__(self, out: Path, forbidden: frozenset[str], per_shard: int = DOCUMENTS_PER_SHARD) -> None:
        self.out = out
        self.counts: collections.Counter[str] = collections.Counter()
        self.rejected: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.characters = 0
        self.documents = 0
        self._forbidden = forbidden
        self._per_shard = per_shard
        self._keys: set[str] = set()
        self._subjects: collections.Counter[str] = collections.Counter()
        self._lines: list[str] = []
        self._shards = 0
        out.mkdir(parents=True, exist_ok=True)

    def add(self, program: Program, result: Result) -> None:
        """Take one result, or count why not."""
        self.counts[f"{program.source}: programs"] += 1
        reason = result.rejected
        if not reason and result.key in self._keys:
            reason = "duplicate"
        if not reason and result.subject in self._forbidden:
            reason = "in an evaluation set"
        if not reason and self._subjects[result.subject] >= MAX_PER_SUBJECT.get(
            program.source, self._subjects[result.subject] + 1
        ):
            reason = "often enough"
        if reason:
            self.rejected[program.source][reason] += 1
            return
        self._keys.add(result.key)
        self._subjects[result.subject] += 1
        heldout = program.heldout or normal.held_out(result.subject)
        split = "heldout" if heldout else "train"
        document = {
            "id": f"{program.source}-{hashlib.blake2b(result.key.encode(), digest_size=6).hexdigest()}",
            "source": program.source,
            "split": split,
            "segments": result.segments,
        }
        self._lines.append(json.dumps(document) + "\n")
        self.documents += 1
        self.characters += result.characters
        self.counts[f"{program.source}: documents"] += 1
        self.counts[f"{program.source}: characters"] += result.characters
        self.counts[f"{program.source}: frames"] += result.frames
        self.counts[f"{split}: documents"] += 1
        self.counts["incomplete"] += not result.complete
        if len(self._lines) >= self._per_shard:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one more shard."""
        if self._lines:
            path = self.out / f"shard-{self._shards:04d}.jsonl"
            path.with_suffix(".part").write_text("".join(self._lines), "utf-8")
            path.with_suffix(".part").rename(path)
            self._shards, self._lines = self._shards + 1, []

    def summary(self, seconds: float) -> dict[str, object]:
        """What `corpus.json` holds."""
        return {
            "documents": self.documents,
            "characters": self.characters,
            "seconds": round(seconds, 1),
            "counts": dict(sorted(self.counts.items())),
            "rejected": {source: dict(reasons.most_common()) for source, reasons in sorted(self.rejected.items())},
        }


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m cwm_server.training.data", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="directory for the shards; must be new or empty")
    parser.add_argument("--shared", type=Path, required=True, help="directory with the data sets HumanEval and MBPP")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--nice", type=int, default=0, help="how much the workers yield to other processes, 0 to 19")
    parser.add_argument("--tokens", type=float, default=None, help="stop after about this many tokens")
    parser.add_argument("--documents", type=int, default=None, help="stop after this many documents")
    parser.add_argument("--mix", default="", help="the sources with their weights, as in mbpp=2,drills=1; default: all")
    options = parser.parse_args(arguments)
    if options.out.exists() and any(options.out.iterdir()):
        parser.error(f"{options.out} is not empty; name a new directory")
    if options.tokens is None and options.documents is None:
        parser.error("say when to stop: --tokens or --documents")
    try:
        mix = weights(options.mix)
        forbidden = mbpp.test_fingerprints(options.shared)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    corpus = Corpus(options.out, forbidden)
    characters = (options.tokens or float("inf")) * CHARACTERS_PER_TOKEN
    documents = options.documents or float("inf")
    began = time.monotonic()
    results = run(mixture(options.seed, options.shared, mix), options.workers, nice=options.nice)
    for number, (program, result) in enumerate(results):
        corpus.add(program, result)
        if number % 1000 == 999:
            rate = corpus.characters / (time.monotonic() - began) / 1e6 * 60
            print(
                f"{corpus.documents} documents, {corpus.characters / 1e6:.1f} MB, {rate:.1f} MB a minute",
                file=sys.stderr,
                flush=True,
            )
        if corpus.characters >= characters or corpus.documents >= documents:
            break
    results.close()
    corpus.flush()
    summary = corpus.summary(time.monotonic() - began)
    (options.out / "corpus.json").write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
    print(json.dumps(summary, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
