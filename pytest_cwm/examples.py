"""Property-based tests: which of the many examples that Hypothesis runs is the one that is recorded."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from cwm_tracer.model import Ending
from cwm_tracer.recorder import Recorder, Recording

FIRST = "recorded is the first of the examples that Hypothesis ran"
FAILING = "recorded is the example that Hypothesis reports as failing"


class Handle(Protocol):
    """What Hypothesis calls the `hypothesis` attribute of a test: whoever runs tests may replace the inner one."""

    inner_test: Callable[..., Any]


class ExampleRecorder:
    """Records one example of a property-based test, with a recorder of its own for each that may turn out to be it.

    That is the one which Hypothesis reports as failing: after a failure it looks for smaller ones, and runs the one
    that it reports last. Without a failure it is the first that is accepted (`assume`) and calls the entry.
    No other example is recorded, nor is Hypothesis' own work, so that they keep their speed.
    """

    def __init__(self, handle: Handle, explicit: int, make: Callable[[], Recorder]) -> None:
        """`explicit` is how many examples the test lists itself: they run first, and those that fail run only once."""
        self._handle = handle
        self._inner = handle.inner_test
        self._explicit = explicit
        self._make = make
        self._running: Recorder | None = None
        self._kept: Recording | None = None
        self._failed = self._kept_failed = self._settled = False
        self._runs = 0

    @property
    def note(self) -> str:
        """Which example the recording is of."""
        return FAILING if self._kept_failed else FIRST

    def start(self) -> None:
        """Have the examples recorded from now on."""

        @functools.wraps(self._inner)  # Hypothesis identifies a test by its source
        def inner_test(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            self._runs += 1
            record = self._failed or not self._settled or self._runs <= self._explicit
            began = time.perf_counter()
            if record:
                self._running = self._make()
                self._running.start()
            failed = accepted = False
            try:
                result = self._inner(*args, **kwargs)
                accepted = True
                return result
            except BaseException as error:
                self._failed = self._failed or _is_failure(error)
                failed = accepted = _is_failure(error)
                raise
            finally:
                if record:
                    self._keep(failed, accepted)
                    _take_no_time(time.perf_counter() - began)

        self._handle.inner_test = inner_test

    def interrupt(self, note: str) -> None:
        """As a recorder's."""
        if self._running is not None:
            self._running.interrupt(note)

    def stop(self) -> Recording:
        """As a recorder's: the recording of the one example."""
        self._handle.inner_test = self._inner
        if self._kept is None:  # no example ran
            self._kept = self._make().stop()
        return self._kept

    def _keep(self, failed: bool, accepted: bool) -> None:
        running, self._running = self._running, None
        assert running is not None
        recording = running.stop()
        if failed or not self._settled:
            self._kept, self._kept_failed = recording, failed
            self._settled = accepted and recording.meta.ending is not Ending.NEVER_CALLED


def examples_of(test: object, make: Callable[[], Recorder]) -> ExampleRecorder | None:
    """A recorder for a property-based test, None for any other.

    A coroutine function's examples run elsewhere than where it is called: it is recorded as any other test.
    """
    handle = getattr(test, "hypothesis", None)
    inner = getattr(handle, "inner_test", None)
    if handle is None or not callable(inner) or inspect.iscoroutinefunction(inner):
        return None
    return ExampleRecorder(handle, len(getattr(test, "hypothesis_explicit_examples", ())), make)


def _is_failure(error: BaseException) -> bool:
    import pytest
    from hypothesis.errors import UnsatisfiedAssumption

    return isinstance(error, (Exception, pytest.fail.Exception)) and not isinstance(error, UnsatisfiedAssumption)


def _take_no_time(seconds: float) -> None:
    """Tell Hypothesis that an example ran for so many seconds less, for its deadline is not meant for recorded ones."""
    with suppress(Exception):  # these are no public names
        from hypothesis.control import current_build_context

        times: dict[str, float] = current_build_context().data._stateful_run_times
        times["recording by pytest-cwm"] = times.get("recording by pytest-cwm", 0.0) + seconds
