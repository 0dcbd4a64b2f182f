"""A small suite and a predictor for it that is written out, so that no model is needed."""

from __future__ import annotations

# Says what really happened, but for one wrong value of `total` that stands in the frames named.
CONFTEST = """
import dataclasses
import pytest
from cwm_tracer.model import Choice, RollOut, Verification
from pytest_cwm.predictors.base import PredictionError

class Oracle:
    name = "oracle"

    def verify(self, truth):
        choices = [None]
        for frame in truth.frames[1:]:
            if frame.locals and frame.locals.get("total") == "6":
                frame = dataclasses.replace(frame, locals={**frame.locals, "total": "7"})
            choices.append(Choice(dataclasses.replace(frame, file=None, line=None), bits=0.5))
        return Verification(tuple(choices), model="oracle")

    def roll_out(self, context, prefix, *, max_frames, sampling=None):
        raise NotImplementedError

    def next_frame(self, context, prefix, *, event=None, sampling=None):
        return Choice(None, ended=True)

    def close(self):
        pass

@pytest.hookimpl(optionalhook=True)
def pytest_cwm_make_predictor(config):
    return Oracle()
"""

SUITE = """
import pytest

def add(numbers):
    total = 0
    for number in numbers:
        total += number
    return total

@pytest.mark.cwm_start
def test_add():
    assert add([1, 2, 3]) == 6

@pytest.mark.cwm_start(entry="test_suite:add")
def test_fails():
    assert add([1]) == 2

def test_unmarked():
    pass
"""
