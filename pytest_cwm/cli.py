"""The command `cwm`. Each subcommand imports what it needs when it runs, so that `cwm --help` is quick everywhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

_Run = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; the result is the exit status: 0, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["serve"]:  # has options of its own
            return _serve(arguments[1:])
        parsed = _parser().parse_args(arguments)
        run: _Run = parsed.run
        return run(parsed)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left: nothing more to say, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cwm", description="Predict what Python programs do, with a code world model."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser("serve", help="serve a model over HTTP (`cwm serve --help` lists its options)", add_help=False)

    debug = commands.add_parser(
        "debug",
        help="step through the predicted execution of a file",
        description="Step through what a model predicts that FILE does, from the function whose `def` line ends in "
        "`# << START_OF_TRACE`. Nothing is run. The model invents the function's arguments by sampling (the command "
        "`reset` samples others); every later frame is its most likely one, unless --step-temperature says otherwise.",
    )
    debug.add_argument("file", metavar="FILE")
    _add_server_options(debug)
    debug.add_argument("--seed", type=int, default=0, help="of all sampling; reset K of a seed is always the same (0)")
    debug.add_argument(
        "--temperature", type=_temperature, default=None, metavar="T", help="for inventing the arguments (0.8)"
    )
    debug.add_argument(
        "--step-temperature", type=_temperature, default=0.0, metavar="T", help="for all later frames (0: greedy)"
    )
    debug.add_argument(
        "--max-frames", type=_positive, default=1000, metavar="N", help="most frames that one command predicts (1000)"
    )
    debug.set_defaults(run=_debug)

    report = commands.add_parser("report", help="print a report that `pytest --cwm-report` wrote")
    report.add_argument("file", metavar="FILE")
    report.add_argument("-v", "--verbose", action="count", default=0, help="every test and every divergence")
    report.add_argument("-q", "--quiet", action="count", default=0, help="only the figures")
    report.set_defaults(run=_report)
    return parser


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("model", "The bearer token of a server is read from CWM_TOKEN.")
    server.add_argument(
        "--cwm-server",
        metavar="URL",
        default=os.environ.get("CWM_SERVER") or None,
        help="a model server (CWM_SERVER; default: the embedded model)",
    )
    server.add_argument("--cwm-engine", choices=["auto", "vllm", "sglang", "fgserve"], default="auto", metavar="ENGINE")
    server.add_argument("--cwm-model", metavar="NAME")
    server.add_argument("--cwm-tokenizer", metavar="PATH")


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"{text!r} is no temperature between 0 and 10")
    return value


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


def _fail(message: object, status: int = FAILED) -> int:
    print(f"cwm: {message}", file=sys.stderr)
    return status


def _serve(arguments: list[str]) -> int:
    try:
        from cwm_server.serve import main as serve

        return serve(arguments)
    except ModuleNotFoundError as error:
        return _fail(f"serving needs {error.name}: pip install 'pytest-cwm[server]'")


def _debug(parsed: argparse.Namespace) -> int:
    from dataclasses import replace

    from pytest_cwm.debugger.asking import INVENTING
    from pytest_cwm.debugger.commands import run_debugger
    from pytest_cwm.debugger.program import ProgramError, read_program
    from pytest_cwm.debugger.timeline import Timeline
    from pytest_cwm.predictors import make_predictor
    from pytest_cwm.predictors.base import PredictionError, Sampling

    try:
        context = read_program(parsed.file)
    except ProgramError as error:
        return _fail(error, USAGE)
    try:
        predictor = make_predictor(
            server=parsed.cwm_server,
            engine=parsed.cwm_engine,
            model=parsed.cwm_model,
            tokenizer=parsed.cwm_tokenizer,
            token=os.environ.get("CWM_TOKEN") or None,
        )
    except PredictionError as error:
        return _fail(error)
    try:
        inventing = INVENTING if parsed.temperature is None else replace(INVENTING, temperature=parsed.temperature)
        stepping = Sampling(parsed.step_temperature, INVENTING.top_p if parsed.step_temperature else 1.0)
        timeline = Timeline(
            context,
            predictor,
            inventing=inventing,
            stepping=stepping,
            seed=parsed.seed,
            max_frames=parsed.max_frames,
        )
        print(f"{parsed.file}, as {predictor.name} predicts it (seed {parsed.seed}).", end=" ")
        print("Nothing is run; `help` lists the commands.", flush=True)
        run_debugger(timeline)
    finally:
        predictor.close()
    return OK


def _report(parsed: argparse.Namespace) -> int:
    import shutil
    from pathlib import Path

    from pytest_cwm.report.document import ReportError
    from pytest_cwm.report.paint import paint_for
    from pytest_cwm.report.storage import read_report
    from pytest_cwm.report.terminal import render

    try:
        report = read_report(Path(parsed.file))
    except ReportError as error:
        return _fail(error)
    lines = render(
        report,
        width=shutil.get_terminal_size().columns,
        paint=paint_for(sys.stdout),
        verbosity=parsed.verbose - parsed.quiet,
        encoding=sys.stdout.encoding,
    )
    for line in lines:
        print(line)
    sys.stdout.flush()
    return OK
