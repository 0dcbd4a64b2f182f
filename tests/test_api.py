"""The HTTP server, over a real socket, with a tiny model of random weights."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("uvicorn")
requests = pytest.importorskip("requests")

import tiny_models  # noqa: E402
from cwm_server.api import Limits, create_app  # noqa: E402
from cwm_server.architecture import Decoder  # noqa: E402
from cwm_server.batching import CancelledError, Want  # noqa: E402
from cwm_server.engine import Engine  # noqa: E402
from cwm_server.opinions import Generation  # noqa: E402
from cwm_server.serve import _listen  # noqa: E402
from cwm_tracer.wire import Special  # noqa: E402
from serving import running  # noqa: E402
from test_engine import MODEL, VOCABULARY  # noqa: E402
from tiny_tokenizer import tiny_tokenizer  # noqa: E402

PROMPT = [1, 5, 2, 9, 9, 4]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def url():
    with running(create_app(Engine(MODEL), "tiny")) as address:
        yield address


def complete(url: str, **fields: object) -> requests.Response:
    return requests.post(f"{url}/v1/completions", json={"prompt": PROMPT, "temperature": 0, **fields}, timeout=20)


def test_a_completion_has_the_engines_tokens(url):
    response = complete(url, model="tiny", max_tokens=5, return_token_ids=True, skip_special_tokens=False)
    expected = Engine(MODEL).generate([PROMPT], max_tokens=5)[0].ids
    body = response.json()
    assert body["choices"][0]["token_ids"] == expected
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["choices"][0]["prompt_logprobs"] is None
    assert body["usage"] == {"prompt_tokens": 6, "completion_tokens": 5, "total_tokens": 11}


def test_the_text_shows_specials_when_asked_and_survives_ids_that_the_tokenizer_lacks():
    pytest.importorskip("sentencepiece")
    tokenizer = tiny_tokenizer()
    ids = [tokenizer.special(Special.LINE), *tokenizer.encode(["a<b"]), tokenizer.vocabulary_size + 7]

    class Scripted(Engine):
        def generating(self, prompts, **named):
            yield from ()
            return [Generation(ids, [0.0] * len(ids))]

    with running(create_app(Scripted(MODEL), "tiny", tokenizer=tokenizer)) as url:
        assert complete(url).json()["choices"][0]["text"] == "a<b"
        assert complete(url, skip_special_tokens=False).json()["choices"][0]["text"] == "<|line_sep|>a<b"


def test_prompt_logprobs_hold_the_true_token_with_its_rank_and_the_best(url):
    items = complete(url, max_tokens=1, prompt_logprobs=1).json()["choices"][0]["prompt_logprobs"]
    scores = Engine(MODEL).score(PROMPT)
    assert items[0] is None
    assert len(items) == len(PROMPT)
    for position, item in enumerate(items[1:]):
        true = item[str(PROMPT[position + 1])]
        assert true["rank"] == scores.ranks[position]
        assert true["logprob"] == pytest.approx(scores.logprobs[position], abs=1e-5)
        assert item[str(scores.greedy[position])]["rank"] == 1
    zero = complete(url, max_tokens=1, prompt_logprobs=0).json()["choices"][0]["prompt_logprobs"]
    assert [list(item) for item in zero[1:]] == [[str(token)] for token in PROMPT[1:]]


def test_a_batch_answers_in_the_order_of_its_prompts(url):
    prompts = [[1], [2, 3, 4], [1, 7]]
    body = complete(url, prompt=prompts, max_tokens=4, return_token_ids=True, logprobs=2).json()
    expected = Engine(MODEL).generate(prompts, max_tokens=4)
    assert [item["index"] for item in body["choices"]] == [0, 1, 2]
    assert [item["token_ids"] for item in body["choices"]] == [answer.ids for answer in expected]
    logprobs = body["choices"][1]["logprobs"]
    assert logprobs["token_logprobs"] == pytest.approx(expected[1].logprobs, abs=1e-4)
    assert [max(best.values()) for best in logprobs["top_logprobs"]] == pytest.approx(expected[1].logprobs, abs=1e-4)


def test_a_stop_token_ends_the_answer_and_is_named(url):
    ids = Engine(MODEL).generate([PROMPT], max_tokens=5)[0].ids
    choice = complete(url, max_tokens=50, stop_token_ids=[ids[2]], return_token_ids=True).json()["choices"][0]
    assert choice["token_ids"] == ids[: ids.index(ids[2]) + 1]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", ids[2])


def test_sampling_repeats_with_its_seed(url):
    def sampled(seed: int) -> list[int]:
        fields = {"temperature": 1.5, "top_p": 0.9, "seed": seed, "max_tokens": 12, "return_token_ids": True}
        return complete(url, **fields).json()["choices"][0]["token_ids"]

    assert sampled(3) == sampled(3)
    assert len({tuple(sampled(seed)) for seed in range(6)}) > 1


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"prompt": "def f(): ..."}, "prompt", "text is refused"),
        ({"prompt": ["a"]}, "prompt", "text is refused"),
        ({"prompt": []}, "prompt", "list of token ids"),
        ({"prompt": [[]]}, "prompt", "no tokens"),
        ({"prompt": [True]}, "prompt", "list of token ids"),
        ({"prompt": [1.5]}, "prompt", "list of token ids"),
        ({"prompt": [VOCABULARY]}, "prompt", "token id 23"),
        ({"prompt": [-1]}, "prompt", "token id -1"),
        ({"best_of": 2}, "best_of", "unknown field 'best_of'"),
        ({"n": 2}, "n", "n: must be 1 when using greedy sampling, got 2"),
        ({"n": 0}, "n", "at least 1"),
        ({"stream": True}, "stream", "one piece"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"max_tokens": "3"}, "max_tokens", "integer"),
        ({"max_tokens": 123}, "prompt", "maximum context length is 128 tokens, 129 were requested .6 in the prompt"),
        ({"temperature": -1}, "temperature", "negative"),
        ({"top_p": 0}, "top_p", "above 0"),
        ({"prompt_logprobs": 99}, "prompt_logprobs", "from 0 to 20"),
        ({"return_token_ids": 1}, "return_token_ids", "true or false"),
        ({"stop_token_ids": [None]}, "stop_token_ids", "list of token ids"),
        ({"constraint": "json"}, "constraint", "'cwm-frames'"),
        ({"constraint": "cwm-frames"}, "constraint", "no tokenizer"),
        ({"constraint": {"type": "cwm-frames", "deep": 1}}, "constraint", "unknown field 'deep'"),
        ({"constraint": {"type": "cwm-frames", "depth": -1}}, "depth", "at least 0"),
        ({"draft": ["a"]}, "draft", "list of token ids"),
        ({"draft": [1], "prompt": [[1], [2]]}, "draft", "one prompt"),
        ({"draft": [VOCABULARY]}, "draft", "token id 23"),
        ({"prompt_logprobs_start": 0}, "prompt_logprobs_start", "at least 1"),
        ({"after": {"id": 3}}, "after", "an object with an id"),
        ({"after": {"id": "x", "lengths": [1, 2]}}, "after", "one length"),
    ],
)
def test_a_bad_field_is_refused_by_name(url, fields, param, message):
    response = complete(url, **fields)
    error = response.json()["error"]
    assert response.status_code == 400
    assert error["param"] == param
    assert error["code"] == 400
    assert re.search(message, error["message"])


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"temperature": NaN, "prompt": [1]}', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_request_is_refused(url, body):
    response = requests.post(f"{url}/v1/completions", data=body, headers=JSON, timeout=20)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "BadRequestError"


def test_scores_from_a_place_on_are_the_last_of_all(url):
    whole = complete(url, max_tokens=1, prompt_logprobs=0).json()["choices"][0]["prompt_logprobs"]
    later = complete(url, max_tokens=1, prompt_logprobs=0, prompt_logprobs_start=4).json()["choices"][0]
    assert later["prompt_logprobs"][:4] == [None] * 4
    for item, expected in zip(later["prompt_logprobs"][4:], whole[4:], strict=True):
        (token, score), (true, known) = *item.items(), *expected.items()
        assert (token, score["rank"]) == (true, known["rank"])
        assert score["logprob"] == pytest.approx(known["logprob"], abs=1e-4)


def test_a_prompt_can_be_named_by_what_was_asked_before(url):
    first = complete(url, max_tokens=5, return_token_ids=True).json()
    said = first["choices"][0]["token_ids"]
    after = {"id": first["id"], "lengths": [6, 2], "tails": [0, 3]}
    named = complete(url, prompt=[[*said[:2], 7], [8]], after=after, max_tokens=3, return_token_ids=True).json()
    prompts = [[*PROMPT, *said[:2], 7], [*PROMPT[:2], 8, *said[-3:]]]
    whole = complete(url, prompt=prompts, max_tokens=3, return_token_ids=True).json()
    for ours, theirs in zip(named["choices"], whole["choices"], strict=True):
        assert ours["prompt_token_ids"] == theirs["prompt_token_ids"]
        assert ours["token_ids"] == theirs["token_ids"]


def test_what_is_not_kept_is_gone(url):
    response = complete(url, prompt=[], after={"id": "cmpl-never", "lengths": [1]})
    assert response.status_code == 410
    assert "send the prompt in full" in response.json()["error"]["message"]


def test_a_constraint_counts_the_true_tokens_outside_of_it():
    pytest.importorskip("sentencepiece")
    tokenizer = tiny_tokenizer()
    source = "def main():  # << START_OF_TRACE\n    x = 1\n"
    call = [Special.CALL, "{}", Special.ACTION, "def main():\n", Special.FRAME]
    ids = tokenizer.encode([Special.BEGIN, Special.CONTEXT, source, Special.FRAME, *call])
    wrong = tokenizer.encode([Special.LINE, "{}", Special.ACTION, "    y = 2\n", Special.FRAME])
    model = tiny_model_of(tokenizer.vocabulary_size)
    with running(create_app(Engine(model), "tiny", tokenizer=tokenizer)) as url:
        assert "constraint" in requests.get(f"{url}/v1/models", timeout=9).json()["data"][0]["extensions"]
        fields = {"max_tokens": 1, "prompt_logprobs": 0, "constraint": "cwm-frames"}
        assert complete(url, prompt=ids, **fields).json()["choices"][0]["outside_constraint"] == []
        (place,) = complete(url, prompt=[*ids, *wrong], **fields).json()["choices"][0]["outside_constraint"]
        assert tokenizer.decode([*ids, *wrong][: place + 1])[-1].strip() != "x"
        error = complete(url, prompt=wrong, max_tokens=1, constraint="cwm-frames").json()["error"]
        assert "does not begin with a trace's context" in error["message"]


def tiny_model_of(vocabulary: int):
    torch.manual_seed(1)
    return Decoder(replace(MODEL.config, vocab_size=vocabulary)).eval()


def test_another_model_an_unknown_route_and_a_wrong_method_are_refused_in_openais_shape(url):
    assert complete(url, model="other").status_code == 404
    for response, status in (
        (requests.get(f"{url}/v2", timeout=9), 404),
        (requests.get(f"{url}/v1/completions", timeout=9), 405),
    ):
        assert response.status_code == status
        assert response.json()["error"]["code"] == status


def test_the_model_is_listed_with_its_context_length(url):
    model = requests.get(f"{url}/v1/models", timeout=9).json()["data"][0]
    assert (model["id"], model["max_model_len"], model["owned_by"]) == ("tiny", 128, "pytest-cwm")


def test_the_server_sends_its_answers_at_once():
    with contextlib.closing(_listen("127.0.0.1", 0, None)) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # what asyncio goes by when it turns Nagle's algorithm off


def test_with_a_token_only_health_is_open():
    with running(create_app(Engine(MODEL), "tiny", token="s3cret")) as url:
        assert requests.get(f"{url}/health", timeout=9).status_code == 200
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "s3cret"},
            {"Authorization": "Basic s3cret"},
        ):
            for path in ("/v1/models", "/v1/completions", "/nothing"):
                response = requests.post(f"{url}{path}", json={}, headers=headers, timeout=9)
                assert response.status_code == 401
                assert "s3cret" not in response.text
        assert (
            requests.get(f"{url}/v1/models", headers={"Authorization": "Bearer s3cret"}, timeout=9).status_code == 200
        )


def test_a_body_beyond_the_limit_is_refused_whether_or_not_it_says_so():
    with running(create_app(Engine(MODEL), "tiny", limits=Limits(body=1000))) as url:
        big = b"[" + b"1," * 1000
        assert requests.post(f"{url}/v1/completions", data=big, headers=JSON, timeout=9).status_code == 413
        chunked = requests.post(f"{url}/v1/completions", data=iter([big, big]), headers=JSON, timeout=9)
        assert chunked.status_code == 413


class SlowEngine(Engine):
    """Takes until it is cancelled; counts."""

    def __init__(self) -> None:
        super().__init__(MODEL)
        self.started = threading.Event()
        self.cancelled = threading.Event()

    def generating(self, prompts, **named):
        if prompts == [[1]]:
            self.started.set()
            deadline = time.monotonic() + 60
            try:
                while time.monotonic() < deadline:
                    time.sleep(0.01)
                    yield Want([[1]], self.model.cache(1, 1), 1)
            except CancelledError:
                self.cancelled.set()
                raise
        return (yield from super().generating(prompts, **named))


@contextlib.contextmanager
def waiting_client(url: str, engine: SlowEngine) -> Iterator[None]:
    """A client whose request the engine is busy with, and who leaves in the end."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/v1/completions", json.dumps({"prompt": [1]}), JSON)
    assert engine.started.wait(60)
    yield
    connection.close()


