"""Programs as test suites have them: classes and helpers, and a test that sets up and asserts several things."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from cwm_server.training.programs.base import Program
from cwm_server.training.programs.style import dressed
from cwm_server.training.programs.suites_classes import CLASSES
from cwm_server.training.programs.suites_modules import MODULES
from cwm_server.training.programs.templates import filled

# The entry is the function called test_...; `???` stands for a value that the run fills in.
SUITES: tuple[str, ...] = CLASSES + MODULES


def programs(rng: random.Random, shared: Path) -> Iterator[Program]:
    """Without end."""
    while True:
        yield program(rng, rng.choice(SUITES))


def program(rng: random.Random, template: str) -> Program:
    """One suite; optional lines (`?: `) come and go, so do failing assertions."""
    lines = []
    for line in template.strip("\n").split("\n"):
        stripped = line.lstrip()
        if stripped.startswith("?: "):
            if rng.random() < 0.45:
                continue
            line = line[: len(line) - len(stripped)] + stripped[3:]
        lines.append(line)
    text, _ = filled(rng, "\n".join(lines))
    wrong = rng.random() < 0.12
    count = text.count("???")
    failing = rng.randrange(count) if wrong and count else -1
    for number in range(count):
        text = text.replace("???", f"__{'WRONG' if number == failing else 'RESULT'}_{number}__", 1)
    entry = re.findall(r"(?m)^def (test_\w+|main)\(", text)[-1]
    if rng.random() < 0.3:
        text = text.replace("\n\n\n", "\n\n")
    call = f"{entry}()"
    if entry.startswith("test_"):
        text, entry, call = _arranged(rng, text, entry)
    return Program("suites", dressed(rng, text) + "\n", entry, call, rewritten=rng.random() < 0.6)


def _arranged(rng: random.Random, text: str, entry: str) -> tuple[str, str, str]:
    """The test as it is, in a class, or with its first value from a fixture."""
    at = text.index(f"def {entry}(")
    head, first, *body = [text[:at], *text[at:].split("\n")]
    draw = rng.random()
    if draw < 0.15 and first == f"def {entry}():":
        owner = (
            "Test" + rng.choice(("Basics", "Behaviour", "It", "Core", "Cases"))
            if rng.random() < 0.4
            else "Test" + entry[5:].title().replace("_", "")
        )
        lines = [f"class {owner}:", f"    def {entry}(self):", *(f"    {line}" if line else line for line in body)]
        return head + "\n".join(lines), f"{owner}.{entry}", f"{owner}().{entry}()"
    match = re.fullmatch(r"    (\w+) = (.+)", body[0])
    if draw < 0.35 and match and first == f"def {entry}():" and body[0].count("(") == body[0].count(")"):
        name, value = match.groups()
        if (
            value.endswith(")")
            and len(body) > 1
            and not any(line.startswith("        ") and name + " =" in line for line in body)
        ):
            fixture = f"@pytest.fixture\ndef {name}():\n    return {value}\n\n\n"
            imported = "" if "import pytest" in head else "import pytest\n\n\n"
            test = "\n".join([f"def {entry}({name}):", *body[1:]])
            return imported + head + fixture + test, entry, f"{entry}(fixture_value({name}))"
    return text, entry, f"{entry}()"
