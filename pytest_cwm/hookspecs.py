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
