"""Exceptions raised, caught, chained and on their way out."""

from __future__ import annotations

import pytest

from cwm_tracer.model import Ending, Event
from recorded import record, steps

pytestmark = pytest.mark.usefixtures("backend")


def test_a_raised_and_caught_exception_is_seen() -> None:
    recording = record("""
        def main():
            try:
                int("x")
            except ValueError as error:
                return str(error)
            finally:
                done = True
    """)
    shown = steps(recording)
    assert shown[3] == (
        "exception int(\"x\") -> (<class 'ValueError'>, "
        "ValueError(\"invalid literal for int() with base 10: 'x'\"), <traceback object>)"
    )
    assert "line done = True" in shown
    assert shown[-1].startswith("return ")


def test_an_exception_propagates_frame_by_frame() -> None:
    recording = record("""
        def fail():
            raise KeyError("k")

        def main():
            fail()
    """)
    triple = "(<class 'KeyError'>, KeyError('k'), <traceback object>)"
    assert steps(recording)[-4:] == [
        f'exception raise KeyError("k") -> {triple}',
        'return raise KeyError("k") -> None',
        f"exception fail() -> {triple}",
        "return fail() -> None",
    ]
    assert recording.meta.ending is Ending.RETURNED


def test_a_chained_exception_is_shown_without_its_cause() -> None:
    recording = record("""
        def main():
            try:
                {}[1]
            except KeyError as error:
                raise ValueError("v") from error
    """)
    assert steps(recording, Event.EXCEPTION) == [
        "exception {}[1] -> (<class 'KeyError'>, KeyError(1), <traceback object>)",
        "exception raise ValueError(\"v\") from error -> (<class 'ValueError'>, ValueError('v'), <traceback object>)",
    ]


def test_a_finally_block_runs_before_the_exception_leaves() -> None:
    recording = record("""
        def main():
            try:
                1 / 0
            finally:
                x = 1
    """)
    assert [step.split(" ->")[0] for step in steps(recording)[-3:]] == ["exception 1 / 0", "line x = 1", "return x = 1"]


def test_returning_none_while_handling_an_exception_is_a_return() -> None:
    recording = record("""
        def main():
            try:
                1 / 0
            except ZeroDivisionError:
                return None
    """)
    assert steps(recording)[-1] == "return return None -> None"
    assert recording.meta.ending is Ending.RETURNED
