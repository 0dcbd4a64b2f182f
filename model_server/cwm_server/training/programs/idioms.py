"""Small functions of the kinds that people write and test: by hand, with open places that the seed fills."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from cwm_server.training.programs import literals
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.idioms_numbers import NUMBERS
from cwm_server.training.programs.idioms_sequences import SEQUENCES
from cwm_server.training.programs.idioms_strings import STRINGS
from cwm_server.training.programs.mutation import mutated
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.templates import filled

# Each is (argument kinds, program); the function to call is the one called $f.
IDIOMS: tuple[tuple[str, str], ...] = NUMBERS + SEQUENCES + STRINGS


def programs(rng: random.Random, shared: Path) -> Iterator[Program]:
    """Without end."""
    while True:
        kinds, template = rng.choice(IDIOMS)
        text, names = filled(rng, template.strip("\n"))
        text = mutated(rng, text, rename=0, change=0.25)
        arguments = ", ".join(argument(rng, kind.strip()) for kind in kinds.split("; ") if kind.strip())
        yield start(rng, Subject("idioms", dressed(rng, text) + "\n", names["f"], arguments))


def argument(rng: random.Random, kind: str) -> str:
    """A literal: `int 1 20` in a range, `str abc` of an alphabet, `= x` as written, otherwise of the kind."""
    if kind.startswith("="):
        return filled(rng, kind[1:].strip())[0]
    if kind.startswith("int "):
        low, high = kind[4:].split()
        return str(rng.randint(int(low), int(high)))
    if kind.startswith("str "):
        return repr("".join(rng.choice(kind[4:]) for _ in range(rng.randint(1, 8))))
    if kind.startswith("sorted "):
        value = literals.value(rng, kind[7:])
        return repr(sorted(value))  # type: ignore[call-overload]
    return literals.written(rng, literals.value(rng, kind))
