"""The collector goes through a program's objects when the program makes some, not when the plugin does."""

from __future__ import annotations

import gc

import pytest

from pytest_cwm.garbage import uncollected


def test_the_collector_is_as_it_was_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_works_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        1 / 0
    assert gc.isenabled()


def test_nothing_is_collected_while_a_recording_is_put_together(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import gc
        import sys

        COLLECTED = []

        def note(phase, info):
            frame = sys._getframe(1)
            while phase == "start" and frame is not None:
                COLLECTED.append(frame.f_code.co_name)
                frame = frame.f_back

        def pytest_runtest_setup():
            gc.set_threshold(1)  # collect whenever an object is made
            gc.callbacks.append(note)

        def pytest_runtest_logfinish():
            gc.callbacks.remove(note)
            gc.set_threshold(700)

        def pytest_unconfigure(config):
            print("collected in", sorted({"build_context", "test_it"}.intersection(COLLECTED)))
    """)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.cwm_start
        def test_it():
            kept = [[number] for number in range(10)]
            assert len(kept) == 10
    """)
    result = pytester.runpytest_subprocess("--cwm-trace", "--cwm-mode=none")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["collected in ['test_it']"])
