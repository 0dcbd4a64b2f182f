"""Our client against a real vLLM that serves the embedded checkpoint: the same answers as our own engine, in fp32.

Run by `make test-vllm`. `CWM_VLLM_PYTHON` names the interpreter of an environment with vLLM; without it all is skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

PYTHON = os.environ.get("CWM_VLLM_PYTHON")
if not PYTHON:
    pytest.skip("make test-vllm runs these", allow_module_level=True)

import socket  # noqa: E402

from cwm_server.tokenizer import EMBEDDED, load_tokenizer  # noqa: E402
from cwm_tracer.model import Context, Ending, Event, Frame, Meta, Trace, Verification  # noqa: E402
from cwm_tracer.wire import START, Special  # noqa: E402
from pytest_cwm.predictors.completions import TokenPredictor  # noqa: E402
from pytest_cwm.predictors.embedded import EmbeddedPredictor  # noqa: E402
from pytest_cwm.predictors.http import JsonClient  # noqa: E402
from pytest_cwm.predictors.recognise import make_transport  # noqa: E402
from sample_suite import SUITE  # noqa: E402
from test_engines import hostile_truth  # noqa: E402
from test_exact_predictions import trace  # noqa: E402

TOKEN = "a-token-for-tests"
PROGRAMS = ["bindings", "classes", "closures", "comprehensions", "exceptions", "generators", "lines", "recursion"]


@contextlib.contextmanager
def serving(model: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A vLLM on loopback; yields its URL when it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV", "CWM"))}
    environment |= {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_API_KEY": TOKEN, "OMP_NUM_THREADS": "1"}
    environment |= {"VLLM_NO_USAGE_STATS": "1"}
    command = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", "cwm", "--dtype", "float32", "--enforce-eager", "--generation-config", "vllm"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process, log)
        yield url, process
    finally:
        kill(process)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):
            return
        time.sleep(0.5)
    pytest.fail(f"vLLM did not start: {log.read_text(errors='replace')[-3000:]}")


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def client(url: str, *, token: str | None = TOKEN, model: str | None = None, engine: str = "auto") -> TokenPredictor:
    tokenizer = load_tokenizer()
    return TokenPredictor(
        make_transport(engine, JsonClient(url, token=token), tokenizer, model), tokenizer, name="vllm"
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(EMBEDDED, tmp_path_factory.mktemp("vllm") / "log.txt") as (url, _):
        yield url


@pytest.fixture(scope="module")
def vllm(server: str) -> Iterator[TokenPredictor]:
    with contextlib.closing(client(server)) as predictor:
        yield predictor


@pytest.fixture(scope="module")
def ours() -> Iterator[EmbeddedPredictor]:
    with contextlib.closing(EmbeddedPredictor(constrain=False)) as predictor:
        yield predictor


def assert_same(found: Verification, expected: Verification) -> None:
    assert (found.failure, found.windows, found.ties) == (expected.failure, expected.windows, 0)
    for theirs, ours in zip(found.choices, expected.choices, strict=True):
        if theirs is None or ours is None:
            assert theirs is ours
            continue
        assert (theirs.frame, theirs.problems, theirs.ended) == (ours.frame, ours.problems, ours.ended)
        assert theirs.bits == pytest.approx(ours.bits, abs=1e-2)


def test_the_documented_commands_are_understood(tmp_path):
    page = Path(__file__).parent.parent / "docs" / "serving.md"
    lines = re.findall(r"vllm\.entrypoints\.openai\.api_server (.*)", page.read_text(encoding="utf-8"))
    assert len(lines) >= 6
    script = """
import sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
for line in sys.stdin:
    make_arg_parser(FlexibleArgumentParser()).parse_args(line.split())
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    subprocess.run(
        [str(PYTHON), "-c", script], input="\n".join(lines), text=True, check=True, cwd=tmp_path, env=environment
    )


# -- the same answers


@pytest.mark.parametrize("name", PROGRAMS)
def test_verification_and_roll_out_are_those_of_our_engine(vllm, ours, name):
    truth = trace(name)
    assert_same(vllm.verify(truth), ours.verify(truth))
    theirs = vllm.roll_out(truth.context, truth.frames[:2], max_frames=14)
    own = ours.roll_out(truth.context, truth.frames[:2], max_frames=14)
    assert theirs.trace.frames == own.trace.frames
    assert (theirs.trace.meta.ending, theirs.problems, theirs.failure) == (own.trace.meta.ending, own.problems, None)


@pytest.mark.parametrize("name", PROGRAMS[:3])
def test_next_frames_are_those_of_our_engine_also_of_a_forced_event(vllm, ours, name):
    truth = trace(name)
    for index in (1, 4, 9):
        for event in (None, Event.CALL, Event.LINE, Event.RETURN, Event.EXCEPTION):
            prefix = truth.frames[:index]
            theirs, own = (each.next_frame(truth.context, prefix, event=event) for each in (vllm, ours))
            assert (theirs.frame, theirs.problems, theirs.ended) == (own.frame, own.problems, own.ended)


def test_it_is_recognised_and_what_it_can_is_known(vllm):
    vllm.verify(trace("closures"))
    assert (vllm.engine, vllm.scores, vllm.constrained) == ("vllm", True, False)
    assert vllm.identify().decoding["context_length"] == 2048


# -- special tokens are text


@pytest.mark.parametrize("special", Special, ids=lambda special: special.name)
def test_a_special_token_in_source_names_and_values_is_text(vllm, ours, special):
    truth = hostile_truth(special)
    assert_same(vllm.verify(truth), ours.verify(truth))
    for index in (1, 3):
        theirs, own = (each.next_frame(truth.context, truth.frames[:index]) for each in (vllm, ours))
        assert (theirs.frame, theirs.problems) == (own.frame, own.problems)


