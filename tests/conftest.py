"""Shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import recorded

pytest_plugins = ["pytester"]

# How fast a machine is, is not what examples are for.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Tests edit programs and run them again within a second: compiled code of the same size would be taken for current.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


@pytest.fixture(params=recorded.BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The backend that `recorded.Program` records with: each there is. The interpreter must be left as it was found."""
    monkeypatch.setattr(recorded, "backend", request.param)
    before = sys.gettrace()
    tools = _tools()
    yield request.param
    after = sys.gettrace()
    sys.settrace(before)
    assert after is before
    assert _tools() == tools


def _tools() -> list[object]:
    if sys.version_info < (3, 12):
        return []
    monitoring = sys.monitoring
    return [
        (tool, monitoring.get_tool(tool), monitoring.get_tool(tool) and monitoring.get_events(tool))
        for tool in range(6)
    ]
