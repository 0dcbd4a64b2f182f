"""Predicting and comparing recorded tests beside the tests that still run, and the report of it all."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from cwm_tracer.model import Ending, RollOut, Trace, Verification
from pytest_cwm.options import Settings
from pytest_cwm.predictors.base import PredictionError, Predictor
from pytest_cwm.recording import Recorded
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.gate import Demand, GateResult, evaluate

# Semantics that the published models were trained on: from 3.12 on comprehensions make no frames (PEP 709).
_COMPREHENSIONS_INLINED = (3, 12)


@dataclass(frozen=True, slots=True)
class _Predicted:
    verification: Verification | None = None
    roll_out: RollOut | None = None


@dataclass(slots=True)
class _Test:
    recorded: Recorded
    outcome: str
    predicted: Future[_Predicted]


class PredictionSession:
    """Takes recordings as they come, predicts them one after another in a thread, and reports on all at the end.

    `make_predictor` is called once, in that thread, when the first recording is there; a `PredictionError` of its is
    the reason given for every missing prediction.
    """

    def __init__(self, settings: Settings, make_predictor: Callable[[], Predictor]) -> None:
        self._settings = settings
        self._make_predictor = make_predictor
        self._predictor: Predictor | None = None
        self._unavailable: str | None = None
        self._tests: dict[str, _Test] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cwm-predict")
        self._began = time.monotonic()

    def __len__(self) -> int:
        return len(self._tests)

    def add(self, nodeid: str, outcome: str, recorded: Recorded) -> None:
        """Queue a recorded test; a later attempt at the same test replaces an earlier one."""
        earlier = self._tests.get(nodeid)
        if earlier is not None:
            earlier.predicted.cancel()
        self._tests[nodeid] = _Test(recorded, outcome, self._pool.submit(self._predict, recorded.trace))

    def predict_now(self, recorded: Recorded) -> tuple[Predictor | None, Verification | None]:
        """Verify one recording at once, for the debugger."""
        verification = self._pool.submit(self._verify, recorded.trace).result() if recorded.trace else None
        return self._predictor, verification

    @property
    def unavailable(self) -> str | None:
        """Why there is no predictor, if there is none."""
        return self._unavailable

    def pending(self) -> int:
        """How many tests still wait for their prediction."""
        return sum(not test.predicted.done() for test in self._tests.values())

    def wait(self, seconds: float) -> None:
        """Wait for predictions, no longer than `seconds`."""
        wait([test.predicted for test in self._tests.values()], timeout=seconds)

    def close(self) -> None:
        """Drop what is still queued and release the predictor."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._predictor is not None:
            self._predictor.close()

    def report(self, environment: Mapping[str, Any]) -> Report:
        """Everything that is known now; predictions that aren't made yet are missing."""
        tests = [self._test_report(nodeid, test) for nodeid, test in sorted(self._tests.items())]
        report = Report.of(tests)
        return Report.of(
            tests,
            settings=self._settings.shown(),
            environment={"python": platform.python_version(), "implementation": sys.implementation.name, **environment},
            model={"name": self._predictor.name} if self._predictor is not None else {},
            gates=self._gates(report),
            notes=self._notes(tests),
            run={
                "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - self._began, 3),
                "platform": platform.platform(),
                "server": self._settings.server,
            },
        )

    def _test_report(self, nodeid: str, test: _Test) -> TestReport:
        recorded = test.recorded
        predicted = _Predicted()
        if test.predicted.done() and not test.predicted.cancelled():
            predicted = test.predicted.result()
        elif recorded.trace is not None and self._asks:
            predicted = _missing(recorded.trace, "the run ended before it was made", self._settings)
        return TestReport.of(
            nodeid,
            test.outcome,
            recorded.entry,
            recorded.trace,
            predicted.verification,
            predicted.roll_out,
            recorded.notes,
        )

    @property
    def _asks(self) -> bool:
        return self._settings.mode != "none"

    def _gates(self, report: Report) -> tuple[GateResult, ...]:
        demands = {
            nodeid: Demand(dict(test.recorded.fail_under), test.recorded.strict)
            for nodeid, test in self._tests.items()
            if test.recorded.fail_under or test.recorded.strict
        }
        return evaluate(report.totals, self._settings.fail_under, report.tests, demands)

    def _notes(self, tests: list[TestReport]) -> list[str]:
        notes = []
        if self._unavailable is not None and not any(test.missing for test in tests):
            notes.append(self._unavailable)
        if self._asks and sys.version_info >= _COMPREHENSIONS_INLINED and self._predictor is not None:
            notes.append(
                f"recorded on Python {sys.version_info[0]}.{sys.version_info[1]}, where comprehensions are no frames "
                "of their own, as they are in what models were trained on (Python <= 3.11)"
            )
        return notes

    # -- in the thread

    def _predict(self, trace: Trace | None) -> _Predicted:
        if trace is None or not trace.frames or not self._asks:
            return _Predicted()
        predictor = self._ready()
        if predictor is None:
            return _missing(trace, self._unavailable or "there is no predictor", self._settings)
        try:
            verification = predictor.verify(trace) if self._settings.mode in ("verify", "both") else None
            roll_out = None
            if self._settings.mode in ("rollout", "both"):
                # A little more than the truth is enough to see that a roll-out goes on where the truth ended.
                limit = len(trace.frames) + len(trace.frames) // 4 + 8
                roll_out = predictor.roll_out(trace.context, trace.frames[:1], max_frames=limit)
            return _Predicted(verification, roll_out)
        except Exception as error:  # a predictor may be a third party's
            return _missing(trace, f"the predictor failed: {type(error).__name__}: {error}", self._settings)

    def _verify(self, trace: Trace) -> Verification:
        predictor = self._ready()
        if predictor is None:
            return Verification((None,) * len(trace.frames), failure=self._unavailable)
        return predictor.verify(trace)

    def _ready(self) -> Predictor | None:
        if self._predictor is None and self._unavailable is None:
            try:
                self._predictor = self._make_predictor()
            except PredictionError as error:
                self._unavailable = str(error)
            except Exception as error:
                self._unavailable = f"the predictor could not be made: {type(error).__name__}: {error}"
        return self._predictor


def _missing(trace: Trace, why: str, settings: Settings) -> _Predicted:
    verification = roll_out = None
    if settings.mode in ("verify", "both"):
        verification = Verification((None,) * len(trace.frames), failure=why)
    if settings.mode in ("rollout", "both"):
        meta = trace.meta.__class__(trace.meta.python, Ending.OPEN, "model")
        roll_out = RollOut(Trace(tuple(trace.frames[:1]), trace.context, meta), failure=why)
    return _Predicted(verification, roll_out)
