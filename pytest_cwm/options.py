"""Flags, ini keys and the environment, read and validated once, into one frozen `Settings`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

from pytest_cwm.predictors import ENGINES
from pytest_cwm.rootdir import check_rootdir
from pytest_cwm.views import VIEWS, Output, parse_output

if TYPE_CHECKING:
    from pytest_cwm.regression.measures import Measure
    from pytest_cwm.report.gate import Bound

Mode = Literal["verify", "rollout", "both", "none"]
Threads = Literal["test", "all"]
THREADS = ("test", "all")
MODES = ("verify", "rollout", "both", "none")
DEFAULT_MAX_FRAMES = 10_000
DEFAULT_CONTEXT_TOKENS = 1_024
DEFAULT_CASSETTES = ".cwm/cassettes"
DEFAULT_GREEN = ".cwm/green"
LAST_GREEN = "last-green"
CASSETTE_MODES = ("off", "replay", "record", "rewrite")

# name, type of the ini value, default, help; the flag is the name with dashes.
_BOOLEANS = (
    ("cwm_trace", "record marked tests, ask a world model to predict them, report where the two part"),
    ("cwm_all", "with --cwm-trace: record every test, not only those marked with @pytest.mark.cwm_start"),
    ("cwm_pdb", "at a failing test, drop into the predicted debugger where prediction and reality first part"),
    ("cwm_annotations", "print divergences as notes for GitHub Actions"),
    ("cwm_allow_http", "let plain HTTP go to a server on another machine, where anybody on the way can read it"),
    ("cwm_refresh", "with --cwm-against=last-green: forget which values were seen to vary from run to run"),
)
_VALUES = (
    ("cwm_mode", "MODE", "verify (teacher-forced), rollout (free-running), both, or none (only record)"),
    ("cwm_server", "URL", "model server, e.g. http://gpu:8000 (default: the embedded model; environment: CWM_SERVER)"),
    ("cwm_engine", "ENGINE", f"what the server is: {', '.join(ENGINES)}"),
    ("cwm_model", "NAME", "the model's name at the server, or the directory of a checkpoint for the embedded one"),
    ("cwm_tokenizer", "PATH", "the model's tokenizer.json or tokenizer.model"),
    ("cwm_max_frames", "N", f"frames recorded per test at most ({DEFAULT_MAX_FRAMES})"),
    ("cwm_threads", "WHICH", "test (record the test's own thread) or all (those that run meanwhile as well)"),
    ("cwm_context_tokens", "N", f"tokens of source code before the trace, about ({DEFAULT_CONTEXT_TOKENS})"),
    ("cwm_report", "PATH", "write the report as JSON (gzipped when the name ends in .gz)"),
    *((f"cwm_{view}", "PATH", f"write {text}") for view, text in VIEWS.items()),
    ("cwm_against", "WHAT", f"compare with recordings, not a model: {LAST_GREEN} (a test's last pass) or a report"),
    ("cwm_green_dir", "PATH", f"where the last green recordings are kept, below rootdir ({DEFAULT_GREEN})"),
    ("cwm_changed_since", "REV", "in SARIF and annotations only lines that changed since a git revision"),
    ("cwm_baseline", "PATH", "compare the predictions with those in an earlier report"),
    ("cwm_history", "PATH", "add the run's figures to this SQLite database, for `cwm trend`"),
    ("cwm_cassette", "MODE", "replay (no model is asked), record (what is missing), rewrite (everything), or off"),
    ("cwm_cassette_dir", "PATH", f"where recorded predictions are kept, below rootdir ({DEFAULT_CASSETTES})"),
)
_LISTS = (
    ("cwm_include", "modules to record besides those under rootdir (globs on module names)"),
    ("cwm_exclude", "modules not to record (globs on module names)"),
)
_OTHERS = (("cwm_constrain",), ("cwm_fail_under",), ("cwm_fail_if_worse",))
_ACTIVATING = (
    *("cwm_trace", "cwm_all", "cwm_pdb", "cwm_report", "cwm_fail_under"),
    *("cwm_baseline", "cwm_fail_if_worse", "cwm_history", "cwm_cassette"),
    *(f"cwm_{view}" for view in VIEWS),
    *("cwm_annotations", "cwm_against"),
)
MARKER = (
    "cwm_start(entry=None, *, max_frames=None, fail_under=None, strict=False): record this test for --cwm-trace, from "
    "the first call of `entry` ('package.module:Class.method', default: the test function) on; `fail_under` maps "
    "metric ids to the least value, `strict` allows no divergence"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for. `redact_names` is None for the built-in list.

    `fail_if_worse` is None where the baseline is only shown, and empty for the usual measures.
    `token` is a server's bearer token; it and the patterns of `redact` appear nowhere else.
    """

    active: bool = False
    record_all: bool = False
    mode: Mode = "verify"
    pdb: bool = False
    server: str | None = None
    engine: str = "auto"
    model: str | None = None
    tokenizer: str | None = None
    constrain: bool = True
    allow_http: bool = False
    max_frames: int = DEFAULT_MAX_FRAMES
    threads: Threads = "test"
    context_tokens: int = DEFAULT_CONTEXT_TOKENS
    report: Path | None = None
    outputs: tuple[Output, ...] = ()
    annotations: bool = False
    changed_since: str | None = None
    fail_under: tuple[Bound, ...] = ()
    baseline: Path | None = None
    fail_if_worse: tuple[Measure, ...] | None = None
    history: Path | None = None
    against: str | None = None
    green: Path = Path(DEFAULT_GREEN)
    refresh: bool = False
    cassette: str = "off"
    cassettes: Path = Path(DEFAULT_CASSETTES)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    redact_names: tuple[str, ...] | None = None
    redact: tuple[re.Pattern[str], ...] = field(default=(), repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def shown_server(self) -> str | None:
        """The server's URL without the user and the password in it."""
        return self.server and re.sub(r"//[^/@]*@", "//", self.server)

    def shown(self) -> dict[str, Any]:
        """The settings as JSON values, for the report: what decides its content, and nothing secret."""
        return {
            "all": self.record_all,
            "mode": self.mode,
            "engine": None if self.against else self.engine if self.server else "embedded",
            "model": self.model,
            "against": self.against,
            "constrain": self.constrain,
            "max_frames": self.max_frames,
            "context_tokens": self.context_tokens,
            "fail_under": {bound.metric: bound.value for bound in self.fail_under},
            "include": list(self.include),
            "exclude": list(self.exclude),
            "redact_names": None if self.redact_names is None else list(self.redact_names),
            "redact_patterns": len(self.redact),
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
    text = "let a model say only frames that its source allows (default; only our own server can do that)"
    group.addoption("--cwm-constrain", dest="cwm_constrain", action="store_true", default=None, help=text)
    group.addoption(
        "--no-cwm-constrain", dest="cwm_constrain", action="store_false", default=None, help="let it say anything"
    )
    parser.addini("cwm_constrain", text, type="bool", default=True)
    group.addoption(
        "--cwm-fail-under",
        metavar="ID=VALUE",
        action="append",
        default=None,
        help="fail the run when a metric is below a bound, e.g. tf.frame=0.8 (may be given more than once)",
    )
    parser.addini("cwm_fail_under", "bounds on metrics, one ID=VALUE a line", type="linelist", default=[])
    group.addoption(
        "--cwm-fail-if-worse",
        metavar="METRIC=EFFECT",
        action="append",
        nargs="?",
        const="",
        default=None,
        help="with --cwm-baseline: fail the run when a metric became worse, beyond chance and by at least EFFECT "
        "(default: whole traces and frames, 0.01; may be given more than once)",
    )
    parser.addini("cwm_fail_if_worse", "the same, one METRIC=EFFECT a line, or `default`", type="linelist", default=[])
    group.addoption(
        "--cwm-redact",
        metavar="PATTERN",
        action="append",
        default=None,
        help="regular expression of values that are never recorded, e.g. sk-[A-Za-z0-9]+ (may be given more than once)",
    )
    parser.addini("cwm_redact", "patterns as of --cwm-redact, one a line; both count", type="linelist", default=[])
    parser.addini(
        "cwm_redact_names",
        "words of names whose values are never recorded (replaces the built-in list: password, token, api_key, ...)",
        type="args",
        default=None,
    )
    for name, text in _LISTS:
        parser.addini(name, text, type="args", default=[])


def read_settings(config: pytest.Config) -> Settings:
    """The flags, else the ini keys, else the environment. Raises `pytest.UsageError` naming the value that is wrong."""

    def value(name: str) -> Any:
        flag = config.getoption(name, None)
        return flag if flag is not None else config.getini(name)

    active = bool(config.getini("cwm_trace")) or any(config.getoption(name, None) for name in _ACTIVATING)
    values = {name: value(name) for name, *_ in (*_BOOLEANS, *_VALUES, *_LISTS, *_OTHERS)}
    redact_names = config.getini("cwm_redact_names")
    patterns = [*config.getini("cwm_redact"), *(config.getoption("cwm_redact", None) or ())]
    if not active:
        return Settings()
    check_rootdir(config, [_flag(name) for name, *_ in _VALUES])
    server = values["cwm_server"] or os.environ.get("CWM_SERVER") or None
    if server is not None and not server.startswith(("http://", "https://")):
        raise pytest.UsageError(f"--cwm-server: {server!r} is no URL: write http://HOST:PORT")
    if values["cwm_pdb"] and _distributed(config):
        raise pytest.UsageError("--cwm-pdb needs a terminal of its own: run without -n")
    if values["cwm_pdb"] and values["cwm_against"]:
        raise pytest.UsageError("--cwm-pdb needs a model to step through: leave out --cwm-against")
    report = values["cwm_report"]
    return Settings(
        active=True,
        record_all=values["cwm_all"],
        mode=_mode(values["cwm_mode"], values["cwm_against"]),
        pdb=values["cwm_pdb"],
        server=server,
        engine=_one_of("--cwm-engine", values["cwm_engine"] or "auto", ENGINES),
        model=values["cwm_model"] or None,
        tokenizer=values["cwm_tokenizer"] or None,
        constrain=values["cwm_constrain"],
        allow_http=values["cwm_allow_http"],
        threads=cast(Threads, _one_of("--cwm-threads", values["cwm_threads"] or "test", THREADS)),
        max_frames=_count("--cwm-max-frames", values["cwm_max_frames"] or DEFAULT_MAX_FRAMES),
        context_tokens=_count("--cwm-context-tokens", values["cwm_context_tokens"] or DEFAULT_CONTEXT_TOKENS),
        report=config.invocation_params.dir / report if report else None,
        outputs=_outputs(values, config.invocation_params.dir),
        annotations=values["cwm_annotations"],
        changed_since=values["cwm_changed_since"] or None,
        fail_under=_bounds(values["cwm_fail_under"]),
        baseline=config.invocation_params.dir / values["cwm_baseline"] if values["cwm_baseline"] else None,
        fail_if_worse=_measures(values["cwm_fail_if_worse"], values["cwm_baseline"]),
        history=config.invocation_params.dir / values["cwm_history"] if values["cwm_history"] else None,
        against=values["cwm_against"] or None,
        green=config.rootpath / (values["cwm_green_dir"] or DEFAULT_GREEN),
        refresh=values["cwm_refresh"],
        cassette=_one_of("--cwm-cassette", values["cwm_cassette"] or "off", CASSETTE_MODES),
        cassettes=config.rootpath / (values["cwm_cassette_dir"] or DEFAULT_CASSETTES),
        include=tuple(values["cwm_include"]),
        exclude=tuple(values["cwm_exclude"]),
        redact_names=None if redact_names is None else tuple(map(_secret_name, redact_names)),
        redact=tuple(map(_pattern, patterns)),
        token=os.environ.get("CWM_TOKEN") or None,
    )


def _mode(mode: str, against: str) -> Mode:
    """Recordings can be compared as a whole only, which is what a roll-out is."""
    chosen = _one_of("--cwm-mode", mode or "verify", MODES)
    return cast(Mode, "rollout" if against and chosen != "none" else chosen)


def _outputs(values: dict[str, Any], folder: Path) -> tuple[Output, ...]:
    """The views asked for, from the folder that pytest was called in."""

    def output(view: str) -> Output:
        try:
            return parse_output(view, values[f"cwm_{view}"], folder)
        except ValueError as error:
            raise pytest.UsageError(f"--cwm-{view}: {error}") from None

    return tuple(output(view) for view in VIEWS if values[f"cwm_{view}"])


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


def _measures(texts: list[str], baseline: str) -> tuple[Measure, ...] | None:
    if not texts:
        return None
    if not baseline:
        raise pytest.UsageError("--cwm-fail-if-worse: worse than what? Name a report with --cwm-baseline PATH")
    from pytest_cwm.regression.measures import parse_measure

    try:
        return tuple(parse_measure(text) for text in texts if text.strip() not in ("", "default"))
    except ValueError as error:
        raise pytest.UsageError(f"--cwm-fail-if-worse: {error}") from None


def _secret_name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]*[^\W_][\w.-]*", text, re.ASCII):
        raise pytest.UsageError(f"cwm_redact_names: {text!r} is no name: write words such as api_key, one or more")
    return text


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise pytest.UsageError(f"--cwm-redact: {text!r} is no regular expression: {error}") from None
    if pattern.match("") is not None:
        raise pytest.UsageError(f"--cwm-redact: {text!r} matches the empty text, so it would hide everything")
    return pattern


def _bounds(texts: list[str]) -> tuple[Bound, ...]:
    if not texts:
        return ()
    from pytest_cwm.report.gate import parse_bound

    try:
        return tuple(parse_bound(text) for text in texts)
    except ValueError as error:
        raise pytest.UsageError(f"--cwm-fail-under: {error}") from None