def test_generation_stops_when_the_client_has_gone():
    engine = SlowEngine()
    with running(create_app(engine, "tiny")) as url:
        with waiting_client(url, engine):
            pass
        assert engine.cancelled.wait(60)
        assert complete(url, max_tokens=2).status_code == 200


def test_a_full_queue_asks_clients_to_come_back():
    engine = SlowEngine()
    with running(create_app(engine, "tiny", limits=Limits(running=1, queue=0))) as url:
        with waiting_client(url, engine):
            response = complete(url, max_tokens=2)
        assert (response.status_code, response.headers["Retry-After"]) == (429, "1")


def test_a_failure_inside_names_its_kind_and_nothing_of_the_prompt(caplog):
    class Broken(Engine):
        def generating(self, prompts, **named):
            raise RuntimeError(f"secret {prompts}")

    with running(create_app(Broken(MODEL), "tiny")) as url:
        response = complete(url)
    assert response.status_code == 500
    assert response.json()["error"]["message"] == "the server failed: RuntimeError"
    assert "secret" not in caplog.text


# The process.


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    pytest.importorskip("sentencepiece")
    return tiny_models.tokenized(tmp_path_factory.mktemp("model") / "tiny")


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cwm_server.serve", *arguments]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))), **environment}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )


def ready(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 60)[0], "the server did not start"
    line = process.stdout.readline()
    assert line, process.stderr and process.stderr.read()
    return json.loads(line)


