"""Values that a program leaves open: found by running it, so that assertions say what is true, or nearly."""

from __future__ import annotations

import ast
import contextlib
import random
import re
from typing import Any

from cwm_server.training.loading import fixture_value, importable, load
from cwm_server.training.programs.base import Program
from cwm_server.training.sandbox import Rejected, Sandbox, TimeUp

MAX_CHARACTERS = 200
_OPEN = re.compile(r"__(?:RESULT|WRONG)_\d+__")


def filled(program: Program, sandbox: Sandbox, rng: random.Random) -> tuple[str, str]:
    """The program's text and call with values in the open places: what each is first compared with in a run."""
    captures = {match[0]: _Capture() for match in _OPEN.finditer(program.text + program.call)}
    if not captures:
        return program.text, program.call
    try:
        with sandbox.program(), importable(), contextlib.suppress(Exception):
            module = load(program.text, "program", "<program>", names=captures)
            eval(program.call, {**module.__dict__, "fixture_value": fixture_value, **captures})
    except TimeUp:
        raise Rejected("ran too long") from None
    except BaseException as error:
        raise Rejected(f"stopped by {type(error).__name__}") from None
    for place, capture in captures.items():
        if capture.shown is None:  # something raises before, so any value will do
            capture.shown = rng.choice(("None", "0", "1", "True", "[]", "''"))
            continue
        if len(capture.shown) > MAX_CHARACTERS:
            raise Rejected("the value is long")
        try:
            value = ast.literal_eval(capture.shown)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise Rejected("the value is no literal") from None
        if place.startswith("__WRONG"):
            capture.shown = repr(perturbed(rng, value))

    def value_of(match: re.Match[str]) -> str:
        return captures[match[0]].shown or "None"

    return _OPEN.sub(value_of, program.text), _OPEN.sub(value_of, program.call)


class _Capture:
    """Stands in a comparison for a value that is not known yet, and keeps the repr of the other side."""

    def __init__(self) -> None:
        self.shown: str | None = None

    def __eq__(self, other: object) -> bool:
        if self.shown is None:
            self.shown = repr(other)
        return True

    def __hash__(self) -> int:
        return 0


def perturbed(rng: random.Random, value: Any) -> Any:
    """Something near `value` and different from it: what a wrong assertion expects."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float)):
        return value + rng.choice((1, -1, 2, 10))
    if isinstance(value, str):
        return value[:-1] if value and rng.random() < 0.5 else value + rng.choice("abx! ")
    if isinstance(value, list) and value:
        changed = list(value)
        if rng.random() < 0.5:
            changed.pop(rng.randrange(len(changed)))
        else:
            index = rng.randrange(len(changed))
            changed[index] = perturbed(rng, changed[index])
        return changed
    if isinstance(value, tuple) and value:
        index = rng.randrange(len(value))
        return (*value[:index], perturbed(rng, value[index]), *value[index + 1 :])
    if isinstance(value, dict) and value:
        key = rng.choice(list(value))
        return {**value, key: perturbed(rng, value[key])}
    return [] if value != [] else None
