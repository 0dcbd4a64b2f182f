"""Small functions of the kinds that people write and test: by hand, with open places that the seed fills."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from cwm_server.training.programs.arguments import argument
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.idioms_arithmetic import ARITHMETIC
from cwm_server.training.programs.idioms_bits import BITS
from cwm_server.training.programs.idioms_dates_units import DATES_UNITS
from cwm_server.training.programs.idioms_decisions import DECISIONS
from cwm_server.training.programs.idioms_higher_order import HIGHER_ORDER
from cwm_server.training.programs.idioms_mappings import MAPPINGS
from cwm_server.training.programs.idioms_numbers import NUMBERS
from cwm_server.training.programs.idioms_recursion import RECURSION
from cwm_server.training.programs.idioms_searching import SEARCHING
from cwm_server.training.programs.idioms_sequences import SEQUENCES
from cwm_server.training.programs.idioms_strings import STRINGS
from cwm_server.training.programs.idioms_structures import STRUCTURES
from cwm_server.training.programs.idioms_tables import TABLES
from cwm_server.training.programs.idioms_text import TEXT
from cwm_server.training.programs.idioms_versions import VERSIONS
from cwm_server.training.programs.mutation import mutated
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.templates import filled

# Each is (argument kinds, program); the function to call is the one called $f.
IDIOMS: tuple[tuple[str, str], ...] = (
    *ARITHMETIC,
    *BITS,
    *DATES_UNITS,
    *DECISIONS,
    *HIGHER_ORDER,
    *MAPPINGS,
    *NUMBERS,
    *RECURSION,
    *SEARCHING,
    *SEQUENCES,
    *STRINGS,
    *STRUCTURES,
    *TABLES,
    *TEXT,
    *VERSIONS,
)


def programs(rng: random.Random, shared: Path) -> Iterator[Program]:
    """Without end."""
    while True:
        kinds, template = rng.choice(IDIOMS)
        text, names = filled(rng, template.strip("\n"))
        text = mutated(rng, text, rename=0, change=0.25)
        arguments = ", ".join(argument(rng, kind.strip()) for kind in kinds.split("; ") if kind.strip())
        yield start(rng, Subject("idioms", dressed(rng, text) + "\n", names["f"], arguments))