# -- too long


def long_truth() -> Trace:
    """Longer than the model's context of 2 048 tokens."""
    steps = ((f"    total += {number}\n", {"n": "3", "total": str(number * 37)}) for number in range(120))
    frames = [
        Frame(Event.CALL, "def f(n):\n", {"n": "3"}),
        *(Frame(Event.LINE, line, state) for line, state in steps),
        Frame(Event.RETURN, "    return total\n", argument="4403"),
    ]
    cursor, numbered = START, []
    for frame in frames:
        numbered.append(replace(frame, scope=cursor.scope_of(frame.event)))
        cursor = cursor.after(frame)
    return Trace(tuple(numbered), Context("def f(n):  # << START_OF_TRACE\n    ...\n"), Meta("3.11"))


def test_what_exceeds_the_context_is_verified_in_windows_and_rolled_out_until_it_is_full(vllm, ours):
    truth = long_truth()
    found = vllm.verify(truth)
    assert found.windows > 1
    assert_same(found, ours.verify(truth))
    rolled = vllm.roll_out(truth.context, truth.frames[:60], max_frames=1000)
    own = ours.roll_out(truth.context, truth.frames[:60], max_frames=1000)
    assert rolled.trace.frames == own.trace.frames
    assert (rolled.failure, rolled.trace.meta.ending) == (own.failure, own.trace.meta.ending)


# -- the prefix cache


def test_frames_are_decoded_from_the_prefix_that_was_scored(server, vllm):
    def hits() -> float:
        request = urllib.request.Request(f"{server}/metrics")
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:prefix_cache_hits_total"))

    truth = trace("recursion")
    vllm.verify(truth)
    before = hits()
    vllm.next_frame(truth.context, truth.frames)
    length = len(vllm.prompt_ids(truth.context, truth.frames))
    assert hits() - before > 0.8 * length


# -- what goes wrong


def test_a_wrong_model_is_named(server):
    with contextlib.closing(client(server, model="cwm-32b")) as predictor:
        failure = predictor.verify(trace("closures")).failure
    assert "it serves cwm, not cwm-32b" in failure


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_wrong_token_is_named(server, token):
    with contextlib.closing(client(server, token=token)) as predictor:
        failure = predictor.verify(trace("closures")).failure
    assert failure.endswith("refused the token (HTTP 401): set the right one in CWM_TOKEN")


def test_another_engine_than_it_is_is_named(server):
    for engine, message in (("sglang", "has no /generate: is it SGLang?"), ("fgserve", "answered HTTP 404")):
        with contextlib.closing(client(server, engine=engine)) as predictor:
            assert message in predictor.verify(trace("closures")).failure


def test_the_plugin_predicts_with_it(server, pytester, monkeypatch):
    monkeypatch.setenv("CWM_TOKEN", TOKEN)
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    options = ["--cwm-trace", f"--cwm-server={server}", "-k", "test_add", "--cwm-report=report.json"]
    result = pytester.runpytest(*options)
    assert "name the model's tokenizer.json or tokenizer.model with --cwm-tokenizer" in " ".join(
        result.stdout.str().split()
    )
    result = pytester.runpytest(*options, f"--cwm-tokenizer={EMBEDDED / 'tokenizer.model'}")
    result.assert_outcomes(passed=1)
    assert "predictions are missing" not in result.stdout.str()
    report = json.loads((pytester.path / "report.json").read_text())
    assert report["run"]["engine"] == "vllm"
    assert report["totals"]["tf.bits"]["count"] > 0
    assert any(note.startswith("unconstrained: cwm") for note in report["notes"])


# -- ties, and a server that is killed: with a second checkpoint


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The embedded model, in which a token that nothing uses has the weights of the token that ends every frame."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("twins") / "model"
    shutil.copytree(EMBEDDED, folder)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("embed_tokens.weight"))
    tokenizer = load_tokenizer()
    separator, unused = tokenizer.special(Special.FRAME), tokenizer.vocabulary_size - 1
    with torch.no_grad():
        weights[name][unused] = weights[name][separator]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder, separator


def test_ties_are_agreement_and_a_server_that_is_killed_costs_seconds(twins, ours, tmp_path):
    model, separator = twins
    truth = trace("recursion")
    tokens = ours.prompt_ids(truth.context, truth.frames).count(separator)
    with serving(model, tmp_path / "log.txt") as (url, process), contextlib.closing(client(url)) as predictor:
        found, expected = predictor.verify(truth), ours.verify(truth)
        assert 0 < found.ties <= tokens
        agree = [index for index, choice in enumerate(expected.choices) if agrees(choice, truth.frames[index])]
        assert agree
        assert [index for index in agree if agrees(found.choices[index], truth.frames[index])] == agree

        threading.Timer(0.7, kill, [process]).start()
        began = time.monotonic()
        rolled = predictor.roll_out(long_truth().context, long_truth().frames[:60], max_frames=1000)
        failures = {predictor.verify(truth).failure for _ in range(100)}
        took = time.monotonic() - began
    assert rolled.trace.meta.ending is Ending.OPEN
    assert rolled.failure is not None
    assert "can't be reached: " in rolled.failure or "broke off" in rolled.failure
    assert "\n" not in rolled.failure
    assert len(failures) == 1
    assert took < 20


def agrees(choice, frame) -> bool:
    return choice is not None and choice.frame == replace(frame, file=None, line=None)
