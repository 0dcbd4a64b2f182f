"""`cwm eval`: how well does a model predict a suite of programs?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_cwm.cli.status import FAILED, OK, UNREADABLE, fail
from pytest_cwm.predictors import ENGINES

if TYPE_CHECKING:
    from pytest_cwm.evaluation.measure import Evaluation
    from pytest_cwm.evaluation.suites import Suite


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = commands.add_parser(
        "eval",
        help="evaluate a model on a suite of programs",
        description="Ask a model to predict recorded programs, teacher-forced and free-running, and print every metric "
        "of docs/metrics.md with a 95% bootstrap interval over programs, and the frames by event, by statement and by "
        "position. Programs longer than the model's context are left out, and counted; tests of a report are verified "
        "in windows, as the plugin does it.",
        epilog="Exit status: 0, 1 when the model could not be asked, 2 for wrong usage, 4 when a suite can't be read.",
    )
    parser.add_argument(
        "--suite",
        action="append",
        required=True,
        metavar="KIND:PATH",
        help="mbpp:DIRECTORY with mbpp.jsonl (its test split), heldout:DIRECTORY of a corpus, or report:PATH of a "
        "recorded run; more than once for several",
    )
    parser.add_argument("--model", metavar="DIR", help="directory of a model (default: the embedded one)")
    parser.add_argument("--server", metavar="URL", help="a model server, instead")
    parser.add_argument("--engine", default="auto", choices=ENGINES, help="what the server is (auto: ask it)")
    parser.add_argument("--allow-http", action="store_true", help="let plain HTTP go to a server on another machine")
    parser.add_argument("--tokenizer", metavar="PATH", help="the tokenizer of the model at the server")
    parser.add_argument("--programs", type=int, metavar="N", help="only the first N programs of each suite")
    parser.add_argument("--rollouts", type=int, metavar="N", help="free-running over the first N only")
    parser.add_argument(
        "--constrain",
        choices=["yes", "no", "both"],
        default="yes",
        help="decode only traces of the given source, where the server can (default: yes)",
    )
    parser.add_argument("--json", metavar="PATH", help="also write the figures to this file")
    parser.add_argument("--plot", metavar="PATH", help="also draw them, as .svg, .png or .pdf (needs matplotlib)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Evaluate and print."""
    from pytest_cwm.evaluation.figures import render
    from pytest_cwm.evaluation.plots import draw
    from pytest_cwm.evaluation.suites import SuiteError, load_suite
    from pytest_cwm.plotting import PlotError, check
    from pytest_cwm.predictors.base import PredictionError

    found: list[list[Evaluation]] = []
    try:
        if parsed.plot is not None:
            check(parsed.plot)
        for spec in parsed.suite:
            suite = load_suite(spec, parsed.programs)
            modes = {"yes": [True], "no": [False], "both": [True, False]}[parsed.constrain]
            found.append([_evaluate(parsed, suite, constrained) for constrained in modes])
            if not found[-1][0].samples:
                reasons = ", ".join(f"{count} {reason}" for reason, count in found[-1][0].left_out.items() if count)
                return fail(f"{spec}: no program could be evaluated ({reasons})")
            for line in render(found[-1]):
                print(line)
            print(flush=True)
    except SuiteError as error:
        return fail(error, UNREADABLE)
    except (PredictionError, PlotError) as error:
        return fail(error)
    flat = [evaluation for each in found for evaluation in each]
    if parsed.json is not None:
        _write_json(parsed.json, flat)
    if parsed.plot is not None:
        draw(flat, parsed.plot)
    return FAILED if any(not each.samples for each in flat) else OK


def _evaluate(parsed: argparse.Namespace, suite: Suite, constrained: bool) -> Evaluation:
    import os

    from pytest_cwm.evaluation.measure import evaluate
    from pytest_cwm.predictors import make_predictor

    predictor = make_predictor(
        server=parsed.server,
        engine=parsed.engine,
        model=parsed.model,
        tokenizer=parsed.tokenizer,
        token=os.environ.get("CWM_TOKEN"),
        constrain=constrained,
        allow_http=parsed.allow_http,
    )
    try:
        return evaluate(predictor, suite, constrained=constrained, rollouts=parsed.rollouts, progress=_progress)
    finally:
        predictor.close()
        _progress(0, 0)


def _progress(done: int, total: int) -> None:
    """One line that is written over, where a person watches."""
    if sys.stderr.isatty():
        text = f"\r{done} of {total} programs" if total else "\r\033[K"
        print(text, end="", file=sys.stderr, flush=True)


def _write_json(path: str, evaluations: Sequence[Evaluation]) -> None:
    import json
    from pathlib import Path

    from pytest_cwm.evaluation.figures import to_json

    Path(path).write_text(json.dumps([to_json(each) for each in evaluations], indent=1) + "\n", encoding="utf-8")
