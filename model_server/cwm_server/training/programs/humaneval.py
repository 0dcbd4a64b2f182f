"""HumanEval's functions and the solutions that a model wrote to them (CodeT's samples), with sampled inputs."""

from __future__ import annotations

import ast
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.mutation import mutated
from cwm_server.training.programs.style import without_docstrings

TASKS = "HumanEval.jsonl"
SOLUTIONS = "HumanEval_codegen16B_code_solution.jsonl.gz"
ASSERTIONS = "HumanEval_codegen16B_test_case.jsonl.gz"
HELD_OUT_EVERY = 16


def programs(rng: random.Random, shared: Path, inputs: int = 4) -> Iterator[Program]:
    """Each distinct solution with up to `inputs` inputs; every sixteenth task, all its solutions, is held out."""
    tasks = [json.loads(line) for line in (shared / TASKS).read_text("utf-8").splitlines()]
    sampled = dict(_pairs(shared / SOLUTIONS))
    asserted = dict(_pairs(shared / ASSERTIONS))
    jobs: list[tuple[int, str, str]] = []
    calls: list[list[tuple[str, str]]] = []
    for number, task in enumerate(tasks):
        prompt, name = task["prompt"], task["entry_point"]
        key = _stem(prompt)
        calls.append(_calls(task, asserted.get(key, []), name))
        bodies = [task["canonical_solution"], *sampled.get(key, [])]
        texts = dict.fromkeys(text for body in bodies if (text := _module(prompt, body, name)))
        jobs += [(number, name, text) for text in texts]
    rng.shuffle(jobs)
    for number, name, text in jobs:
        if not calls[number]:
            continue
        if rng.random() < 0.93:
            text = without_docstrings(text)
        for arguments, assertion in rng.sample(calls[number], min(inputs, len(calls[number]))):
            heldout = number % HELD_OUT_EVERY == 7
            if heldout or rng.random() < 0.4:
                yield start(rng, Subject("humaneval", text, name, arguments, heldout, assertion))
            else:
                yield start(rng, Subject("humaneval", mutated(rng, text), name, arguments, heldout))


def _pairs(path: Path) -> Iterator[tuple[str, list[str]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            yield _stem(item["prompt"]), item["samples"]


def _stem(prompt: str) -> str:
    """What the prompts of one task have in common: its last signature."""
    return prompt[: prompt.rindex("def ")] + prompt[prompt.rindex("def ") :].split("\n")[0]


def _module(prompt: str, body: str, name: str) -> str | None:
    """Prompt and solution up to the end of the function (and helpers after it); None where they don't parse."""
    lines: list[str] = []
    for line in body.split("\n"):
        if line and not line[0].isspace() and not line.startswith(("#", ")")):
            break
        lines.append(line.rstrip())
    text = prompt + "\n".join(lines).rstrip() + "\n"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found or len(found[0].body) < 1 or all(isinstance(item, (ast.Pass, ast.Expr)) for item in found[0].body):
        return None
    return "\n".join(line for line in text.split("\n") if not line.startswith("#")).lstrip("\n")


def _calls(task: dict[str, str], samples: list[str], name: str) -> list[tuple[str, str]]:
    """Arguments and assertions: the task's own tests first, then sampled ones, without repetitions."""
    own = task["test"].replace("candidate(", f"{name}(")
    prefix = f"assert {name}("
    found: dict[str, str] = {}
    for text in [own, *(prefix + sample.lstrip() if not sample.startswith("assert") else sample for sample in samples)]:
        for chunk in text.split("assert ")[1:]:
            call = _assertion("assert " + chunk, name)
            if call is not None:
                found.setdefault(*call)
            if len(found) >= 60:
                return list(found.items())
    return list(found.items())


def _assertion(text: str, name: str) -> tuple[str, str] | None:
    """`assert f(1) == 2` as (`1`, the assertion); None unless it is one, with literal arguments."""
    text = " ".join(text.split("\n")[:3]).strip()
    for end in range(len(text), 8, -1):
        if text[end - 1] not in ")]}'\"0123456789esn":
            continue
        try:
            tree = ast.parse(text[:end])
        except (SyntaxError, ValueError, MemoryError):
            if len(text) - end > 80:
                return None
            continue
        node = tree.body[0]
        if len(tree.body) != 1 or not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
            return None
        left = node.test.left
        if (
            not isinstance(left, ast.Call)
            or not isinstance(left.func, ast.Name)
            or left.func.id != name
            or left.keywords
        ):
            return None
        try:
            arguments = [repr(ast.literal_eval(argument)) for argument in left.args]
            ast.literal_eval(node.test.comparators[0])
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
        if not arguments or len(", ".join(arguments)) > 160:
            return None
        return ", ".join(arguments), f"assert {ast.unparse(node.test)}"
    return None
