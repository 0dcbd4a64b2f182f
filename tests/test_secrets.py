"""Secrets of every kind, planted in a suite: none may be found in anything that a run writes, sends or says."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import pytest_cwm.predictors
import stand_in
from cwm_tracer.model import Choice, Context, Event, Frame
from pytest_cwm.cli import main
from scripted_predictor import ScriptedPredictor
from serving import Call, Reply, answering

PLANTED = {
    "environment": "env-Planted-00",
    "short environment": "ev-77x",
    "set by the test": "set-Planted-01",
    "literal": "literal-Planted-02",
    "default": "default-Planted-03",
    "nested": "nested-Planted-04",
    "field": "field-Planted-05",
    "attribute": "attribute-Planted-06",
    "parameter": "parameter-Planted-07",
    "header": "header-Planted-08",
    "comment": "comment-Planted-09",
    "json": "json-Planted-10",
    "pattern": "sk-planted11",
    "returned": "returned-Planted-12",
    "pair": "pair-Planted-13",
    "quoted": 'it\'s-"Planted"-14\\',
    "keyword": "keyword-Planted-15",
    "lines": "first-Planted-16-line\nsecond-Planted-16-line",
    "bytes": "bytes-Planted-17-é",
    "other parameter": "other-Planted-18",
}

SUITE = r"""
import dataclasses
import json
import os

import pytest

@dataclasses.dataclass
class Account:
    user: str
    password: str

class Client:
    def __init__(self, key):
        self.key = key
    def __repr__(self):
        return f"Client(api_key={self.key!r})"

def connect(password="default-Planted-03"):
    greeting = f"connecting with {password}"
    return greeting

def stream(values):
    for each in values:
        yield each

def get_token():
    return "".join(["returned", "-Planted-12"])

class Odd(Exception):
    pass

@pytest.mark.cwm_start
@pytest.mark.parametrize("password", ["parameter-Planted-07", "other-Planted-18"])
def test_everything(monkeypatch, password):
    from_environment = os.environ["SERVICE_API_KEY"]
    url = f"https://ann:{from_environment}@host/?x=1"
    monkeypatch.setenv("OTHER_TOKEN", "set-Planted-01")
    other = os.environ["OTHER_TOKEN"]
    total = len("an innocent string")
    nested = {"login": [{"credentials": {"user": "ann", "pin": "nested-Planted-04"}}], "n": 1}
    pin = nested["login"][0]["credentials"]["pin"]
    account = Account("ann", "field-Planted-05")
    held = account.password
    client = Client("attribute-Planted-06")
    headers = {"Authorization": "Bearer header-Planted-08", "Accept": "*/*"}
    sent = headers["Authorization"].split()[1]
    # the old password: comment-Planted-09
    text = '{"api_key": "json-Planted-10", "n": 1}'
    loaded = json.loads(text)["api_key"]
    listed = "a b sk-planted11 c".split()
    given = get_token()
    pairs = [("Authorization", "pair-Planted-13"), ("n", "1")]
    second = pairs[0][1]
    quoted = os.environ["QUOTED_SECRET"]
    shown = repr(repr(quoted))
    lines = os.environ["PRIVATE_KEY"]
    more = lines.splitlines()
    data = os.environ["BYTES_PASSWORD"].encode()
    kept = dict(secret="keyword-Planted-15")
    copy = kept["secret"]
    aliased = password
    greeting = connect()
    for item in stream([from_environment, pin, "x" * 240 + from_environment + "y" * 900]):
        last = item
    try:
        raise Odd(f"bad password {password} of {client}", headers)
    except Odd as error:
        message = str(error)
    assert total == 18
    assert from_environment == "ev-" + "77x" or True

@pytest.mark.cwm_start
def test_fails():
    expected = os.environ["SERVICE_API_KEY"]
    assert [expected, Account("ann", "field-Planted-05")] == ["env-Planted-00"]
"""

ENVIRONMENT = {
    "SERVICE_API_KEY": PLANTED["environment"],
    "SHORT_TOKEN": PLANTED["short environment"],
    "QUOTED_SECRET": PLANTED["quoted"],
    "PRIVATE_KEY": PLANTED["lines"],
    "BYTES_PASSWORD": PLANTED["bytes"],
}

# Believes that every value is 0, so that the report shows every true one beside it.
ZEROS = """
import dataclasses, pytest
from cwm_tracer.model import Choice, Verification

