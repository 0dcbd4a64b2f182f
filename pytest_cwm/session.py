"""Predicting and comparing recorded tests beside the tests that still run, and the report of it all.

Memory does not grow with the run: a recording that waits, and a test that was predicted, go to disk. Only for a model
does a test wait: where nothing is predicted, or what is expected is on disk, it is done with at once.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from cwm_tracer.model import Ending, RollOut, Trace, Verification
from pytest_cwm.options import Settings
from pytest_cwm.predictors.base import PredictionError, Predictor
from pytest_cwm.recording import Recorded
from pytest_cwm.report.document import Report, TestReport
from pytest_cwm.report.gate import Demand, GateResult, evaluate
from pytest_cwm.report.store import TestStore
from pytest_cwm.spool import Place, Spool

if TYPE_CHECKING:
    from pytest_cwm.lastgreen.expectations import Expectations

# Semantics that the published models were trained on: from 3.12 on comprehensions make no frames (PEP 709).
_COMPREHENSIONS_INLINED = (3, 12)
# Recordings that wait for the predictor as they are; packing one takes about as long as recording it did.
_UNPACKED = 4


@dataclass(frozen=True, slots=True)
class _Predicted:
    verification: Verification | None = None
    roll_out: RollOut | None = None


@dataclass(slots=True)
class _Test:
    """One recorded test; `recorded` is None once its report is in the store, and a place while it waits in line."""

    outcome: str
    demand: Demand
    recorded: Recorded | Place | None
    reported: Future[None]


class PredictionSession:
    """Takes recordings as they come, predicts them one after another, and reports on all at the end.

    A model is asked in a thread. `make_predictor` is called once, when the first recording is there; a
    `PredictionError` of its is the reason given for every missing prediction. With `expectations` tests are compared
    with these, and nothing is predicted. `failed` are the tests that failed in any phase.
    """

    def __init__(
        self,
        settings: Settings,
        make_predictor: Callable[[], Predictor],
        expectations: Expectations | None = None,
    ) -> None:
        self._settings = settings
        self._expectations = expectations
        self.failed: set[str] = set()
        self._make_predictor = make_predictor
        self._predictor: Predictor | None = None
        self._unavailable: str | None = None
        self._tests: dict[str, _Test] = {}
        self._pending: dict[str, _Test] = {}
        self._store = TestStore()
        self._waiting = Spool()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cwm-predict")
        self._began = time.monotonic()

    def __len__(self) -> int:
        return len(self._tests)

    @property
    def settings(self) -> Settings:
        """What the user asked for."""
        return self._settings

    def add(self, nodeid: str, outcome: str, recorded: Recorded) -> None:
        """Queue a recorded test; a later attempt at the same test replaces an earlier one."""
        earlier = self._tests.get(nodeid)
        if earlier is not None:
            earlier.reported.cancel()
        demand = Demand(dict(recorded.fail_under), recorded.strict)
        test = self._tests[nodeid] = self._pending[nodeid] = _Test(outcome, demand, recorded, Future())
        if not self._asks_a_model:
            self._predict_and_store(nodeid, test)
            return
        if self.pending() > _UNPACKED:
            test.recorded = self._waiting.put(recorded.to_json().encode())
        test.reported = self._pool.submit(self._predict_and_store, nodeid, test)

    def predict_now(self, nodeid: str, recorded: Recorded) -> tuple[Predictor | None, Verification | None]:
        """Verify one recording at once, for the debugger."""
        verification = self._pool.submit(self._verify, nodeid, recorded.trace).result() if recorded.trace else None
        return self._predictor_for(nodeid), verification

    @property
    def expectations(self) -> Expectations | None:
        """What tests are compared with instead of predictions."""
        return self._expectations

    @property
    def predictor(self) -> Predictor | None:
        """What predicts, once something was to be predicted."""
        return self._predictor

    @property
    def unavailable(self) -> str | None:
        """Why there is no predictor, if there is none."""
        return self._unavailable

    def pending(self) -> int:
        """How many tests still wait for their prediction."""
        return len(self._pending)

    def wait(self, seconds: float) -> None:
        """Wait for predictions, no longer than `seconds`."""
        wait([test.reported for test in list(self._pending.values())], timeout=seconds)

    def close(self) -> None:
        """Drop what is still queued and release the predictor."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._predictor is not None:
            self._predictor.close()

    def report(self, environment: Mapping[str, Any]) -> Report:
        """Everything that is known now; predictions that aren't made yet are missing."""
        for nodeid, test in list(self._pending.items()):
            self._store.add(self._unpredicted(nodeid, test))
        report = Report.of(self._store)
        return replace(
            report,
            settings=self._settings.shown(),
            environment={"python": platform.python_version(), "implementation": sys.implementation.name, **environment},
            model=self._model(),
            gates=self._gates(report),
            notes=tuple(self._notes(report)),
            run={
                "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - self._began, 3),
                "platform": platform.platform(),
                "server": self._settings.shown_server,
                "engine": getattr(self._predictor, "engine", None),
            },
        )

    def _model(self) -> dict[str, Any]:
        """What predicted; `constrained` is null where that is not known, as of a third party's predictor."""
        predictor = self._predictor
        if self._expectations is not None:
            return {"name": self._expectations.name}
        if predictor is None:
            return {}
        identity = getattr(predictor, "identity", None)
        known = identity.to_json() if identity is not None else {}
        constrained = known.get("decoding", {}).get("constrained", getattr(predictor, "constrained", None))
        return {**known, "name": predictor.name, "constrained": constrained}

    def _unpredicted(self, nodeid: str, test: _Test) -> TestReport:
        recorded = self._recorded(test)
        predicted = _Predicted()
        if recorded.trace is not None and self._asks:
            predicted = _missing(recorded.trace, "the run ended before it was made", self._settings)
        return _reported(nodeid, test.outcome, recorded, predicted)

    def _recorded(self, test: _Test) -> Recorded:
        place = test.recorded
        assert place is not None
        return place if isinstance(place, Recorded) else Recorded.from_json(self._waiting.get(place).decode())

    @property
    def _asks(self) -> bool:
        return self._settings.mode != "none"

    @property
    def _asks_a_model(self) -> bool:
        return self._asks and self._expectations is None and self._settings.cassette != "replay"

    def _gates(self, report: Report) -> tuple[GateResult, ...]:
        demands = {
            nodeid: test.demand for nodeid, test in self._tests.items() if test.demand.fail_under or test.demand.strict
        }
        demanding = (report.tests.named(nodeid) for nodeid in sorted(demands))
        return evaluate(report.totals, self._settings.fail_under, demanding, demands)

    def _notes(self, report: Report) -> list[str]:
        notes = []
        if self._unavailable is not None and not any(test.missing for test in report.summaries):
            notes.append(self._unavailable)
        if self._settings.constrain and self._model().get("constrained") is False:
            notes.append(f"unconstrained: {self._model()['name']} does not know constrained decoding")
        if getattr(self._predictor, "scores", None) is False:
            notes.append(
                f"no tf.bits: {self._model()['name']} does not show the probabilities of given tokens; "
                "every frame was decoded, which takes long"
            )
        if self._asks and sys.version_info >= _COMPREHENSIONS_INLINED and self._predictor is not None:
            notes.append(
                f"recorded on Python {sys.version_info[0]}.{sys.version_info[1]}, where comprehensions are no frames "
                "of their own, as they are in what models were trained on (Python <= 3.11)"
            )
        return notes

    # -- in the thread, where a model is asked

    def _predict_and_store(self, nodeid: str, test: _Test) -> None:
        recorded, place = self._recorded(test), test.recorded
        try:
            if self._expectations is not None and self._asks and recorded.trace is not None and recorded.trace.frames:
                expected = self._expectations.of(nodeid, test.outcome, recorded.trace)
                predicted = _Predicted(None, expected.roll_out)
                recorded = replace(recorded, notes=(*recorded.notes, *expected.notes))
            else:
                predicted = self._predict(nodeid, recorded.trace)
            report = _reported(nodeid, test.outcome, recorded, predicted)
        except Exception as error:  # what a third party's predictor says may be of any shape
            why = f"could not be compared: {type(error).__name__}: {error}"
            report = TestReport(nodeid, test.outcome, recorded.entry, notes=(*recorded.notes, why))
        if self._tests.get(nodeid) is test:
            self._store.add(report)
            del self._pending[nodeid]
        test.recorded = None
        if place is not None and not isinstance(place, Recorded):
            self._waiting.free(place)

    def _predict(self, nodeid: str, trace: Trace | None) -> _Predicted:
        if trace is None or not trace.frames or not self._asks:
            return _Predicted()
        predictor = self._predictor_for(nodeid)
        if predictor is None:
            return _missing(trace, self._unavailable or "there is no predictor", self._settings)
        try:
            verification = predictor.verify(trace) if self._settings.mode in ("verify", "both") else None
            roll_out = None
            if self._settings.mode in ("rollout", "both"):
                # A little more than the truth is enough to see that a roll-out goes on where the truth ended.
                limit = len(trace.frames) + len(trace.frames) // 4 + 8
                draft: dict[str, Any] = {"draft": trace.frames} if getattr(predictor, "drafts", False) else {}
                roll_out = predictor.roll_out(trace.context, trace.frames[:1], max_frames=limit, **draft)
            return _Predicted(verification, roll_out)
        except Exception as error:  # a predictor may be a third party's
            return _missing(trace, f"the predictor failed: {type(error).__name__}: {error}", self._settings)

    def _verify(self, nodeid: str, trace: Trace) -> Verification:
        predictor = self._predictor_for(nodeid)
        if predictor is None:
            return Verification((None,) * len(trace.frames), failure=self._unavailable)
        return predictor.verify(trace)

    def _predictor_for(self, nodeid: str) -> Predictor | None:
        """The predictor, for the questions of one test where it tells tests apart."""
        predictor = self._ready()
        of_test: Callable[[str], Predictor] | None = getattr(predictor, "for_test", None)
        return of_test(nodeid) if of_test is not None else predictor

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


def _reported(nodeid: str, outcome: str, recorded: Recorded, predicted: _Predicted) -> TestReport:
    return TestReport.of(
        nodeid,
        outcome,
        recorded.entry,
        recorded.trace,
        predicted.verification,
        predicted.roll_out,
        recorded.notes,
        recorded.strict,
    )
