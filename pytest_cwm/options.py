"""Flags, ini keys and the environment, read and validated once, into one frozen `Settings`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:
    from pytest_cwm.report.gate import Bound

Mode = Literal["verify", "rollout", "both", "none"]
MODES = ("verify", "rollout", "both", "none")
ENGINES = ("auto", "vllm", "sglang", "fgserve")
DEFAULT_MAX_FRAMES = 10_000
DEFAULT_CONTEXT_TOKENS = 1_024

# name, type of the ini value, default, help; the flag is the name with dashes.
_BOOLEANS = (
    ("cwm_trace", "record marked tests, ask a world model to predict them, report where the two part"),
    ("cwm_all", "with --cwm-trace: record every test, not only those marked with @pytest.mark.cwm_start"),
    ("cwm_pdb", "at a failing test, drop into the predicted debugger where prediction and reality first part"),
)
_VALUES = (
    ("cwm_mode", "MODE", "verify (teacher-forced), rollout (free-running), both, or none (only record)"),
    ("cwm_server", "URL", "model server, e.g. http://gpu:8000 (default: the embedded model; environment: CWM_SERVER)"),
    ("cwm_engine", "ENGINE", f"what the server is: {', '.join(ENGINES)}"),
    ("cwm_model", "NAME", "the model's name at the server, or the directory of a checkpoint for the embedded one"),
    ("cwm_tokenizer", "PATH", "the model's tokenizer.json or tokenizer.model"),
    ("cwm_max_frames", "N", f"frames recorded per test at most ({DEFAULT_MAX_FRAMES})"),
    ("cwm_context_tokens", "N", f"tokens of source code before the trace, about ({DEFAULT_CONTEXT_TOKENS})"),
    ("cwm_report", "PATH", "write the report as JSON (gzipped when the name ends in .gz)"),
)
_LISTS = (
    ("cwm_include", "modules to record besides those under rootdir (globs on module names)"),
    ("cwm_exclude", "modules not to record (globs on module names)"),
)
_ACTIVATING = ("cwm_trace", "cwm_all", "cwm_pdb", "cwm_report", "cwm_fail_under")
MARKER = (
    "cwm_start(entry=None, *, max_frames=None, fail_under=None, strict=False): record this test for --cwm-trace, from "
    "the first call of `entry` ('package.module:Class.method', default: the test function) on; `fail_under` maps "
    "metric ids to the least value, `strict` allows no divergence"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for. `token` is a server's bearer token and appears nowhere else."""

    active: bool = False
    record_all: bool = False
    mode: Mode = "verify"
    pdb: bool = False
    server: str | None = None
    engine: str = "auto"
    model: str | None = None
    tokenizer: str | None = None
    max_frames: int = DEFAULT_MAX_FRAMES
    context_tokens: int = DEFAULT_CONTEXT_TOKENS
    report: Path | None = None
    fail_under: tuple[Bound, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)

    def shown(self) -> dict[str, Any]:
        """The settings as JSON values, for the report: what decides its content, and nothing secret."""
        return {
            "all": self.record_all,
            "mode": self.mode,
            "engine": self.engine if self.server else "embedded",
            "model": self.model,
            "max_frames": self.max_frames,
            "context_tokens": self.context_tokens,
            "fail_under": {bound.metric: bound.value for bound in self.fail_under},
            "include": list(self.include),
            "exclude": list(self.exclude),
        }


def add_options(parser: pytest.Parser) -> None:
    """Register every flag with its ini key."""
    group = parser.getgroup("cwm", "predicted execution (pytest-cwm)")
    for name, text in _BOOLEANS:
        group.addoption(_flag(name), action="store_true", default=None, help=text)
        parser.addini(name, text, type="bool", default=False)
    for name, metavar, text in _VALUES:
        group.addoption(_flag(name), metavar=metavar, default=None, help=text)
        parser.addini(name, text, type="string", default="")
    group.addoption(
        "--cwm-fail-under",
        metavar="ID=VALUE",
        action="append",
        default=None,
        help="fail the run when a metric is below a bound, e.g. tf.frame=0.8 (may be given more than once)",
    )
    parser.addini("cwm_fail_under", "bounds on metrics, one ID=VALUE a line", type="linelist", default=[])
    for name, text in _LISTS:
        parser.addini(name, text, type="args", default=[])


def read_settings(config: pytest.Config) -> Settings:
    """The flags, else the ini keys, else the environment. Raises `pytest.UsageError` naming the value that is wrong."""

    def value(name: str) -> Any:
        flag = config.getoption(name, None)
        return flag if flag is not None else config.getini(name)

    active = bool(config.getini("cwm_trace")) or any(config.getoption(name, None) for name in _ACTIVATING)
    values = {name: value(name) for name, *_ in (*_BOOLEANS, *_VALUES, *_LISTS, ("cwm_fail_under",))}
    if not active:
        return Settings()
    server = values["cwm_server"] or os.environ.get("CWM_SERVER") or None
    if server is not None and not server.startswith(("http://", "https://")):
        raise pytest.UsageError(f"--cwm-server: {server!r} is no URL: write http://HOST:PORT")
    if values["cwm_pdb"] and _distributed(config):
        raise pytest.UsageError("--cwm-pdb needs a terminal of its own: run without -n")
    report = values["cwm_report"]
    return Settings(
        active=True,
        record_all=values["cwm_all"],
        mode=cast(Mode, _one_of("--cwm-mode", values["cwm_mode"] or "verify", MODES)),
        pdb=values["cwm_pdb"],
        server=server,
        engine=_one_of("--cwm-engine", values["cwm_engine"] or "auto", ENGINES),
        model=values["cwm_model"] or None,
        tokenizer=values["cwm_tokenizer"] or None,
        max_frames=_count("--cwm-max-frames", values["cwm_max_frames"] or DEFAULT_MAX_FRAMES),
        context_tokens=_count("--cwm-context-tokens", values["cwm_context_tokens"] or DEFAULT_CONTEXT_TOKENS),
        report=config.invocation_params.dir / report if report else None,
        fail_under=_bounds(values["cwm_fail_under"]),
        include=tuple(values["cwm_include"]),
        exclude=tuple(values["cwm_exclude"]),
        token=os.environ.get("CWM_TOKEN") or None,
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _distributed(config: pytest.Config) -> bool:
    return bool(config.getoption("numprocesses", None)) or hasattr(config, "workerinput")


def _one_of(flag: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise pytest.UsageError(f"{flag}: {value!r} is none of {', '.join(allowed)}")
    return value


def _count(flag: str, value: str | int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise pytest.UsageError(f"{flag}: {value!r} is no positive number")
    return number


def _bounds(texts: list[str]) -> tuple[Bound, ...]:
    if not texts:
        return ()
    from pytest_cwm.report.gate import parse_bound

    try:
        return tuple(parse_bound(text) for text in texts)
    except ValueError as error:
        raise pytest.UsageError(f"--cwm-fail-under: {error}") from None