class Zeros:
    name = "zeros"
    def verify(self, truth):
        def zero(frame):
            if frame.locals is None:
                return dataclasses.replace(frame, argument="0", file=None, line=None)
            return dataclasses.replace(frame, locals=dict.fromkeys(frame.locals, "0"), file=None, line=None)
        return Verification((None, *(Choice(zero(frame)) for frame in truth.frames[1:])), model="zeros")
    def close(self):
        pass

def pytest_cwm_make_predictor(config):
    return Zeros()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeconftest(ZEROS)
    pytester.makeini("[pytest]\n")
    return pytester


def assert_hidden(text: str) -> None:
    """Nothing planted stands in the text, in any of the forms in which it may have been written."""
    forms = {
        form
        for secret in PLANTED.values()
        for line in secret.split("\n")
        for form in (line, repr(line)[1:-1], json.dumps(line)[1:-1], json.dumps(repr(line))[2:-2])
    }
    assert [text[max(0, text.find(form) - 90) : text.find(form) + 60] for form in sorted(forms) if form in text] == []


def run(pytester: pytest.Pytester, *arguments: str) -> tuple[str, dict[str, Any]]:
    """What a run says, but for pytest's own words on the failure, and its report; looks into all that it writes."""
    flags = [
        "--cwm-trace",
        "--cwm-report=out.json",
        "--cwm-html=out.html",
        "--cwm-markdown=out.md",
        "--cwm-sarif=out.sarif",
    ]
    quiet = ["--cwm-redact=sk-[a-z0-9]+", "--tb=no", "-rN", "-p", "no:cacheprovider"]
    result = pytester.runpytest(*flags, *quiet, *arguments)
    result.assert_outcomes(passed=2, failed=1)
    written = {path for path in pytester.path.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert {"out.json", "out.html", "out.md", "out.sarif"} <= {path.name for path in written}
    for path in written:
        data = path.read_bytes()
        assert_hidden((gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8", "replace"))
    output = result.stdout.str() + result.stderr.str()
    assert_hidden(output)
    return output, json.loads((pytester.path / "out.json").read_text())


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "distributed"])
def test_no_secret_is_in_the_report_or_the_output(suite: pytest.Pytester, workers: list[str]) -> None:
    output, report = run(suite, *workers)
    assert "test_everything[<redacted>-0]" in output
    assert len(report["tests"]) == 3
    for test in report["tests"]:
        assert len(test["trace"]["frames"]) > 2
        assert test["redacted"] > 0
        assert "<redacted>" in test["trace"]["context"]["text"]
    assert "18" in [
        frame[2].get("total") for frame in report["tests"][0]["trace"]["frames"] if isinstance(frame[2], dict)
    ]
    assert_hidden(suite.run(sys.executable, "-m", "pytest_cwm", "report", "-v", "out.json").stdout.str())


def test_no_secret_is_in_a_cassette(suite: pytest.Pytester) -> None:
    suite.makeconftest(stand_in.CONFTEST)
    run(suite, "--cwm-cassette=record")
    assert any(path.is_file() for path in (suite.path / ".cwm" / "cassettes").rglob("*"))


def test_no_secret_is_in_a_green_recording(suite: pytest.Pytester) -> None:
    (suite.path / "conftest.py").unlink()
    run(suite, "--cwm-against=last-green")
    assert len([path for path in (suite.path / ".cwm" / "green").rglob("*") if path.is_file()]) == 2
    run(suite, "--cwm-against=last-green")


def test_no_secret_is_in_an_exported_corpus(suite: pytest.Pytester) -> None:
    pytest.importorskip("cwm_server.training.data")
    run(suite)
    result = suite.run(sys.executable, "-m", "pytest_cwm", "export", "--out", "corpus", "out.json")
    assert result.ret == 0, result.stderr.str()
    shards = [path for path in (suite.path / "corpus").rglob("*") if path.is_file()]
    texts = [_text_of_shard(path) for path in shards]
    assert any("def test_everything" in text for text in texts)
    for text in texts:
        assert_hidden(text)


def _text_of_shard(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8", "replace")


def test_no_secret_is_sent_to_a_server(suite: pytest.Pytester) -> None:
    tokenizers = pytest.importorskip("cwm_server.tokenizer")
    pytest.importorskip("sentencepiece")
    (suite.path / "conftest.py").unlink()
    tokenizer = tokenizers.load_tokenizer(None)
    facts = {"tokenizer_sha256": tokenizer.digest, "owned_by": "vllm", "extensions": []}

    def answer(call: Call) -> Reply:
        return Reply({"data": [{"id": "m", "max_model_len": 100_000, **facts}]}) if call.method == "GET" else Reply({})

    with answering(answer) as (url, calls):
        run(suite, f"--cwm-server={url}")
    bodies = [call.json for call in calls if call.json is not None]
    assert bodies
    for body in bodies:
        assert_hidden(json.dumps(body))
        prompts = body["prompt"] if isinstance(body["prompt"][0], list) else [body["prompt"]]
        for prompt in prompts:
            text = "".join(each if isinstance(each, str) else each.value for each in tokenizer.decode(prompt))
            assert "def test_" in text
            assert_hidden(text)


def test_no_secret_of_a_file_that_is_debugged_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERVICE_API_KEY", PLANTED["environment"])
    program = tmp_path / "program.py"
    program.write_text(
        "def f(a):  # << START_OF_TRACE\n    password = 'literal-Planted-02'\n    return f'env-Planted-00 {password}'\n"
    )
    sent: list[str] = []

    class Listening(ScriptedPredictor):
        def next_frame(self, context: Context, *arguments: Any, **options: Any) -> Choice:
            sent.append(context.text)
            return super().next_frame(context, *arguments, **options)

    frames = [Frame(Event.CALL, "def f(a):\n", {"a": "1"}), Frame(Event.RETURN, "    return a\n", argument="1")]
    monkeypatch.setattr(pytest_cwm.predictors, "make_predictor", lambda **options: Listening(frames))
    monkeypatch.setattr(sys, "stdin", io.StringIO("list\nstep\nquit\n"))
    assert main(["debug", str(program)]) == 0
    assert len(sent) > 1
    assert sent[0].startswith('def f(a):  # << START_OF_TRACE\n    password = "<redacted>"\n')
    assert_hidden("".join(sent) + capsys.readouterr().out)


def test_the_password_in_a_servers_address_is_not_shown(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LEXER)
    result = pytester.runpytest("--cwm-trace", "--cwm-server=http://ann:hunter2@127.0.0.1:9", "--cwm-report=out.json")
    assert "hunter2" not in result.stdout.str() + (pytester.path / "out.json").read_text()
    result.stdout.fnmatch_lines(["cwm *verified by http://127.0.0.1:9"])


LEXER = """
import pytest

def scan(text):
    token = text.split()[0]
    return token

@pytest.mark.cwm_start
def test_scan():
    lemma = scan("identifier-1 x").upper()
    assert lemma
"""


def recorded(pytester: pytest.Pytester, *arguments: str) -> dict[str, Any]:
    pytester.runpytest("--cwm-trace", "--cwm-mode=none", "--cwm-report=out.json", *arguments).assert_outcomes(passed=1)
    test: dict[str, Any] = json.loads((pytester.path / "out.json").read_text())["tests"][0]
    return test


def test_the_list_of_names_can_be_replaced(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LEXER)
    hidden = json.dumps(recorded(pytester))
    pytester.makeini("[pytest]\ncwm_redact_names = passcode lemma\n")
    shown = recorded(pytester)
    assert "identifier-1" not in hidden
    frames = [frame[2] for frame in shown["trace"]["frames"]]
    assert {"token": "'identifier-1'"} in [{"token": each.get("token")} for each in frames if isinstance(each, dict)]
    assert "<redacted>" in [each.get("lemma") for each in frames if isinstance(each, dict)]


def test_an_empty_list_of_names_hides_nothing_by_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LEXER)
    pytester.makeini("[pytest]\ncwm_redact_names =\n")
    assert "<redacted>" not in json.dumps(recorded(pytester))


def test_patterns_of_the_ini_file_and_of_the_flag_both_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.cwm_start
        def test_it():
            first = ["id-1111 and", {"k": "pin 2222"}]
            text = f"{first}" + "3333"
            assert text
        """
    )
    pytester.makeini("[pytest]\ncwm_redact =\n    id-[0-9]+\n    2{4}\n")
    text = json.dumps(recorded(pytester, "--cwm-redact=3{4}", "--cwm-redact=4{4}")["trace"])
    assert "k" in text
    assert not [secret for secret in ("1111", "2222", "3333") if secret in text]


@pytest.mark.parametrize(
    ("ini", "flags", "said"),
    [
        ("", ["--cwm-redact=sk-["], "--cwm-redact: 'sk-[' is no regular expression: *"),
        ("", ["--cwm-redact=x*"], "--cwm-redact: 'x*' matches the empty text*"),
        ("cwm_redact = (", [], "--cwm-redact: '(' is no regular expression: *"),
        ("cwm_redact_names = pass.*", [], "cwm_redact_names: 'pass.*' is no name: *"),
    ],
)
def test_a_mistake_is_one_line(pytester: pytest.Pytester, ini: str, flags: list[str], said: str) -> None:
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = pytester.runpytest("--cwm-trace", *flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.str().splitlines() if line]
    result.stderr.fnmatch_lines([f"ERROR: {said.replace('[', '[[]')}"])
    assert len(line) < 150


def test_a_redacted_value_is_counted_and_not_scored(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(ZEROS)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.cwm_start
        def test_it():
            password = "hunter2"
            nested = [{"password": password}]
            number = 5
        """
    )
    result = pytester.runpytest("--cwm-trace", "--cwm-report=out.json")
    test = json.loads((pytester.path / "out.json").read_text())["tests"][0]
    assert test["redacted"] == 3  # one at the third line, two at the fourth
    assert test["metrics"]["tf.variable"]["total"] == 0
    result.stdout.fnmatch_lines(["*3 values are redacted, and not scored*"])
    result = pytester.runpytest("--cwm-trace", "--cwm-mode=none", "--cwm-report=out.json")
    assert json.loads((pytester.path / "out.json").read_text())["tests"][0]["redacted"] == 3
    result.stdout.fnmatch_lines(["*3 values are redacted*"])


