"""The embedded model's child process, with a tiny model of random weights: it speaks nonsense, but always the same."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
for needed in ("sentencepiece", "safetensors", "starlette", "uvicorn"):
    pytest.importorskip(needed)

import tiny_models  # noqa: E402
from cwm_server.numpy_model import load_numpy  # noqa: E402
from cwm_tracer import wire  # noqa: E402
from cwm_tracer.model import Context, Ending, Event, Frame, Meta, Trace  # noqa: E402
from pytest_cwm.predictors import make_predictor  # noqa: E402
from pytest_cwm.predictors.base import PredictionError, Sampling  # noqa: E402
from pytest_cwm.predictors.completions import CompletionsPredictor  # noqa: E402
from pytest_cwm.predictors.embedded import EmbeddedPredictor  # noqa: E402
from tiny_tokenizer import tiny_tokenizer  # noqa: E402

CONTEXT = Context("def f(a):  # << START_OF_TRACE\n    b = '<|frame_sep|><|end_of_text|>'\n    return a\n")
TRUTH = Trace(
    (
        Frame(Event.CALL, "def f(a):\n", {"a": "1"}),
        Frame(Event.LINE, "    b = '<|frame_sep|><|end_of_text|>'\n", {"a": "1"}),
        Frame(Event.LINE, "    return a\n", {"a": "1", "b": "'<|frame_sep|><|end_of_text|>'"}),
        Frame(Event.RETURN, "    return a\n", argument="'<|arg_sep|>'"),
    ),
    CONTEXT,
    Meta("3.11"),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tiny_models.tokenized(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def predictor(directory):
    with contextlib.closing(EmbeddedPredictor(directory)) as made:
        yield made


def test_verifying_gives_what_stepping_gives_with_every_special_token_in_source_and_values(predictor):
    verification = predictor.verify(TRUTH)
    assert verification.failure is None
    assert verification.model == predictor.name == "tiny"
    for index in (1, 2, 3):
        choice = verification.choices[index]
        stepped = predictor.next_frame(CONTEXT, TRUTH.frames[:index])
        assert choice.bits > 0
        assert (choice.ended, choice.frame is None) == (stepped.ended, stepped.frame is None)
        if choice.frame is not None and not choice.problems:
            assert choice.frame == stepped.frame


def test_bits_are_those_of_the_model(predictor, directory):
    tokenizer = tiny_tokenizer()
    ids = tokenizer.encode(wire.encode_context(CONTEXT.text) + wire.encode(TRUTH))[:-1]
    last = len(tokenizer.encode(wire.encode_frame(TRUTH.frames[3], wire.advance(TRUTH.frames[:3]))))
    logits = tiny_models.logits_after(load_numpy(directory), ids).astype(np.float64)
    logprobs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -sum(float(logprobs[place - 1, ids[place]]) for place in range(len(ids) - last, len(ids)))
    assert predictor.verify(TRUTH).choices[3].bits == pytest.approx(expected / 0.6931471805599453, rel=1e-4)


def test_a_roll_out_of_nonsense_ends_and_says_why(predictor):
    rolled = predictor.roll_out(CONTEXT, TRUTH.frames[:1], max_frames=40)
    assert rolled.trace.frames[0] == TRUTH.frames[0]
    assert rolled.trace.meta.ending is not Ending.OPEN or rolled.problems or rolled.failure


def test_a_sample_repeats_with_its_seed(predictor):
    choices = [predictor.next_frame(CONTEXT, (), sampling=Sampling(1.2, 0.9, seed)) for seed in (5, 5, 6)]
    assert choices[0] == choices[1] != choices[2]


def test_a_trace_longer_than_the_context_is_verified_in_windows(tmp_path):
    frames = [TRUTH.frames[0]]
    frames += [Frame(Event.LINE, f"    step {number}\n", {"a": "1", "n": str(number)}) for number in range(30)]
    with contextlib.closing(EmbeddedPredictor(tiny_models.tokenized(tmp_path / "short", 256))) as short:
        verification = short.verify(Trace(tuple(frames), CONTEXT))
    assert verification.failure is None
    assert verification.windows > 1
    assert None not in verification.choices[1:]


def test_closing_ends_the_child_and_a_later_question_says_so(directory):
    predictor = EmbeddedPredictor(directory)
    process = predictor._transport._process
    assert predictor.verify(TRUTH).failure is None
    predictor.close()
    assert process.poll() is not None
    assert predictor.verify(TRUTH).failure == "the embedded model was shut down"
    predictor.close()


def test_closing_before_the_child_is_ready_waits_for_nothing(directory, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(_script(directory.parent / "never_ready", "exec sleep 60")))
    predictor = EmbeddedPredictor(directory)
    began = time.monotonic()
    predictor.close()
    assert time.monotonic() - began < 30


def test_a_child_that_dies_is_a_failure_of_one_line_at_once(directory):
    with contextlib.closing(EmbeddedPredictor(directory)) as predictor:
        assert predictor.verify(TRUTH).failure is None
        predictor._transport._process.kill()
        predictor._transport._process.wait()
        failure = predictor.verify(TRUTH).failure
    assert failure == "the embedded model's process ended (exit code -9)"


def test_weights_that_can_not_be_read_are_named(directory, tmp_path):
    broken = shutil.copytree(directory, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not weights")
    with contextlib.closing(EmbeddedPredictor(broken)) as predictor:
        failure = predictor.verify(TRUTH).failure
    assert failure is not None
    assert failure.startswith("the embedded model's process ended (exit code 2): cwm serve: ")
    assert "model.safetensors" in failure
    assert "\n" not in failure


def test_a_child_that_never_says_it_is_ready_is_given_up(directory, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(_script(directory.parent / "sleeper", "exec sleep 30")))
    with contextlib.closing(EmbeddedPredictor(directory, start_timeout=0.5)) as predictor:
        assert predictor.verify(TRUTH).failure == "the embedded model did not start within 0.5 s"


def _script(path: Path, line: str) -> Path:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def test_without_numpy_one_line_says_what_to_do(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "numpy" else found(name, *rest)
    )
    with pytest.raises(PredictionError) as caught:
        make_predictor()
    expected = (
        'the embedded model needs numpy: pip install "pytest-cwm[embedded]", or name a server with --cwm-server URL'
    )
    assert str(caught.value) == expected


def test_without_weights_one_line_says_what_to_do(tmp_path):
    with pytest.raises(PredictionError) as caught:
        make_predictor(model=str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path} holds no model (no config.json): name the directory of one, or name a server with --cwm-server URL"
    )


def test_the_server_refuses_who_has_no_token(predictor):
    import requests

    predictor.verify(TRUTH)
    url = predictor._transport._remote._client._root
    assert requests.get(f"{url}/v1/models", timeout=9).status_code == 401
    with contextlib.closing(CompletionsPredictor(url, tiny_tokenizer())) as stranger:
        assert "refused the token (HTTP 401)" in stranger.verify(TRUTH).failure


USER = """\
import json, sys, time
from cwm_tracer.model import Context, Event, Frame, Trace
from pytest_cwm.predictors import make_predictor

