"""`cwm eval`: suites become recorded programs, a predictor is asked about each, and the figures add up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_tracer import wire
from cwm_tracer.compare import Rate
from cwm_tracer.model import Choice, Context, Ending, Event, Frame, Meta, RollOut, Trace, Verification
from pytest_cwm.cli import main
from pytest_cwm.evaluation.breakdown import statement_of
from pytest_cwm.evaluation.figures import figures, render, to_json
from pytest_cwm.evaluation.measure import evaluate, grouped
from pytest_cwm.evaluation.plots import draw
from pytest_cwm.evaluation.suites import Program, Suite, SuiteError, load_suite, trace_of
from pytest_cwm.predictors.base import GREEDY, Sampling

SOURCE = "def main():  # << START_OF_TRACE\n    total = 0\n    for n in (1, 2):\n        total += n\n    return total\n"
LINES = [line + "\n" for line in SOURCE.split("\n")]


def counting(name: str) -> Program:
    """Ten frames: the call, `total = 0`, the loop twice and its end, the return."""
    states = [
        (1, {}),
        (2, {"total": "0"}),
        (3, {"total": "0", "n": "1"}),
        (2, {"total": "1", "n": "1"}),
        (3, {"total": "1", "n": "2"}),
        (2, {"total": "3", "n": "2"}),
        (4, {"total": "3", "n": "2"}),
    ]
    frames = [Frame(Event.CALL, "def main():\n", {})]
    frames += [Frame(Event.LINE, LINES[line], state) for line, state in states]
    frames.append(Frame(Event.RETURN, LINES[4], None, "3"))
    return Program(name, Trace(tuple(frames), Context(SOURCE), Meta("3.11", Ending.RETURNED)))


class Knowing:
    """Predicts the truth but for the frames whose index is in `wrong`, whose state it gets wrong."""

    name = "knowing"

    def __init__(self, truth: Trace, wrong: Sequence[int] = (), windows: int = 1, failure: str | None = None) -> None:
        self.truth, self.wrong, self.windows, self.failure = truth, wrong, windows, failure
        self.rolled = 0

    def verify(self, truth: Trace) -> Verification:
        choices = [Choice(self._said(index, frame), bits=0.5) for index, frame in enumerate(truth.frames)]
        return Verification((None, *choices[1:]), self.windows, self.failure, "a model", outside=1)

    def roll_out(
        self, context: Context, prefix: Sequence[Frame], *, max_frames: int, sampling: Sampling = GREEDY
    ) -> RollOut:
        self.rolled += 1
        frames = tuple(self._said(index, frame) for index, frame in enumerate(self.truth.frames))
        return RollOut(Trace(frames, context, Meta(None, Ending.RETURNED, "a model")))

    def next_frame(
        self, context: Context, prefix: Sequence[Frame], *, event: Event | None = None, sampling: Sampling = GREEDY
    ) -> Choice:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def _said(self, index: int, frame: Frame) -> Frame:
        return replace(frame, locals={"total": "-1"}) if index in self.wrong and frame.locals is not None else frame


def test_every_program_is_asked_about_and_the_figures_are_of_all_of_them() -> None:
    suite = Suite("two", (counting("a"), counting("b")), {"not recorded in full": 3})
    predictor = Knowing(suite.programs[0].trace, wrong=(4,))
    result = evaluate(predictor, suite, constrained=True)
    found = figures(result)
    assert (found["tf.frame"].value, found["tf.frame"].count, found["tf.frame"].programs) == (14 / 16, 16, 2)
    assert found["tf.bits"].value == pytest.approx(0.5)
    assert found["fr.return"].value == 1.0
    assert found["fr.trace"].value == 0.0
    assert found["table9.output"].value == 1.0
    assert (result.model, result.outside, result.left_out) == ("a model", 2, {"not recorded in full": 3})


def test_frames_are_grouped_by_event_statement_and_position() -> None:
    suite = Suite("one", (counting("a"),))
    groups = grouped(evaluate(Knowing(suite.programs[0].trace, wrong=(4,)), suite, constrained=True).samples)
    assert groups["event"] == {"line": Rate(6, 7), "return": Rate(1, 1)}
    # The fourth frame comes after the line `total += n`.
    assert groups["statement"]["augmented assignment"] == Rate(1, 2)
    assert groups["statement"]["for"] == Rate(3, 3)
    assert groups["next line after"]["augmented assignment"] == Rate(2, 2)
    assert groups["position"] == {"1 to 2": Rate(2, 2), "3 to 9": Rate(5, 6)}
    assert groups["without the start"] == {"from frame 3 on": Rate(5, 6)}


def test_only_the_first_programs_are_rolled_out_when_asked() -> None:
    suite = Suite("three", tuple(counting(name) for name in "abc"))
    predictor = Knowing(suite.programs[0].trace)
    result = evaluate(predictor, suite, constrained=False, rollouts=1)
    assert predictor.rolled == 1
    assert figures(result)["fr.return"].programs == 1
    assert figures(result)["tf.frame"].programs == 3


@pytest.mark.parametrize(
    ("predictor", "reason"),
    [
        (Knowing(counting("a").trace, windows=2), "longer than the model's context"),
        (Knowing(counting("a").trace, failure="the server at x says no"), "the server at x says no"),
    ],
)
def test_what_can_not_be_evaluated_is_left_out_and_counted(predictor: Knowing, reason: str) -> None:
    result = evaluate(predictor, Suite("one", (counting("a"),)), constrained=True)
    assert (result.samples, result.left_out) == ((), {reason: 1})


def test_tests_of_a_report_count_though_they_take_several_windows() -> None:
    suite = Suite("tests", (counting("a"), counting("b")), windows=True)
    result = evaluate(Knowing(suite.programs[0].trace, wrong=(4,), windows=2), suite, constrained=True)
    assert (result.left_out, figures(result)["tf.frame"].count) == ({}, 16)
    assert "  verified in several windows, being longer than the model's context: 2" in list(render([result]))


def test_frames_of_a_report_that_fit_no_window_are_counted_and_the_others_scored() -> None:
    class Short(Knowing):
        def verify(self, truth: Trace) -> Verification:
            whole = super().verify(truth)
            choices = tuple(None if index in (2, 3) else choice for index, choice in enumerate(whole.choices))
            return replace(whole, choices=choices, failure="frame 2 does not fit", unfit=2)

    suite = Suite("tests", (counting("a"),), windows=True)
    result = evaluate(Short(suite.programs[0].trace, wrong=(4,)), suite, constrained=True, rollouts=0)
    assert (figures(result)["tf.frame"].value, figures(result)["tf.frame"].count) == (5 / 6, 6)
    said = "  2 of 8 frames, of 1 program, have no prediction; the first: frame 2 does not fit"
    assert said in list(render([result]))
    assert (to_json(result)["missing"], to_json(result)["windowed"]) == (2, 0)


@pytest.mark.parametrize(("unfit", "reason"), [(8, "longer than the model's context"), (0, "the server is down")])
def test_a_test_without_any_prediction_is_left_out_for_its_reason(unfit: int, reason: str) -> None:
    class Silent(Knowing):
        def verify(self, truth: Trace) -> Verification:
            return Verification((None,) * len(truth.frames), failure="the server is down", unfit=unfit)

    suite = Suite("tests", (counting("a"),), windows=True)
    result = evaluate(Silent(suite.programs[0].trace), suite, constrained=True)
    assert (result.samples, result.left_out) == ((), {reason: 1})


def test_an_interval_is_wide_where_programs_differ_and_the_same_each_time() -> None:
    programs = tuple(counting(str(number)) for number in range(20))
    truth = programs[0].trace

    class Sometimes(Knowing):
        def verify(self, truth: Trace) -> Verification:
            self.wrong = (2, 3, 4, 5) if self.wrong == () else ()
            return super().verify(truth)

    same = figures(evaluate(Knowing(truth, wrong=(4,)), Suite("s", programs), constrained=True, rollouts=0))
    mixed = figures(evaluate(Sometimes(truth), Suite("s", programs), constrained=True, rollouts=0))
    again = figures(evaluate(Sometimes(truth), Suite("s", programs), constrained=True, rollouts=0))
    assert same["tf.frame"].low == same["tf.frame"].high == 7 / 8
    assert mixed["tf.frame"].low < mixed["tf.frame"].value == 0.75 < mixed["tf.frame"].high
    assert mixed == again


def test_the_table_sets_two_decodings_side_by_side() -> None:
    suite = Suite("a suite", (counting("a"), counting("b")), {"not recorded in full": 3})
    both = [
        evaluate(Knowing(suite.programs[0].trace, wrong=wrong), suite, constrained=constrained)
        for wrong, constrained in (((), True), ((4,), False))
    ]
    text = "\n".join(render(both))
    assert text.startswith("a suite, a model: 2 programs\n  left out: 3 not recorded in full\n")
    row = next(line for line in text.split("\n") if line.startswith("tf.frame")).split()
    assert row == ["tf.frame", "100.0%", "[100.0,", "100.0]", "87.5%", "[87.5,", "87.5]", "16"]
    assert text.split("\n")[3].split() == ["constrained", "unconstrained", "of"]


def test_the_figures_of_a_column_end_below_its_head() -> None:
    suite = Suite("a suite", (counting("a"),))
    lines = list(render([evaluate(Knowing(suite.programs[0].trace), suite, constrained=True)]))
    head = next(line for line in lines if line.strip().startswith("constrained"))
    named = [line for line in lines if line.startswith(("tf.frame", "  augmented assignment", "  line"))]
    ends = {line.rindex("]" if "[" in line else "%") + 1 for line in named}
    assert len(named) >= 4
    assert ends == {head.index("constrained") + len("constrained")}


def test_the_json_holds_each_programs_sums() -> None:
    suite = Suite("a suite", (counting("a"),))
    document = json.loads(
        json.dumps(to_json(evaluate(Knowing(suite.programs[0].trace, (4,)), suite, constrained=True)))
    )
    assert document["samples"]["a"]["tf.frame"] == [7, 8]
    assert document["metrics"]["tf.frame"]["value"] == 7 / 8
    assert document["groups"]["event"]["line"] == [6, 7]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("    if x:", "if"),
        ("elif (x == 3):", "if"),
        ("    for a, b in pairs:", "for"),
        ("while True:", "while"),
        ("x += 1", "augmented assignment"),
        ("counts[key] //= 2", "augmented assignment"),
        ("x = y == 1", "assignment"),
        ("x: list[int] = []", "assignment"),
        ("a, b = b, a", "assignment"),
        ("squares = [n * n for n in numbers]", "comprehension"),
        ("print(x == y)", "expression"),
        ("items.append(x)", "expression"),
        ("return x", "return"),
        ("returned = 1", "assignment"),
        ("async with lock:", "with"),
        ("    ),", "expression"),
        ("", "expression"),
    ],
)
def test_the_statement_of_a_line_is_told_from_the_line(line: str, kind: str) -> None:
    assert statement_of(line) == kind


def test_held_out_documents_of_a_corpus_are_a_suite(tmp_path: Path) -> None:
    trace = counting("a").trace
    segments = [*wire.encode_context(trace.context.text), *wire.encode(trace)]
    numbers = [list(wire.Special).index(each) if isinstance(each, wire.Special) else each for each in segments]
    assert trace_of(numbers) == trace
    documents = [
        {"id": "kept", "split": "heldout", "segments": numbers},
        {"id": "trained on", "split": "train", "segments": numbers},
        {"id": "cut", "split": "heldout", "segments": numbers[:-2]},
    ]
    (tmp_path / "shard-0000.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    suite = load_suite(f"heldout:{tmp_path}")
    assert [(each.name, each.trace) for each in suite.programs] == [("kept", trace)]
    assert suite.left_out == {"not complete": 1}


def test_the_test_split_of_mbpp_is_recorded_from_its_assertions(tmp_path: Path) -> None:
    def task(number: int, code: str) -> dict[str, object]:
        return {"task_id": number, "code": code, "test_list": ["assert f(2) == 4"], "test_setup_code": ""}

    tasks = [
        task(11, "def f(x):\r\n\treturn x * 2"),
        task(12, "raise ValueError\ndef f(x):\n    return 4"),
        task(600, "def f(x):\n    return 1"),
    ]
    (tmp_path / "mbpp.jsonl").write_text("\n".join(json.dumps(each) for each in tasks))
    suite = load_suite(f"mbpp:{tmp_path}", limit=2)
    assert [each.name for each in suite.programs] == ["mbpp/11"]
    assert suite.programs[0].trace.frames[-1].argument == "4"
    assert suite.left_out == {"not recorded in full": 1}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mbpp", "unknown suite 'mbpp': choose mbpp:DIRECTORY"),
        ("cruxeval:x", "unknown suite 'cruxeval:x'"),
        ("heldout:/nowhere", "/nowhere: no shards"),
        ("mbpp:/nowhere", "/nowhere/mbpp.jsonl: No such file"),
        ("report:/nowhere/r.json", "/nowhere/r.json"),
    ],
)
def test_a_suite_that_can_not_be_had_is_one_line(spec: str, says: str) -> None:
    with pytest.raises(SuiteError, match=says.replace(".", r"\.")) as caught:
        load_suite(spec)
    assert "\n" not in str(caught.value)


def test_the_command_prints_figures_of_the_embedded_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for needed in ("numpy", "sentencepiece", "safetensors", "starlette", "uvicorn"):
        pytest.importorskip(needed)
    task = {"task_id": 11, "code": "def f(x):\n    return x * 2", "test_list": ["assert f(2) == 4"]}
    (tmp_path / "mbpp.jsonl").write_text(json.dumps({**task, "test_setup_code": ""}))
    figures_file = tmp_path / "figures.json"
    status = main(["eval", "--suite", f"mbpp:{tmp_path}", "--json", str(figures_file), "--rollouts", "1"])
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    assert "MBPP test split, cwm-embedded" in printed.out
    assert {"tf.frame", "fr.return"} <= set(printed.out.split())
    assert json.loads(figures_file.read_text())[0]["metrics"]["tf.frame"]["count"] == 5


def test_the_command_counts_recorded_tests_that_are_longer_than_the_models_context(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    for needed in ("numpy", "sentencepiece", "safetensors", "starlette", "uvicorn"):
        pytest.importorskip(needed)
    pytester.makepyfile("""
        def test_sum():
            total = 0
            for number in range(80):
                total += number
            assert total == 3160
    """)
    pytester.runpytest_inprocess("--cwm-all", "--cwm-mode=none", "--cwm-report=run.json.gz")
    capsys.readouterr()
    suite = f"report:{pytester.path / 'run.json.gz'}"
    assert main(["eval", "--suite", suite, "--json", "figures.json", "--rollouts", "0"]) == 0
    assert "  verified in several windows, being longer than the model's context: 1\n" in capsys.readouterr().out
    found = json.loads(Path("figures.json").read_text())[0]
    assert (found["metrics"]["tf.frame"]["count"], found["missing"], found["left_out"]) == (
        164,
        0,
        {"without a trace": 0},
    )


def test_a_suite_that_can_not_be_had_ends_the_command_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--suite", "mbpp:/nowhere"]) == 4
    assert capsys.readouterr().err == "cwm: /nowhere/mbpp.jsonl: No such file or directory\n"


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    suite = Suite("a suite", (counting("a"), counting("b")))
    both = [evaluate(Knowing(suite.programs[0].trace, (4,)), suite, constrained=each) for each in (True, False)]
    draw(both, str(tmp_path / "plot.svg"))
    drawn = (tmp_path / "plot.svg").read_text()
    assert drawn.startswith("<?xml")
    assert "</svg>" in drawn


def test_a_plot_of_an_unknown_kind_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--suite", "mbpp:/nowhere", "--plot", "plot.bmp"]) == 1
    assert capsys.readouterr().err == "cwm: plot.bmp: a plot ends in .svg, .png, .pdf\n"
