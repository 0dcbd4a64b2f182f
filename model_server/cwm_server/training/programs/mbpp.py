"""MBPP's train and validation splits (tasks 511 to 974); the test split is only ever read to keep it out."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cwm_server.training.programs import normal
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.mutation import mutated

FILE = "mbpp.jsonl"
TEST = range(11, 511)
VALIDATION = range(511, 601)
TRAIN = range(601, 975)


def programs(rng: random.Random, shared: Path, repeats: int = 10) -> Iterator[Program]:
    """Every assertion of every task, twice as it is, then mutated. The validation split is held out, as it is."""
    chosen = [task for task in tasks(shared) if task["task_id"] in TRAIN or task["task_id"] in VALIDATION]
    for round_number in range(repeats):
        rng.shuffle(chosen)
        for task in chosen:
            heldout = task["task_id"] in VALIDATION
            for assertion in (*task["test_list"], *task["challenge_test_list"]):
                found = subject(module(task), assertion, heldout)
                if found is None or (heldout and round_number > 1):
                    continue
                if round_number > 1:
                    text = mutated(rng, found.text, rename=0.9, change=0.7)
                    found = replace(found, text=text, assertion=None)
                yield start(rng, found)


def test_fingerprints(shared: Path) -> frozenset[str]:
    """The functions of the test split, up to names: what no training document may hold."""
    found: set[str] = set()
    for task in tasks(shared):
        if task["task_id"] in TEST:
            try:
                found.update(normal.functions(module(task)).values())
            except SyntaxError:
                continue
    return frozenset(found)


def tasks(shared: Path) -> list[dict[str, Any]]:
    """All tasks, as the file has them."""
    return [json.loads(line) for line in (shared / FILE).read_text("utf-8").splitlines()]


def module(task: dict[str, Any]) -> str:
    """A task's solution as a module."""
    setup, code = str(task["test_setup_code"]).strip(), str(task["code"])
    lines = (line.rstrip() for line in f"{setup}\n{code}".replace("\r\n", "\n").expandtabs(4).strip().split("\n"))
    return "\n".join(lines) + "\n"


def subject(text: str, assertion: str, heldout: bool) -> Subject | None:
    """The function that an assertion calls, with the arguments it is given; None where that can't be told."""
    try:
        node = ast.parse(assertion.strip()).body[0]
    except SyntaxError:
        return None
    if not isinstance(node, ast.Assert):
        return None
    defined = set(normal.functions(text))
    for item in ast.walk(node.test):
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id in defined:
            arguments = ", ".join(ast.unparse(argument) for argument in item.args)
            return Subject("mbpp", text, item.func.id, arguments, heldout, assertion.strip())
    return None