# -- texts of the user's own


HOOK = """
import pytest

@pytest.hookimpl
def pytest_cwm_repr_value(value):
    return describe(value)
"""

OBJECTS = """
import pytest

class Point:
    def __init__(self, x):
        self.x = x

@pytest.mark.cwm_start
def test_it():
    point = Point(7)
    points = [point]
    count = 1
    assert point
"""


def states(pytester: pytest.Pytester, *arguments: str) -> dict[str, str]:
    """The last value that each variable of the test showed."""
    last: dict[str, str] = {}
    for frame in recorded(pytester, *arguments)["trace"]["frames"]:
        if isinstance(frame[2], dict):
            last.update({name: value for name, value in frame[2].items() if value != ".."})
    return last


def test_a_hook_gives_the_text_of_a_value(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        HOOK
        + """
def describe(value):
    if type(value).__name__ == "Point":
        return f"Point at {value.x} (password='hunter2')"
"""
    )
    pytester.makepyfile(OBJECTS)
    state = states(pytester, "-n", "1")  # where tests run, that is
    assert state["point"] == "Point at 7 (password=<redacted>)"
    assert state["points"] == "[Point at 7 (password=<redacted>)]"
    assert state["count"] == "1"


def test_what_goes_wrong_in_a_hook_stays_there(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        HOOK
        + """
def describe(value):
    match type(value).__name__:
        case "Raises": raise ValueError
        case "Exits": raise SystemExit(3)
        case "Numbers": return 5
        case "Nothing": return None
        case "Writes": return "x" * 10**7
        case "Waits":
            while True:
                pass
"""
    )
    names = ("Raises", "Exits", "Numbers", "Nothing", "Writes", "Waits")
    classes = "\n".join(f"class {name}:\n    def __repr__(self): return 'its own'" for name in names)
    lines = "\n".join(f"    {name.lower()} = [{name}(), {name}()]" for name in names)
    test = f"@pytest.mark.cwm_start\ndef test_it():\n{lines}\n    last = 1\n    assert last\n"
    pytester.makepyfile(f"import pytest\n\n{classes}\n\n{test}")
    state = states(pytester)
    assert {name: state[name.lower()] for name in names} == dict.fromkeys(names, "[its own, its own]")
    assert state["last"] == "1"
