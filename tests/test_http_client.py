"""Servers that are dead, slow, broken or far away: one clear line for each, in seconds; nothing goes in the open."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from pytest_cwm.predictors.base import PredictionError
from pytest_cwm.predictors.breaker import Breaker
from pytest_cwm.predictors.http import JsonClient, RefusedError, Timeouts
from serving import Call, Reply, answering

HTTP = re.compile(rb"(?s).*\r\n\r\n\{\}$")  # a request whose body is an empty object, from end to end
QUICK = Timeouts(connect=10, read=10, retry=0.01, quick=10, patience=0.5)  # a loaded machine may be slow
SHORT = Timeouts(connect=10, read=0.4, retry=0.01, whole=1.0, quick=0.3, patience=0.5)  # where waiting must end


def failure_of(ask: Callable[[], object]) -> str:
    with pytest.raises(PredictionError) as caught:
        ask()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


def whole_request(connection: socket.socket) -> bytes:
    """What a client sends, HTTP to its last byte: one that still sends when the other side goes sees another error."""
    got = connection.recv(1 << 16)
    while got.startswith(b"POST") and not HTTP.match(got) and (more := connection.recv(1 << 16)):
        got += more
    return got


@contextlib.contextmanager
def speaking(*pieces: bytes, pause: float = 0.0, then: str = "close") -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends raw bytes with pauses, whatever it is asked, then closes, resets or hangs."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []
    released = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            asked.append(whole_request(connection))
            for piece in pieces:
                connection.sendall(piece)
                released.wait(pause)
            if then == "hang":
                released.wait(20)
            elif then == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        released.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


# -- what goes wrong is said in one line, and what may be mended is tried again


@pytest.mark.parametrize(
    ("pieces", "then", "message", "tries"),
    [
        ((), "close", "can't be reached: Remote end closed connection without response", 4),
        ((), "reset", "can't be reached: Connection reset by peer", 4),
        ((HEAD + b'{"a": ',), "close", "broke off in the middle of its answer", 4),
        ((HEAD + b'{"a": ',), "reset", "broke off in the middle of its answer", 4),
        ((CHUNKED + b"5\r\n{",), "close", "broke off in the middle of its answer", 4),
        ((CHUNKED + b"zz\r\n{",), "close", "broke off in the middle of its answer", 4),
        ((b"SSH-2.0-OpenSSH_9.7\r\n",), "close", "can't be reached: ", 4),
        ((), "hang", "did not answer within 0.4 s", 1),
        ((HEAD[:20],), "hang", "did not answer within 0.4 s", 1),
        ((HEAD + b'{"a": ',), "hang", "stopped in the middle of its answer for 0.4 s", 1),
    ],
)
def test_a_broken_connection_is_named_and_tried_again_unless_it_was_too_slow(pieces, then, message, tries):
    with speaking(*pieces, then=then) as (url, asked):
        client = JsonClient(url, timeouts=SHORT if then == "hang" else QUICK)
        began = time.monotonic()
        failure = failure_of(lambda: client.post("/x", {}))
        took = time.monotonic() - began
        client.close()
    assert failure.startswith(f"the model server at {url} ")
    assert message in failure
    assert len([request for request in asked if request.startswith(b"POST")]) == tries
    assert took < 10


def test_an_answer_that_trickles_for_ever_has_an_end():
    with speaking(CHUNKED, *[b"1\r\n \r\n"] * 100, pause=0.1) as (url, _):
        client = JsonClient(url, timeouts=SHORT)
        began = time.monotonic()
        failure = failure_of(lambda: client.post("/x", {}))
        client.close()
    assert failure.endswith("did not finish its answer within 1 s")
    assert time.monotonic() - began < 10


def test_an_answer_without_end_is_not_kept(monkeypatch):
    monkeypatch.setattr("pytest_cwm.predictors.http._LARGEST", 1 << 20)
    with answering(lambda call: Reply(b"[" * (3 << 20))) as (url, _):
        assert "answers without end: " in failure_of(lambda: JsonClient(url).post("/x", {}))


def test_a_slow_answer_within_the_limits_is_waited_for():
    with speaking(HEAD + b'{"a": ', b'"' + b"x" * 91, b'"}', pause=0.2) as (url, _):
        assert JsonClient(url, timeouts=QUICK).post("/x", {}) == {"a": "x" * 91}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply({"error": {"message": "CUDA out of memory"}}, 500), "answered HTTP 500: CUDA out of memory"),
        (Reply(b"<html><h1>Bad\ngateway</h1></html>", 502), "answered HTTP 502: <html><h1>Bad gateway</h1></html>"),
        (Reply({"error": {"message": "too long"}}, 400), "answered HTTP 400: too long"),
        (Reply({}, 403), "refused the token (HTTP 403): set the right one in CWM_TOKEN"),
        (Reply({}, 307, headers={"Location": "http://127.0.0.1:9/"}), "answered with a redirection (HTTP 307)"),
        (Reply({"error": "come later"}, 429), "answered HTTP 429: come later"),
        (Reply({"error": "full"}, 429, headers={"Retry-After": "3600"}), "full (it asks to come back in 3600 s)"),
        (Reply(b"<html>hello</html>"), "gave a wrong answer: not JSON but '<html>hello</html>'; is it the right kind"),
        (Reply(b"[" * 100_000), "gave a wrong answer: not JSON but '[[[["),
        (Reply(b""), "gave a wrong answer: not JSON but ''"),
    ],
)
def test_what_a_moment_does_not_mend_is_asked_once(reply, message):
    with answering(lambda call: reply) as (url, calls):
        failure = failure_of(lambda: JsonClient(url, timeouts=QUICK).post("/x", {}))
    assert message in failure
    assert len([call for call in calls if call.method == "POST"]) == 1


def test_a_busy_server_is_asked_again_when_it_says():
    replies = [Reply({}, 503), Reply({}, 429, headers={"Retry-After": "0.2"}), Reply({"a": 1})]
    times: list[float] = []
    with answering(lambda call: times.append(time.monotonic()) or replies.pop(0)) as (url, _):
        assert JsonClient(url, timeouts=QUICK).post("/x", {}) == {"a": 1}
    assert times[2] - times[1] >= 0.2


def test_patience_with_a_busy_server_ends():
    with answering(lambda call: Reply({"error": "the queue is full"}, 429, headers={"Retry-After": "0.1"})) as (
        url,
        calls,
    ):
        began = time.monotonic()
        failure = failure_of(lambda: JsonClient(url, timeouts=QUICK).post("/x", {}))
        assert time.monotonic() - began < 10
    assert failure.endswith("answered HTTP 429: the queue is full")
    assert 3 <= len([call for call in calls if call.method == "POST"]) <= 6


def test_a_name_that_nobody_knows_is_asked_for_once(monkeypatch):
    asked: list[object] = []

    def unknown(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = JsonClient("https://no-such-host.invalid", timeouts=QUICK)
    failure = failure_of(lambda: client.post("/x", {}))
    assert failure.startswith("the model server at https://no-such-host.invalid can't be reached: ")
    assert len(asked) == 2  # once, and once whether anything lives there


# -- a dead server costs a run seconds


def test_a_server_that_died_costs_one_failure_and_no_more():
    release = threading.Event()
    alive = [True]

    def answer(call: Call) -> Reply:
        return Reply({"a": 1}) if alive else Reply({}, then=lambda: release.wait(20))

    with answering(answer) as (url, calls):
        client = JsonClient(url, timeouts=replace(SHORT, read=1.0))
        assert client.post("/x", {}) == {"a": 1}
        alive.clear()
        began = time.monotonic()
        failures = {failure_of(lambda: client.post("/x", {})) for _ in range(200)}
        took = time.monotonic() - began
        client.close()
        release.set()
    assert failures == {f"the model server at {url} did not answer within 1 s"}
    assert [call.path for call in calls] == ["/x", "/x", "/health"]
    assert took < 10


def test_a_server_that_hangs_up_on_everybody_counts_as_dead():
    with speaking() as (url, asked):
        client = JsonClient(url, timeouts=QUICK)
        for _ in range(10):
            failure_of(lambda: client.post("/x", {}))
        client.close()
    # It does not even answer whether it lives.
    assert len([request for request in asked if request.startswith(b"POST")]) == 4


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_breaker_opens_rests_asks_and_closes():
    clock, lives = Clock(), [False]
    asked: list[float] = []
    breaker = Breaker(lambda: asked.append(clock.now) or lives[0], clock)
    breaker.failed("gone")
    assert breaker.reason() == "gone"
    clock.now = 29
    assert (breaker.reason(), asked) == ("gone", [0.0])
    clock.now = 31
    assert (breaker.reason(), breaker.reason(), asked) == ("gone", "gone", [0.0, 31])
    clock.now = 62  # its rest has doubled
    assert (breaker.reason(), len(asked)) == ("gone", 2)
    lives[0], clock.now = True, 92
    assert (breaker.reason(), len(asked)) == (None, 3)
    breaker.failed("gone again")  # one failure more, and it is open again
    assert breaker.reason() == "gone"
    clock.now = 1000
    assert breaker.reason() is None
    breaker.succeeded()
    breaker.failed("once")
    assert breaker.reason() is None


def test_two_failures_in_a_row_open_it_though_the_server_lives():
    breaker = Breaker(lambda: True)
    breaker.failed("first")
    assert breaker.reason() is None
    breaker.succeeded()
    breaker.failed("second")
    assert breaker.reason() is None
    breaker.failed("third")
    assert breaker.reason() == "second"


def test_errors_that_are_answers_do_not_open_it():
    with answering(lambda call: Reply({}, 500)) as (url, calls):
        client = JsonClient(url, timeouts=QUICK)
        for _ in range(5):
            with pytest.raises(RefusedError):
                client.post("/x", {})
    assert len(calls) == 5


def test_a_request_under_way_ends_when_the_client_is_closed():
    with answering(lambda call: Reply({}, 503, headers={"Retry-After": "20"})) as (url, _):
        client = JsonClient(url, timeouts=Timeouts(patience=60))
        threading.Timer(0.3, client.close).start()
        began = time.monotonic()
        assert failure_of(lambda: client.post("/x", {})).endswith("was closed")
        assert time.monotonic() - began < 10


# -- where it may go


@pytest.mark.parametrize(
    "url", ["http://gpu", "http://10.0.0.3:8000/v1", "http://localhost.evil.org", "http://[fd00::1]"]
)
def test_plain_http_to_another_machine_is_refused_unless_allowed(url):
    failure = failure_of(lambda: JsonClient(url))
    assert "is another machine and not encrypted" in failure
    assert "--cwm-allow-http" in failure
    JsonClient(url, allow_http=True)
    JsonClient(url.replace("http:", "https:"))


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.3.2.1", "http://[::1]:80", "http://me.localhost"])
def test_plain_http_to_this_machine_is_allowed(url):
    JsonClient(url)


@pytest.mark.parametrize("url", ["gpu:8000", "ftp://gpu", "http://", "http://gpu:port", "http://[::1", ""])
def test_what_is_no_url_is_named(url):
    assert failure_of(lambda: JsonClient(url)) == f"{url!r} is no URL of a server: write http://HOST:PORT"


def test_a_proxy_of_the_environment_is_used_for_another_machine_and_named_when_it_fails(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with answering(lambda call: Reply({"by": call.path})) as (proxy, calls):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        client = JsonClient("http://gpu.invalid:8000", token="s3cret", allow_http=True, timeouts=QUICK)
        assert client.post("/x", {}) == {"by": "http://gpu.invalid:8000/x"}
        assert calls[0].headers["Authorization"] == "Bearer s3cret"
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    failure = failure_of(lambda: JsonClient("http://gpu.invalid", allow_http=True, timeouts=QUICK).post("/x", {}))
    assert failure.startswith("the model server at http://gpu.invalid can't be reached through the proxy of HTTP_PROXY")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    command += " -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def speaking_tls(folder) -> Iterator[str]:
    body = json.dumps({"a": 1}).encode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                whole_request(secure)
                secure.sendall(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                )

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"https://localhost:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_a_certificate_is_trusted_by_the_usual_variable_alone(certificate, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with speaking_tls(certificate) as url:
        failure = failure_of(lambda: JsonClient(url, timeouts=QUICK).post("/x", {}))
        assert failure.startswith(
            f"the certificate of the model server at {url} is not trusted: self-signed certificate"
        )
        assert failure.endswith("name the authority's file in REQUESTS_CA_BUNDLE")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
        assert JsonClient(url, timeouts=QUICK).post("/x", {}) == {"a": 1}


def test_a_server_that_speaks_no_tls_is_said_to():
    with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (url, _):
        failure = failure_of(lambda: JsonClient(url.replace("http", "https"), timeouts=QUICK).post("/x", {}))
    assert "can't be reached: no TLS: " in failure
