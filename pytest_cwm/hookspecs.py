"""Hooks that a conftest.py or another plugin may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_cwm.predictors.base import Predictor


@pytest.hookspec(firstresult=True)
def pytest_cwm_make_predictor(config: pytest.Config) -> Predictor | None:
    """Return a predictor of your own (see `pytest_cwm.predictors.base.Predictor`), or None to leave it to the options.

    Called once, in the thread that predicts, when the first recording is there. A `PredictionError` raised here is
    shown as the reason why predictions are missing.
    """


@pytest.hookspec(firstresult=True)
def pytest_cwm_repr_value(value: object) -> str | None:
    """Return the text by which traces show `value`, or None to leave it to others and, in the end, to its `repr`.

    Called in the process that runs the test, for each value of a type that isn't built in, also inside containers, and
    again whenever it may have changed: be quick, change nothing, and give equal texts to equal values only. The text
    is cut where it is long and secrets in it are hidden. What goes wrong in here is ignored.
    """
