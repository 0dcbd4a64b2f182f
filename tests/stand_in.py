"""A predictor that can be recorded, for suites that pytester runs: it needs no model and counts its answers."""

from __future__ import annotations

# It is right but for the values of `total`, and writes a line to `asked.txt` for everything it is asked.
CONFTEST = """
import dataclasses
import pathlib

import pytest
from cwm_tracer.model import Choice, RollOut, Verification
from pytest_cwm.predictors.base import PredictionError
from pytest_cwm.predictors.identity import Identity

HERE = pathlib.Path(__file__).parent


class StandIn:
    name = "stand-in"

    def __init__(self, weights):
        self.weights = weights

    def identify(self):
        return Identity("stand-in", self.weights, "0" * 64, decoding={"constrained": True})

    identity = property(identify)

    def prompt_ids(self, context, frames):
        return list(context.text.encode()) + [len(frames)]

    def unfit(self, truth):
        return ()

    def verify(self, truth):
        with (HERE / "asked.txt").open("a") as file:
            file.write("verify\\n")
        if (HERE / "down").exists():
            return Verification((None,) * len(truth.frames), failure="the server is down")
        wrong = (HERE / "wrong").exists()
        choices = [None]
        for frame in truth.frames[1:]:
            told = dataclasses.replace(frame, file=None, line=None, tokens=(1, 2))
            if wrong and told.locals and "total" in told.locals:
                told = dataclasses.replace(told, locals={**told.locals, "total": "99"})
            choices.append(Choice(told, bits=0.125))
        return Verification(tuple(choices), model="stand-in")

    def roll_out(self, context, prefix, *, max_frames, sampling=None):
        raise NotImplementedError

    def close(self):
        pass


@pytest.hookimpl(optionalhook=True)
def pytest_cwm_make_predictor(config):
    path = HERE / "weights.txt"
    return StandIn(path.read_text() if path.exists() else "a" * 64)
"""

_ADD = """
import pytest

def add(numbers):
    total = 0
    for number in numbers:
        total += number
    return total
"""
_TEST = """
@pytest.mark.cwm_start
def test_add_{number}():
    assert add(range({number})) == sum(range({number}))
"""


def suite_of(count: int) -> str:
    """A module with so many marked tests."""
    return _ADD + "".join(_TEST.format(number=number) for number in range(count))