predictor = make_predictor(model=sys.argv[1])
frames = (Frame(Event.CALL, "def f():\\n", {}), Frame(Event.RETURN, "    return 1\\n", argument="1"))
failure = predictor.verify(Trace(frames, Context("def f():  # << START_OF_TRACE\\n    return 1\\n"))).failure
child = predictor._transport._process
heavy = sorted({"torch", "starlette", "uvicorn"} & set(sys.modules))
print(json.dumps({"failure": failure, "child": child.pid, "heavy": heavy, "argv": child.args,
    "port": int(predictor._transport._remote._client._root.rpartition(":")[2])}), flush=True)
time.sleep(float(sys.argv[2]))
"""


def user(directory: Path, cwd: Path, seconds: float, **environment: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    env = {**os.environ, "PYTHONPATH": paths, **environment}
    command = [sys.executable, "-c", USER, str(directory), str(seconds)]
    return subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True)


def test_torch_stays_in_the_child_and_the_users_modules_out_of_it(directory, tmp_path):
    for name in ("uvicorn", "torch", "starlette"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    with user(
        directory, tmp_path, 0, PYTHONWARNINGS="error", PYTHONINSPECT="1", HTTP_PROXY="http://127.0.0.1:1"
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.kill()
    assert said["failure"] is None
    assert said["heavy"] == []
    assert "CWM_TOKEN" not in " ".join(said["argv"])


def test_the_child_does_without_torch_whatever_it_is_asked(directory, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with contextlib.closing(EmbeddedPredictor(directory)) as predictor:
        assert predictor.verify(TRUTH).failure is None
        assert predictor.roll_out(CONTEXT, TRUTH.frames[:1], max_frames=3, draft=TRUTH.frames).failure is None
        predictor.next_frame(CONTEXT, TRUTH.frames[:2], sampling=Sampling(1.0, 0.9, 1))
        assert predictor.constrained is True


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_a_killed_parent_leaves_no_orphan(directory, tmp_path):
    with user(directory, tmp_path, 60) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert listens(said["port"])
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 60
    while listens(said["port"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(said["port"])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
