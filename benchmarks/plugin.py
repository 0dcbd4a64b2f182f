"""What the plugin costs on a suite of 1 000 short tests: plain, recorded, and replayed from cassettes.

    python benchmarks/plugin.py [--tests 1000] [--rounds 5] [--suite FOLDER] [--pytest ARGUMENTS]

The variants run in turn, every other round backwards, so that a machine that is busy or becomes slower is so for all of
them alike; printed are medians of wall and CPU time and of their ratios, and the ratios of the least times, which other
work disturbs least. The replayed predictions were made by a stand-in that is wrong in every tenth frame. The bar for
replaying is 1.1 times what recording alone takes. With `--suite` all tests of an existing suite are recorded, up to
2 000 frames of each.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CART = """
class Cart:
    def __init__(self):
        self.items = []

    def add(self, name, price, count=1):
        if count < 1:
            raise ValueError(count)
        self.items.append((name, price, count))

    def total(self):
        total = 0
        for _, price, count in self.items:
            total += price * count
        return total
"""
TEST = """

@pytest.mark.cwm_start
def test_{number}():
    cart = Cart()
    cart.add("apple", {number}, 2)
    cart.add("pear", 3)
    assert cart.total() == {number} * 2 + 3
"""
PLUGIN = """
import dataclasses

from cwm_tracer.model import Choice, Verification
from pytest_cwm.predictors.identity import Identity


class StandIn:
    name = "stand-in"

    def identify(self):
        return Identity("stand-in", "0" * 64, "0" * 64)

    def prompt_ids(self, context, frames):
        return list(context.text.encode())

    def verify(self, truth):
        choices = [None]
        for index, frame in enumerate(truth.frames[1:]):
            told = dataclasses.replace(frame, file=None, line=None)
            if index % 10 == 5 and frame.locals is not None:
                told = dataclasses.replace(told, locals={"wrong": "1"})
            choices.append(Choice(told, bits=0.03125))
        return Verification(tuple(choices), model="stand-in")

    def close(self):
        pass


def pytest_cwm_make_predictor(config):
    return StandIn()
"""
PER_FILE = 50
VARIANTS = {
    "plain": [],
    "recorded": ["--cwm-trace", "--cwm-mode=none"],
    "replayed": ["--cwm-cassette=replay"],
    "replayed, with report": ["--cwm-cassette=replay", "--cwm-report=out.json"],
}


def write_suite(folder: Path, tests: int) -> None:
    """The program and its tests."""
    (folder / "cart.py").write_text(CART)
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    for first in range(0, tests, PER_FILE):
        numbers = range(first, min(first + PER_FILE, tests))
        text = "import pytest\nfrom cart import Cart\n" + "".join(TEST.format(number=number) for number in numbers)
        (folder / f"test_{first:05}.py").write_text(text)


def run(folder: Path, plugins: Path, options: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "stand_in_model", *options]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(plugins)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as they are for a user
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--suite", type=Path, help="folder of a project whose tests are run instead, in a copy")
    parser.add_argument("--pytest", default="", help="more arguments for pytest, in one word")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        plugins, folder = Path(name) / "plugins", Path(name) / "suite"
        plugins.mkdir()
        (plugins / "stand_in_model.py").write_text(PLUGIN)
        more, recorded = shlex.split(options.pytest), list[str]()
        if options.suite is None:
            folder.mkdir()
            write_suite(folder, options.tests)
        else:
            shutil.copytree(options.suite, folder)
            recorded = ["--cwm-all", "--cwm-max-frames=2000"]
        first = run(folder, plugins, [*more, *recorded, "--cwm-cassette=record"])[0]
        print(f"recording cassettes: {first:.2f} s", flush=True)
        rounds = []
        for number in range(options.rounds):
            order = [*VARIANTS] if number % 2 == 0 else [*VARIANTS][::-1]
            flags = {each: [*more, *VARIANTS[each], *(recorded if VARIANTS[each] else ())] for each in order}
            rounds.append({each: run(folder, plugins, flags[each]) for each in order})
        size = sum(path.stat().st_size for path in folder.glob(".cwm/**/*.json"))
    print(
        f"cassettes: {size / 1e6:.1f} MB\n\n"
        "| | wall | CPU | wall / recorded | CPU / recorded | least wall / recorded | least CPU / recorded |\n"
        "|---|---|---|---|---|---|---|"
    )
    for each in VARIANTS:
        wall, cpu = (statistics.median(one[each][index] for one in rounds) for index in (0, 1))
        ratios = [statistics.median(one[each][index] / one["recorded"][index] for one in rounds) for index in (0, 1)]
        ratios += [min(one[each][at] for one in rounds) / min(one["recorded"][at] for one in rounds) for at in (0, 1)]
        print(f"| {each} | {wall:.2f} s | {cpu:.2f} s | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")


if __name__ == "__main__":
    main()
