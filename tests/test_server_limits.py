"""Who may ask a server and how much: tokens, addresses, sizes, queues, times; and how it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("uvicorn")
requests = pytest.importorskip("requests")

from cwm_server.api import Limits, create_app  # noqa: E402
from cwm_server.engine import Engine  # noqa: E402
from cwm_server.history import History  # noqa: E402
from cwm_server.protocol import After, parse_request  # noqa: E402
from cwm_server.serving.fields import RequestError  # noqa: E402
from cwm_server.serving.guard import is_loopback  # noqa: E402
from serving import running  # noqa: E402
from test_api import JSON, SlowEngine, directory, ready, start, waiting_client  # noqa: E402, F401
from test_engine import MODEL  # noqa: E402


def ask(url: str, token: str | None = None, **fields: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"prompt": [3, 1, 4], "max_tokens": 2, "temperature": 0, **fields}
    return requests.post(f"{url}/v1/completions", json=body, headers=headers, timeout=30)


@contextlib.contextmanager
def serving(engine: object | None = None, **limits: object) -> Iterator[str]:
    bounds = Limits(**limits)  # type: ignore[arg-type]
    with running(create_app(engine or Engine(MODEL), "tiny", limits=bounds), bounds) as url:
        yield url


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Who.


def test_with_a_token_only_health_is_open_and_the_token_is_in_no_answer():
    with running(create_app(Engine(MODEL), "tiny", token="s3cret")) as url:
        assert requests.get(f"{url}/health", timeout=9).status_code == 200
        for path in ("/metrics", "/openapi.json", "/v1/models", "/tokenize", "/completions", "/health/", "/HEALTH"):
            response = requests.get(url + path, timeout=9)
            assert response.status_code == 401, path
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert "s3cret" not in response.text
        for wrong in ("s3cre", "s3cret2", "\xe9"):
            assert (
                requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {wrong}"}, timeout=9).status_code
                == 401
            )
        assert requests.get(f"{url}/metrics", headers={"Authorization": "bearer s3cret"}, timeout=9).status_code == 200
        document = requests.get(f"{url}/openapi.json", headers={"Authorization": "Bearer s3cret"}, timeout=9).json()
        assert document["security"] == [{"token": []}]
        assert document["paths"]["/health"]["get"]["security"] == []


def test_without_a_token_only_what_is_addressed_to_this_machine_is_answered():
    """A web page can make its own name point to 127.0.0.1; the browser then sends that name."""
    with serving() as url:
        port = url.rpartition(":")[2]
        for host, status in (
            (f"127.0.0.1:{port}", 200),
            ("localhost", 200),
            ("[::1]:80", 200),
            ("attacker.example", 403),
            ("127.0.0.1.attacker.example", 403),
            ("localhost.attacker.example:80", 403),
            ("192.0.2.1", 403),
        ):
            response = requests.get(f"{url}/v1/models", headers={"Host": host}, timeout=9)
            assert response.status_code == status, host
        assert "give the server a token" in response.json()["error"]["message"]


@pytest.mark.parametrize(("host", "expected"), [("127.8.9.1", True), ("::1", True), ("LOCALHOST.", True), ("", False)])
def test_names_of_this_machine(host, expected):
    assert is_loopback(host) is expected


def test_a_trailing_slash_is_no_redirect_to_a_host_that_the_client_named():
    with serving() as url:
        response = requests.get(f"{url}/v1/models/", timeout=9, allow_redirects=False)
        assert response.status_code == 404


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ("two words", "holds no token"), ("t\u00f6ken", "holds no token"), (None, "can't be read")],
)
def test_a_token_file_that_holds_none_is_refused_in_one_line(tmp_path, content, message):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with start("--token-file", str(file)) as process:
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.count("\n")) == (2, 1)
    assert message in errors
    assert "words" not in errors


def test_a_token_on_the_command_line_is_refused_and_not_repeated():
    for arguments in (["--token", "hunter2"], ["--token=hunter2"], ["--tok", "hunter2"], ["hunter2"]):
        with start(*arguments) as process:
            out, errors = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "hunter2" not in out + errors
        assert errors.count("\n") == 1


def test_wrong_limits_are_refused_in_one_line():
    for arguments in (["--queue", "-1"], ["--timeout", "0"], ["--max-body", "nan"], ["--concurrency", "0"]):
        with start(*arguments) as process:
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors.count("\n")) == (2, 1)
        assert f"argument {arguments[0]}" in errors


def test_a_server_with_a_token_file_lets_its_owner_in_and_logs_neither_token_nor_prompt(directory, tmp_path):  # noqa: F811
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    arguments = ("--model", str(directory), "--token-file", str(file), "--log", "requests", "--host", "0.0.0.0")
    with start(*arguments, CWM_TOKEN="from-the-environment") as process:
        url = f"http://127.0.0.1:{ready(process)['port']}"
        assert ask(url, "from-the-environment").status_code == 401
        assert ask(url, "from-a-file", prompt=[7, 7, 7, 7]).status_code == 200
        assert ask(url, "from-a-file", prompt=["secret prompt"]).status_code == 400
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert "/v1/completions 200 in" in errors
    assert "/v1/completions 401 in" in errors
    for word in ("from-a-file", "from-the-environment", "secret", "7, 7"):
        assert word not in errors


def test_prompts_are_logged_when_asked_for(directory):  # noqa: F811
    with start("--model", str(directory), "--log", "prompts") as process:
        url = f"http://127.0.0.1:{ready(process)['port']}"
        assert ask(url, prompt=[21, 21]).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert "cwm_server.prompts: prompt: " in errors


# How much.


def test_what_is_too_large_is_refused_before_anything_is_made_of_it():
    with serving(tokens=40, sequences=4) as url:
        for fields, param in (
            ({"prompt": [1] * 39}, "prompt"),
            ({"prompt": [1] * 10, "max_tokens": 31}, "prompt"),
            ({"prompt": [[1]] * 5}, "prompt"),
            ({"prompt": [1], "n": 5, "temperature": 1}, "n"),
            ({"prompt": [1] * 10, "n": 4, "temperature": 1, "max_tokens": 1}, "prompt"),
        ):
            response = ask(url, **fields)
            assert response.status_code == 400
            assert response.json()["error"]["param"] == param
            assert "at once" in response.json()["error"]["message"]
        assert ask(url, prompt=[1] * 38).status_code == 200


def test_what_is_named_by_an_earlier_answer_counts_as_well():
    with serving(tokens=100) as url:
        first = ask(url, prompt=[1] * 30).json()["id"]
        response = ask(url, prompt=[[2]] * 4, after={"id": first, "lengths": [30] * 4})
        assert response.status_code == 400
        assert "132 tokens in all, 100 are taken" in response.json()["error"]["message"]


def test_the_history_forgets_by_tokens_as_well_as_by_requests():
    history = History(kept=3, tokens=10)
    for name in "abc":
        history.add(name, [1, 2], [3])
    request = parse_request(b'{"prompt": [], "after": {"id": "a", "lengths": [2]}}')
    assert history.completed(request).prompts == [[1, 2]]  # and now it is the newest
    history.add("d", [4] * 5, [])
    with pytest.raises(RequestError, match="'b' is not kept"):
        history.completed(parse_request(b'{"prompt": [], "after": {"id": "b", "lengths": [1]}}'))
    history.add("huge", [5] * 50, [])
    with pytest.raises(RequestError, match="'huge' is not kept"):
        history.completed(parse_request(b'{"prompt": [], "after": {"id": "huge", "lengths": [1]}}'))
    assert request.after == After("a", [2], [0])


# How many, how long.


def test_requests_beyond_the_queue_come_back_later_and_those_in_it_are_answered():
    engine = SlowEngine()
    with serving(engine, running=1, queue=1) as url:
        answers: list[int] = []
        with waiting_client(url, engine):
            queued = threading.Thread(target=lambda: answers.append(ask(url).status_code))
            queued.start()
            until(lambda: "cwm_requests_waiting 1.0" in requests.get(f"{url}/metrics", timeout=9).text)
            refused = ask(url)
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["Retry-After"]) <= 60
            assert "come back in" in refused.json()["error"]["message"]
        queued.join(30)
        assert answers == [200]


def test_a_client_that_leaves_the_queue_makes_room_in_it():
    engine = SlowEngine()
    with serving(engine, running=1, queue=1) as url, waiting_client(url, engine):
        other = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        other.request("POST", "/v1/completions", json.dumps({"prompt": [2]}), JSON)
        until(lambda: "cwm_requests_waiting 1.0" in requests.get(f"{url}/metrics", timeout=9).text)
        other.close()
        until(lambda: "cwm_requests_waiting 0.0" in requests.get(f"{url}/metrics", timeout=9).text)


class Endless(Engine):
    """Generates as long as it may, slowly; counts the steps."""

    steps = 0

    def generating(self, prompts, **named):
        steps = super().generating(prompts, **{**named, "stop": frozenset()})
        said = None
        try:
            while True:
                said = yield steps.send(said)
                self.steps += 1
                time.sleep(0.01)
        except StopIteration as done:
            return done.value


def test_a_request_that_takes_too_long_is_ended_with_504():
    engine = Endless(MODEL)
    with serving(engine, seconds=0.2) as url:
        response = ask(url, max_tokens=120)
        assert response.status_code == 504
        assert "took longer than 0.2 s" in response.json()["error"]["message"]
        done = engine.steps
        assert ask(url, max_tokens=2).status_code == 200
        assert done < 100


def test_a_long_generation_stops_at_the_next_token_when_its_client_has_gone():
    engine = Endless(MODEL, guessing=False)
    with serving(engine) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        connection.request("POST", "/v1/completions", json.dumps({"prompt": [1], "max_tokens": 120}), JSON)
        until(lambda: engine.steps > 10)
        connection.close()
        until(lambda: "cwm_cancelled_requests_total 1.0" in requests.get(f"{url}/metrics", timeout=9).text)
        steps = engine.steps
        assert steps < 110
        time.sleep(0.1)
        assert engine.steps == steps


def test_a_short_request_does_not_wait_for_the_end_of_a_long_one():
    engine = Endless(MODEL, guessing=False)
    with serving(engine) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        connection.request("POST", "/v1/completions", json.dumps({"prompt": [1], "max_tokens": 120}), JSON)
        until(lambda: engine.steps > 5)
        assert ask(url).status_code == 200
        assert engine.steps < 115
        assert connection.getresponse().status == 200
        connection.close()


def test_a_stuck_engine_is_reported_by_health(monkeypatch):
    monkeypatch.setattr("cwm_server.serving.pool._GRACE", 0.1)
    hang = threading.Event()

    class Stuck(Engine):
        def generating(self, prompts, **named):
            hang.wait(30)
            return (yield from super().generating(prompts, **named))

    with serving(Stuck(MODEL), seconds=0.1) as url:
        try:
            assert ask(url).status_code == 504
            until(lambda: requests.get(f"{url}/health", timeout=9).status_code == 503)
        finally:
            hang.set()
        until(lambda: requests.get(f"{url}/health", timeout=9).status_code == 200)
        assert ask(url).status_code in (200, 504)


# The end.


def test_sigterm_lets_what_is_under_way_finish_and_takes_nothing_new(directory):  # noqa: F811
    with start("--model", str(directory)) as process:
        address = ("127.0.0.1", int(str(ready(process)["port"])))
        body = json.dumps({"prompt": [1], "max_tokens": 100}).encode()
        head = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with socket.create_connection(address) as client:
            client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            until(lambda: refuses(address))
            client.sendall(body[10:])
            answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"finish_reason":' in answer
        _, errors = process.communicate(timeout=20)
        assert errors == ""


def refuses(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) != 0


def test_sigterm_waits_no_longer_than_it_is_told(directory):  # noqa: F811
    with start("--model", str(directory), "--drain", "1") as process:
        address = ("127.0.0.1", int(str(ready(process)["port"])))
        with socket.create_connection(address) as client:
            client.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            client.sendall(b"Content-Length: 100\r\n\r\n{")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            process.wait(15)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at Linux' processes")
def test_no_server_outlives_a_pytest_that_is_killed(tmp_path, directory):  # noqa: F811
    """A real pytest, in whose recorded tests the embedded server is at work."""
    (tmp_path / "test_it.py").write_text(
        "import time, pytest\n\n\ndef f(n):\n    return n + 1\n\n\n"
        "@pytest.mark.cwm_start\n@pytest.mark.parametrize('n', range(200))\ndef test_f(n):\n    assert f(n) > n\n"
        "    time.sleep(0.3)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--cwm-trace", "-p", "no:cacheprovider", str(tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as suite:
        try:
            until(lambda: any(b"cwm_server.serve" in line for line in children(suite.pid).values()), 60)
            (server,) = (pid for pid, line in children(suite.pid).items() if b"cwm_server.serve" in line)
            time.sleep(1.0)
        finally:
            suite.kill()
        suite.wait(10)
        until(lambda: not os.path.isdir(f"/proc/{server}"), 20)


def children(parent: int) -> dict[int, bytes]:
    """The command lines of a process' children."""
    found = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if int(Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[1]) == parent:
                found[int(name)] = Path("/proc", name, "cmdline").read_bytes()
    return found