def test_the_process_says_where_it_listens_serves_and_ends_on_a_signal(directory):
    with start("--model", str(directory), CWM_TOKEN="abc") as process:
        said = ready(process)
        url = f"http://127.0.0.1:{said['port']}"
        assert requests.get(f"{url}/v1/models", timeout=9).status_code == 401
        headers = {"Authorization": "Bearer abc"}
        model = requests.get(f"{url}/v1/models", headers=headers, timeout=9).json()["data"][0]
        assert model["id"] == said["model"] == "tiny"
        assert len(model["tokenizer_sha256"]) == 64
        body = {"prompt": PROMPT, "max_tokens": 3, "temperature": 0}
        assert requests.post(f"{url}/v1/completions", json=body, headers=headers, timeout=20).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert errors == ""


def test_the_process_ends_when_its_input_does(directory):
    with start("--model", str(directory), "--die-with-parent") as process:
        ready(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_no_orphan_is_left_when_the_parent_is_killed(directory):
    """A fork holds the pipe open, so that only the parent's death tells."""
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), child.pid, flush=True)\n"
        "holder = subprocess.Popen(['sleep', '30'], pass_fds=[child.stdin.fileno()])\n"
        "print(holder.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "cwm_server.serve", "--model", str(directory), "--die-with-parent"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
    with subprocess.Popen([sys.executable, "-c", code, *command], stdout=subprocess.PIPE, text=True, env=env) as parent:
        assert parent.stdout is not None
        said = json.loads(parent.stdout.readline())
        parent.stdout.readline()
        holder = int(parent.stdout.readline())
        try:
            parent.kill()
            deadline = time.monotonic() + 60
            while listens(int(said["port"])) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert not listens(int(said["port"]))
        finally:
            os.kill(holder, signal.SIGKILL)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 is open to others: name a file with a token by --token-file"),
        (["--model", "nowhere"], "nowhere"),
        (["--port", "70000"], "--port 70000 is not from 0 to 65535"),
        (["--host", "192.0.2.1"], "can't listen at 192.0.2.1"),
        (["--device", "cuda"], "no CUDA device"),
    ],
)
def test_what_can_not_be_served_is_said_in_one_line(arguments, message):
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is one")
    with start(*arguments, CWM_TOKEN="x" if "192.0.2.1" in arguments else "") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert message in errors
