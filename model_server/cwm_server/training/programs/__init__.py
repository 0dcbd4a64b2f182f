"""The programs that traces are recorded of: one file per source or family of generated programs.

A family is a function `(rng, shared) -> Iterator[Program]`; `shared` is the directory with the data sets. Equal seeds
give equal programs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from cwm_server.training.programs import (
    arithmetic,
    asked,
    branches,
    changes,
    decisions,
    drills,
    grammar,
    humaneval,
    idioms,
    library,
    mbpp,
    normal,
    oneliners,
    quizzes,
    remakes,
    suites,
    sums,
)
from cwm_server.training.programs.asked import Family
from cwm_server.training.programs.base import Program


def _endless(program: Callable[[random.Random], Program]) -> Family:
    """A family of which each program is generated."""

    def programs(rng: random.Random, shared: Path) -> Iterator[Program]:
        while True:
            yield program(rng)

    return programs


def _kept_out(program: Callable[[random.Random], Program]) -> Family:
    """The same of programs so short that they may be those of an evaluation set, without them."""

    def programs(rng: random.Random, shared: Path) -> Iterator[Program]:
        forbidden = mbpp.test_fingerprints(shared)
        for drawn in _endless(program)(rng, shared):
            if forbidden.isdisjoint(normal.functions(drawn.text).values()):
                yield drawn

    return programs


FAMILIES: dict[str, Family] = {
    "humaneval": humaneval.programs,
    "mbpp": mbpp.programs,
    "drills": _endless(drills.program),
    "branches": _endless(branches.program),
    "decisions": _endless(decisions.program),
    "arithmetic": _endless(arithmetic.program),
    "quizzes": _endless(quizzes.program),
    "comparisons": _endless(quizzes.comparison),
    "changes": _endless(changes.program),
    "oneliners": _kept_out(oneliners.program),
    "remakes": _kept_out(remakes.program),
    "sums": _kept_out(sums.program),
    "asked": lambda rng, shared: asked.programs(rng, shared, FAMILIES),
    "idioms": idioms.programs,
    "suites": suites.programs,
    "grammar": _endless(grammar.program),
    "library": library.programs,
}
WEIGHTS: dict[str, float] = {
    "humaneval": 3.0,
    "mbpp": 1.0,
    "drills": 2.0,
    "branches": 2.0,
    "decisions": 1.0,
    "arithmetic": 1.0,
    "quizzes": 1.0,
    "comparisons": 0.5,
    "changes": 0.5,
    "oneliners": 1.0,
    "remakes": 1.0,
    "sums": 1.0,
    "asked": 1.0,
    "idioms": 2.5,
    "suites": 2.0,
    "grammar": 3.0,
    "library": 1.0,
}


def weights(mixture: str) -> dict[str, float]:
    """The sources of a `mixture` such as `mbpp=2,drills=1`, with their weights; of an empty one the default.

    Raises ValueError, which names what is wrong.
    """
    mix: dict[str, float] = {}
    for part in filter(None, mixture.split(",")):
        name, _, weight = part.partition("=")
        if name not in FAMILIES:
            raise ValueError(f"no source is called {name!r}; there are {', '.join(FAMILIES)}")
        try:
            mix[name] = float(weight)
        except ValueError:
            raise ValueError(f"{part!r} gives no weight; write {name}=2") from None
    if not all(0 <= weight < math.inf for weight in mix.values()) or (mix and not any(mix.values())):
        raise ValueError(f"weights are numbers from 0 on, not all 0; there are {mixture}")
    return mix or dict(WEIGHTS)
