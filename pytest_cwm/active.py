"""The hooks of a run with `--cwm-trace`. Workers record; the controller, or the only process, predicts and reports."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

import pytest

from pytest_cwm import __version__, alarm
from pytest_cwm.baseline import load_baseline
from pytest_cwm.cassettes.full_run import FullRun
from pytest_cwm.garbage import uncollected
from pytest_cwm.marker import Start, read_marker
from pytest_cwm.options import LAST_GREEN, Settings
from pytest_cwm.predictors.base import Predictor
from pytest_cwm.recording import Completion, Recorded, TestRecorder
from pytest_cwm.session import PredictionSession

_COMPLETE = pytest.StashKey[Completion]()
_RECORDED = pytest.StashKey[Recorded]()
_ATTRIBUTE = "cwm_recorded"


class ActivePlugin:
    """One per process. `session` is None in an xdist worker."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._recorder = TestRecorder(settings, config.rootpath)
        worker = hasattr(config, "workerinput")
        self._session = None if worker else self._make_session()
        self._baseline = None if worker else load_baseline(settings)
        self._full_run = FullRun(config)
        self._shown: dict[str, str] = {}
        if settings.cassette in ("record", "rewrite"):
            config.pluginmanager.register(self._full_run, "cwm-full-run")

    # -- recording, wherever tests run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        start = read_marker(item) or (Start() if self._settings.record_all else None)
        if start is None:
            return (yield)
        if _RECORDED in item.stash:  # of an earlier attempt
            del item.stash[_RECORDED]
        stop = self._recorder.start(item, start)
        try:
            return (yield)
        finally:
            item.stash[_COMPLETE] = stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        complete = item.stash.get(_COMPLETE, None)  # not there yet when a subtest is reported
        if complete is not None and call.when == "call":
            del item.stash[_COMPLETE]
            with alarm.held(), uncollected():  # the test has ended, and so has the time it is given
                recorded = complete()
            if self._settings.pdb and report.failed:
                item.stash[_RECORDED] = recorded
            # Only a worker's reports travel, and only text travels in them.
            setattr(report, _ATTRIBUTE, recorded if self._session is not None else recorded.to_json())
        return report

    def pytest_enter_pdb(self) -> None:
        self._recorder.interrupt("a debugger took over; the trace ends there")

    # -- predicting, where the results come together

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        carried: Recorded | str | None = getattr(report, _ATTRIBUTE, None)
        if self._session is not None and report.failed:
            self._session.failed.add(self._shown.get(report.nodeid, report.nodeid))
        if self._session is None or carried is None:
            return
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = {"skipped": "xfailed", "passed": "xpassed"}.get(outcome, outcome)
        with uncollected():
            recorded = Recorded.from_json(carried) if isinstance(carried, str) else carried
            self._shown[report.nodeid] = recorded.nodeid
            for each in (recorded, *recorded.others):
                self._session.add(each.nodeid, outcome, each)
        delattr(report, _ATTRIBUTE)

    def pytest_exception_interact(self, node: Any, call: pytest.CallInfo[Any], report: Any) -> None:
        if not self._settings.pdb or self._session is None or call.when != "call":
            return
        recorded = node.stash.get(_RECORDED, None)
        if recorded is not None:
            del node.stash[_RECORDED]
            from pytest_cwm.interaction import debug_failure

            debug_failure(self._config, self._session, recorded.nodeid, recorded)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: the terminal has written its last progress then
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        try:
            result = yield
        except (KeyboardInterrupt, session.Failed) as stopped:
            # -x, --stepwise and time limits end the loop so, with classes of their own; of Ctrl-C and of a debugger
            # that is left nobody wants to wait for predictions.
            if type(stopped) is not KeyboardInterrupt:
                self._finish(session, None)
            raise
        self._finish(session, self._full_run.collected if self._full_run.is_complete(session) else None)
        return result

    def _finish(self, session: pytest.Session, collected: Collection[str] | None) -> None:
        """Report what ran; `collected` are the tests of a complete run."""
        if self._session is not None and len(self._session):
            import pytest_cwm.reporting as reporting

            failed = reporting.finish(self._config, self._session, self._settings, self._baseline, collected)
            session.testsfailed += failed

    @pytest.hookimpl(wrapper=True, trylast=True)  # innermost: the JUnit file is written then, the summary is not
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        result = yield
        if self._session is not None and self._config.getoption("xmlpath", None):
            import pytest_cwm.reporting as reporting

            reporting.complete_junit(self._config)
        return result

    def pytest_report_header(self) -> str:
        model = self._settings.shown_server or "the embedded model"
        if self._settings.cassette == "replay":
            model = "recorded predictions"
        if self._settings.against is not None:
            model = "the last green run" if self._settings.against == LAST_GREEN else self._settings.against
        asked = {
            "verify": f"verified by {model}",
            "rollout": f"rolled out by {model}",
            "both": f"verified and rolled out by {model}",
            "none": "recorded only",
        }[self._settings.mode]
        if self._settings.against is not None and self._settings.mode != "none":
            asked = f"compared with {model}"
        which = "all tests" if self._settings.record_all else "tests marked cwm_start"
        return f"cwm {__version__}: {which}, {asked}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        if self._session is not None and not self._config.getoption("collectonly"):
            import pytest_cwm.reporting as reporting

            interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
            reporting.summarize(terminalreporter, self._config, self._session, interrupted=interrupted)

    def pytest_unconfigure(self) -> None:
        if self._session is not None:
            self._session.close()

    def _make_session(self) -> PredictionSession:
        # pytest rewrites what it imports of a plugin, and on 3.11 two threads that make syntax trees at once can fail:
        # the session's makes some.
        import pytest_cwm.reporting  # noqa: F401

        expectations = None
        if self._settings.against is not None:
            from pytest_cwm.lastgreen.opening import open_expectations

            config = self._config
            expectations = open_expectations(self._settings, config.rootpath, config.invocation_params.dir)
        return PredictionSession(self._settings, self._make_predictor, expectations)

    def _make_predictor(self) -> Predictor:
        if self._settings.cassette == "off":
            return self._own_predictor() or self._settings_predictor()
        from pytest_cwm.cassettes.opening import open_cassettes

        return open_cassettes(self._settings, self._own_predictor, self._settings_predictor)

    def _own_predictor(self) -> Predictor | None:
        return self._config.hook.pytest_cwm_make_predictor(config=self._config)  # type: ignore[no-any-return]

    def _settings_predictor(self) -> Predictor:
        from pytest_cwm.predictors import make_predictor

        settings = self._settings
        return make_predictor(
            server=settings.server,
            engine=settings.engine,
            model=settings.model,
            tokenizer=settings.tokenizer,
            token=settings.token,
            constrain=settings.constrain,
            allow_http=settings.allow_http,
        )
