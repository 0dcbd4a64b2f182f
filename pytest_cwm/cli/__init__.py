"""The command `cwm`. Each subcommand imports what it needs when it runs, so that `cwm --help` is quick everywhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from pytest_cwm.cli import compare, debug, evaluate, export, report, trend
from pytest_cwm.cli.status import FAILED, INTERRUPTED, fail

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

    for each in (debug, report, compare, trend, evaluate, export):
        each.add_parser(commands)
    return parser


def _serve(arguments: list[str]) -> int:
    try:
        from cwm_server.serve import main as serve

        return serve(arguments)
    except ModuleNotFoundError as error:
        extra = "server" if error.name == "torch" else "embedded"
        return fail(f"serving needs {error.name}: pip install 'pytest-cwm[{extra}]'")
