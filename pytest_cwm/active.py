"""The hooks of a run with `--cwm-trace`. Workers record; the controller, or the only process, predicts and reports."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from pytest_cwm import __version__
from pytest_cwm.marker import Start, read_marker
from pytest_cwm.options import Settings
from pytest_cwm.predictors.base import Predictor
from pytest_cwm.recording import Recorded, TestRecorder
from pytest_cwm.session import PredictionSession

_STOP = pytest.StashKey[Callable[[], Recorded]]()
_RECORDED = pytest.StashKey[Recorded]()
_ATTRIBUTE = "cwm_recorded"


class ActivePlugin:
    """One per process. `session` is None in an xdist worker."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._recorder = TestRecorder(settings, config.rootpath)
        worker = hasattr(config, "workerinput")
        self._session = None if worker else PredictionSession(settings, self._make_predictor)
        self._debugged = False

    # -- recording, wherever tests run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        start = read_marker(item) or (Start() if self._settings.record_all else None)
        if start is None:
            return (yield)
        stop = self._recorder.start(item, start)
        try:
            return (yield)
        finally:
            item.stash[_RECORDED] = stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        recorded = item.stash.get(_RECORDED, None)
        if recorded is not None and call.when == "call":
            # Only a worker's reports travel, and only text travels in them.
            setattr(report, _ATTRIBUTE, recorded if self._session is not None else recorded.to_json())
        return report

    # -- predicting, where the results come together

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        carried: Recorded | str | None = getattr(report, _ATTRIBUTE, None)
        if self._session is None or carried is None:
            return
        recorded = Recorded.from_json(carried) if isinstance(carried, str) else carried
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = {"skipped": "xfailed", "passed": "xpassed"}.get(outcome, outcome)
        self._session.add(report.nodeid, outcome, recorded)
        delattr(report, _ATTRIBUTE)

    def pytest_exception_interact(self, node: Any, call: pytest.CallInfo[Any], report: Any) -> None:
        if not self._settings.pdb or self._session is None or call.when != "call":
            return
        recorded = node.stash.get(_RECORDED, None)
        if recorded is not None:
            from pytest_cwm.interaction import debug_failure

            debug_failure(self._config, self._session, report.nodeid, recorded)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: the terminal has written its last progress then
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        if self._session is not None and len(self._session):
            from pytest_cwm import reporting

            failed = reporting.finish(self._config, self._session, self._settings)
            session.testsfailed += failed
        return result

    def pytest_report_header(self) -> str:
        model = self._settings.server or "the embedded model"
        asked = {
            "verify": f"verified by {model}",
            "rollout": f"rolled out by {model}",
            "both": f"verified and rolled out by {model}",
            "none": "recorded only",
        }[self._settings.mode]
        which = "all tests" if self._settings.record_all else "tests marked cwm_start"
        return f"cwm {__version__}: {which}, {asked}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._session is not None and not self._config.getoption("collectonly"):
            from pytest_cwm import reporting

            reporting.summarize(terminalreporter, self._config, self._session)

    def pytest_unconfigure(self) -> None:
        if self._session is not None:
            self._session.close()

    def _make_predictor(self) -> Predictor:
        own = self._config.hook.pytest_cwm_make_predictor(config=self._config)
        if own is not None:
            return own  # type: ignore[no-any-return]
        from pytest_cwm.predictors import make_predictor

        settings = self._settings
        return make_predictor(
            server=settings.server,
            engine=settings.engine,
            model=settings.model,
            tokenizer=settings.tokenizer,
            token=settings.token,
        )
