"""The options of `cwm serve`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from cwm_server.serving.limits import Limits

DEFAULTS = Limits()
_DRAIN = 30.0
_CACHE = 256


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # An argument that nobody knows may be a secret; argparse would repeat it on stderr.
        if message.startswith("unrecognized arguments"):
            message = "there are arguments that it does not know"
        self.exit(2, f"cwm serve: {message}; cwm serve --help lists the options\n")


class _TokenOnCommandLine(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        parser.exit(
            2,
            "cwm serve: a token on a command line can be read by every user of this machine: "
            "put it into a file and say --token-file PATH, or into CWM_TOKEN\n",
        )


def parser() -> argparse.ArgumentParser:
    """What reads the command line."""
    result = _Parser(
        prog="cwm serve",
        description="Serve a model of CWM's architecture over HTTP, in the part of the completions protocol that vLLM "
        "speaks. One JSON line on stdout says where; SIGTERM ends it when what is under way is answered.",
        epilog="Beyond this machine a token is required: cwm serve --model DIR --host 0.0.0.0 --token-file PATH.",
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=100),
    )
    _model(result.add_argument_group("the model"))
    _network(result.add_argument_group("who may ask"))
    _limits(result.add_argument_group("limits", "What is beyond them is refused with one line and a fitting status."))
    _process(result.add_argument_group("the process"))
    return result


def limits_of(options: argparse.Namespace) -> Limits:
    """The limits that the options set."""
    return Limits(
        body=int(options.max_body * (1 << 20)),
        tokens=options.max_tokens,
        sequences=options.max_sequences,
        running=options.concurrency,
        queue=options.queue,
        seconds=options.timeout,
        patience=options.patience,
        connections=options.max_connections,
    )


def _model(group: Any) -> None:
    group.add_argument("--model", type=Path, metavar="DIR", help="checkpoint's directory (default: the embedded one)")
    group.add_argument("--name", help="the model's name in requests (default: the directory's)")
    group.add_argument(
        "--engine",
        choices=["auto", "numpy", "torch"],
        default="auto",
        help="what computes the model; auto: numpy on a CPU in float32, else torch",
    )
    group.add_argument("--device", default="cpu", help="torch device, such as cpu or cuda (default: cpu)")
    group.add_argument(
        "--dtype",
        choices=["auto", "float32", "bfloat16"],
        default="auto",
        help="auto: float32 on a CPU, where answers are exact; bfloat16 elsewhere",
    )
    group.add_argument(
        "--threads",
        type=_count(1),
        metavar="N",
        help="CPU threads of the engine (numpy: one for each processor, up to 4; torch's choice)",
    )
    group.add_argument(
        "--batch-tokens",
        type=_count(1),
        metavar="N",
        help="tokens of prompts that are read in one call of the model while several requests share it, four times as "
        "many for a lone one (64 on a CPU, 256 elsewhere)",
    )
    group.add_argument(
        "--cache",
        type=_count(1),
        metavar="MIB",
        default=_CACHE,
        help=f"memory for earlier prompts ({_CACHE})",
    )


def _network(group: Any) -> None:
    group.add_argument("--host", default="127.0.0.1", help="address; any but loopback needs a token (127.0.0.1)")
    group.add_argument("--port", type=int, default=0, help="0 takes a free one, which the line on stdout names (0)")
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="PATH",
        help="file with the bearer token that clients must send; without it the environment variable CWM_TOKEN. "
        "Only /health is open to those who have none",
    )
    group.add_argument("--token", action=_TokenOnCommandLine, help=argparse.SUPPRESS)


def _limits(group: Any) -> None:
    for flag, kind, default, metavar, text in (
        ("--concurrency", _count(1), DEFAULTS.running, "N", "requests that share the engine"),
        ("--queue", _count(0), DEFAULTS.queue, "N", "requests that wait; beyond it 429, with Retry-After"),
        ("--timeout", _seconds, DEFAULTS.seconds, "S", "seconds for a request, waiting included; then 504"),
        ("--patience", _seconds, DEFAULTS.patience, "S", "seconds for a client to send its header, and its body (408)"),
        ("--max-body", _megabytes, DEFAULTS.body / (1 << 20), "MIB", "size of a body; beyond it 413"),
        ("--max-tokens", _count(1), DEFAULTS.tokens, "N", "tokens of all prompts and answers of a request"),
        ("--max-sequences", _count(1), DEFAULTS.sequences, "N", "prompts of a request, times its n"),
        ("--max-connections", _count(1), DEFAULTS.connections, "N", "open connections; beyond them 503"),
    ):
        group.add_argument(flag, type=kind, default=default, metavar=metavar, help=f"{text} ({default:.8g})")


def _process(group: Any) -> None:
    group.add_argument(
        "--log",
        choices=["errors", "requests", "prompts"],
        default="errors",
        help="what stderr gets: errors, a line for each request, or their prompts' text too (errors)",
    )
    group.add_argument(
        "--drain",
        type=_seconds,
        default=_DRAIN,
        metavar="S",
        help=f"seconds that SIGTERM leaves requests ({_DRAIN:g})",
    )
    group.add_argument("--die-with-parent", action="store_true", help="exit when stdin ends or the parent process does")


def _count(low: int) -> Any:
    def count(text: str) -> int:
        if not text.isdecimal() or len(text) > 18 or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {low}")
        return int(text)

    return count


def _seconds(text: str) -> float:
    return _positive(text, "number of seconds")


def _megabytes(text: str) -> float:
    return _positive(text, "number of MiB")


def _positive(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
    return value
