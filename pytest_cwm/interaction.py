"""Dropping from a failing test into the predicted debugger."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cwm.recording import Recorded
from pytest_cwm.session import PredictionSession


def debug_failure(config: pytest.Config, session: PredictionSession, nodeid: str, recorded: Recorded) -> None:
    """Predict a failed test at once and open the debugger at its first divergence; say why where that can't be."""
    trace = recorded.trace
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend(in_=True)
    writer = config.get_terminal_writer()
    try:
        writer.line()
        writer.sep(">", f"cwm: {nodeid}")
        if trace is None or not trace.frames:
            writer.line("; ".join(recorded.notes) or "the entry was never called: there is nothing to debug")
            return
        predictor, verification = session.predict_now(nodeid, recorded)
        if predictor is None or verification is None or verification.failure:
            reason = session.unavailable or (verification.failure if verification is not None else None)
            writer.line(f"no prediction: {reason}")
            return
        from cwm_tracer.compare import compare_verification
        from pytest_cwm.debugger.commands import run_debugger
        from pytest_cwm.debugger.timeline import Timeline

        divergences = compare_verification(trace, verification).divergences
        if not divergences:
            writer.line("the model predicted this execution, failure included: there is no divergence to look at")
            return
        first = divergences[0]
        writer.line(f"step {first.index} of {len(trace.frames)}: {first.sentence}")
        writer.flush()
        config.hook.pytest_enter_pdb(config=config, pdb=None)
        run_debugger(Timeline.at_divergence(trace, first.index, predictor, verification.choices[first.index]))
    finally:
        if capture is not None:
            capture.resume()
