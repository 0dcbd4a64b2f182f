"""`cwm debug`: the predicted execution of a file, without a test."""

from __future__ import annotations

import argparse
import os

from pytest_cwm.cli.status import OK, USAGE, fail
from pytest_cwm.predictors import ENGINES


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
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
    debug.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Step until the user leaves."""
    from dataclasses import replace

    from cwm_tracer.concealing import Concealer
    from cwm_tracer.redaction import Redactor
    from cwm_tracer.source import SourceLines
    from pytest_cwm.debugger.asking import INVENTING
    from pytest_cwm.debugger.commands import run_debugger
    from pytest_cwm.debugger.program import ProgramError, read_program
    from pytest_cwm.debugger.timeline import Timeline
    from pytest_cwm.predictors import make_predictor
    from pytest_cwm.predictors.base import PredictionError, Sampling

    try:
        context = read_program(parsed.file)
    except ProgramError as error:
        return fail(error, USAGE)
    concealer = Concealer(Redactor.for_environment(os.environ), SourceLines({parsed.file: context.text}))
    _, context = concealer.conceal((), context)
    try:
        predictor = make_predictor(
            server=parsed.cwm_server,
            engine=parsed.cwm_engine,
            model=parsed.cwm_model,
            tokenizer=parsed.cwm_tokenizer,
            token=os.environ.get("CWM_TOKEN") or None,
            allow_http=parsed.cwm_allow_http,
        )
    except PredictionError as error:
        return fail(error)
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


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("model", "The bearer token of a server is read from CWM_TOKEN.")
    server.add_argument(
        "--cwm-server",
        metavar="URL",
        default=os.environ.get("CWM_SERVER") or None,
        help="a model server (CWM_SERVER; default: the embedded model)",
    )
    server.add_argument("--cwm-engine", choices=ENGINES, default="auto", metavar="ENGINE")
    server.add_argument("--cwm-allow-http", action="store_true", help="let plain HTTP go to another machine")
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
