"""What comes over the wire and should not: the server answers in one line, or hangs up, and goes on serving."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("uvicorn")
requests = pytest.importorskip("requests")

from cwm_server.api import Limits, create_app  # noqa: E402
from cwm_server.engine import Engine  # noqa: E402
from serving import running  # noqa: E402
from test_engine import MODEL  # noqa: E402

JSON = {"Content-Type": "application/json"}
BODY = json.dumps({"prompt": [3, 1, 4], "max_tokens": 2, "temperature": 0}).encode()
HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
PATIENCE = 0.5


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    limits = Limits(body=10_000, patience=PATIENCE, connections=40)
    with running(create_app(Engine(MODEL), "tiny", limits=limits), limits) as address:
        yield address


@pytest.fixture(autouse=True)
def still_serving(url: str, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test has sent, the next request is answered, and no traceback was logged."""
    yield
    response = requests.post(
        f"{url}/v1/completions", data=BODY, headers={"Content-Type": "application/json"}, timeout=9
    )
    assert response.status_code == 200
    assert not [record for record in caplog.records if record.exc_info]


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        yield client


def sent(url: str, *pieces: bytes, end: bool = True) -> bytes:
    """All that the server says to some pieces of bytes, until it hangs up."""
    with connected(url) as client:
        with contextlib.suppress(OSError):
            for piece in pieces:
                client.sendall(piece)
            if end:
                client.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(1 << 16):
                said += piece
        return said


def refusal(said: bytes) -> tuple[int, str]:
    """The status and the one line of an answer."""
    head, _, body = said.partition(b"\r\n\r\n")
    message = json.loads(body)["error"]["message"]
    assert "\n" not in message
    return int(head.split(b" ", 2)[1]), message


@pytest.mark.parametrize(
    ("wire", "status", "message"),
    [
        (b"garbage\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "no HTTP/1.1 request"),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400, "no HTTP/1.1 request"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400, "no HTTP/1.1 request"),
        (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{", 413, "larger than 10000 bytes"),
        (HEAD + b"Content-Length: 10001\r\n\r\n{", 413, "larger than 10000 bytes"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, 431, "header is larger"),
        (b"DELETE /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405, "Method Not Allowed"),
        (b"GET /%00/../etc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404, "Not Found"),
    ],
)
def test_bad_http_gets_one_line_and_the_right_status(url, wire, status, message):
    told = refusal(sent(url, wire, end=False))
    assert told[0] == status
    assert message in told[1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"nul", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"prompt": [1], "temperature": NaN}', "NaN is no JSON number"),
        (b'{"prompt": [1], "temperature": -Infinity}', "-Infinity is no JSON number"),
        (b'{"prompt": [1], "temperature": 1e999}', "temperature: a number is expected"),
        (b'{"prompt": [' + b"9" * 5_000 + b"]}", "is not"),
        (b'{"prompt": [1e2]}', "list of token ids"),
        (b'{"prompt": [1], "seed": 9223372036854775808}', "seed: an integer from"),
        (b'{"prompt": [1], "max_tokens": 99999999999999999999}', "maximum context length"),
        (b'{"prompt": [1], "\\u0000\\ud800": 1}', "unknown field"),
        (b'{"prompt": [1], "' + b"k" * 5000 + b'": 1}', "unknown field"),
        (b"[" * 9_000, "not JSON"),
        (b'{"a":' * 1_900, "not JSON"),
    ],
)
def test_bad_json_gets_one_line_and_400(url, body, message):
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    status, said = refusal(sent(url, head, body, end=False))
    assert status == 400
    assert message in said
    assert len(said) < 600


def test_a_header_that_does_not_come_is_not_waited_for(url):
    began = time.monotonic()
    status, message = refusal(sent(url, b"GET /health HT", end=False))
    assert (status, message) == (408, "no complete header came in 0.5 s")
    assert PATIENCE <= time.monotonic() - began < 10


def test_a_connection_on_which_nothing_comes_is_closed(url):
    assert refusal(sent(url, end=False))[0] == 408


def test_a_slow_loris_is_not_kept_by_a_byte_now_and_then(url):
    """Neither on a new connection nor behind an answered request."""
    for first in (b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with connected(url) as client:
            if first:
                client.sendall(first)
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
            said = b""
            client.settimeout(0.1)
            while not said and time.monotonic() - began < 10:
                with contextlib.suppress(TimeoutError, ConnectionError):
                    client.sendall(b"G" if time.monotonic() - began < 0.1 else b"E")
                    said = client.recv(1 << 16)
            assert said.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("head", "status"),
    [(HEAD, 413), (HEAD.replace(b"application/json", b"text/plain"), 415), (b"no HTTP\r\n\r\n" + HEAD, 400)],
    ids=["too large", "another type", "no HTTP"],
)
def test_a_refusal_reaches_a_client_that_is_still_sending(url, head, status):
    body = bytes(4 << 20)  # more than the sockets' buffers hold
    with connected(url) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
        time.sleep(0.1)  # the refusal has been sent
        client.sendall(body)
        assert refusal(b"".join(iter(lambda: client.recv(1 << 16), b"")))[0] == status


def test_a_client_that_goes_on_sending_after_a_refusal_is_cut_off(url):
    began = time.monotonic()
    with connected(url) as client:
        client.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 20:
                client.sendall(bytes(1000))
                time.sleep(0.01)
    assert time.monotonic() - began < 10


def test_a_body_that_trickles_or_breaks_off_is_given_up(url):
    status, message = refusal(sent(url, HEAD + b"Content-Length: 100\r\n\r\n{", end=False))
    assert (status, message) == (408, "the body did not come in 0.5 s")
    sent(url, HEAD + b"Content-Length: 100\r\n\r\n{")
    sent(url, HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"pro\r\n', end=False)


def test_a_client_that_does_not_read_its_answers_is_cut_off(url):
    count = 3_000  # more than buffers hold
    with connected(url) as client:
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * count)
        before = -1.0
        while before != (before := answered(url)):
            time.sleep(2 * PATIENCE)
        assert 0 < before < count
        with contextlib.suppress(ConnectionError):
            while client.recv(1 << 20):  # the connection has an end
                pass


def answered(url: str) -> float:
    """How often the document was asked for."""
    name = 'cwm_requests_total{route="/openapi.json",status="200"} '
    lines = requests.get(f"{url}/metrics", timeout=9).text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def test_more_connections_than_allowed_are_told_so(url):
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(connected(url))
            client.sendall(b"GET /health HTTP/1.1\r\n")
        status, message = refusal(sent(url, b"GET /health HTTP/1.1\r\n", end=False))
        assert (status, message) == (503, "40 connections are open already")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:  # until the server has seen that they are closed
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/health", timeout=9).ok:
                break


def test_those_beyond_twice_as_many_connections_are_cut_off_at_once():
    limits = Limits(connections=2, patience=9)
    with running(create_app(Engine(MODEL), "tiny", limits=limits), limits) as url, contextlib.ExitStack() as stack:
        said = []
        for _ in range(6):
            client = stack.enter_context(connected(url))
            client.sendall(b"GET /health HTTP/1.1\r\n")
            client.settimeout(0.5)
            try:
                said.append(client.recv(12))
            except TimeoutError:
                said.append(b"waits")
            except ConnectionError:
                said.append(b"")
    assert said == [b"waits"] * 2 + [b"HTTP/1.1 503"] * 2 + [b""] * 2


def test_pipelined_requests_are_answered_in_turn(url):
    said = sent(url, WHOLE * 3 + WHOLE.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1), end=False)
    assert said.count(b"HTTP/1.1 200") == 4


@pytest.mark.parametrize("seed", range(40))
def test_mutilated_requests_are_refused_or_answered(url, seed):
    """Bytes of a good request that are changed, doubled, dropped, cut off or sent in pieces."""
    chance = random.Random(seed)
    wire = bytearray(WHOLE.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1))
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(wire))
        length = chance.randrange(1, 12)
        kind = chance.randrange(4)
        if kind == 0:
            wire[place] = chance.randrange(256)
        elif kind == 1:
            wire[place:place] = wire[place : place + length] * chance.randrange(1, 4)
        elif kind == 2:
            del wire[place : place + length]
        else:
            del wire[max(1, place) :]
    cuts = sorted(chance.randrange(len(wire) + 1) for _ in range(3))
    pieces = [bytes(wire[start:end]) for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    said = sent(url, *pieces, end=chance.random() < 0.5)
    assert said == b"" or said.startswith(b"HTTP/1.1 ")
    for status in (500, 502):
        assert not said.startswith(b"HTTP/1.1 %d" % status)


# Faults behind the wire.


class Faulty(Engine):
    """Fails as its prompt's first token says."""

    def generating(self, prompts, **named):
        kind = prompts[0][0]
        if kind == 10:
            raise RuntimeError(f"CUDA error, prompt {prompts}")
        if kind == 11:
            raise MemoryError
        answers = yield from super().generating(prompts, **named)
        if kind == 12:
            answers[0].logprobs = [float("nan")] * len(answers[0].ids)
        if kind == 13:
            answers[0].ids = [999_999]
        if kind == 14:
            raise SystemExit(3)
        return answers


def test_what_an_engine_does_wrong_is_one_answer_and_no_end(caplog):
    with running(create_app(Faulty(MODEL), "tiny")) as url:

        def ask(first: int, **fields: object) -> requests.Response:
            body = {"prompt": [first, 2], "max_tokens": 2, "temperature": 0, **fields}
            return requests.post(f"{url}/v1/completions", json=body, timeout=20)

        for kind, name in ((10, "RuntimeError"), (11, "MemoryError"), (12, "ValueError"), (14, "RuntimeError")):
            response = ask(kind, logprobs=0)
            assert response.status_code == 500
            assert response.json()["error"]["message"] == f"the server failed: {name}"
            assert ask(1).status_code == 200
        assert ask(13).status_code == 200  # a padded vocabulary has more tokens than its tokenizer
        wrong = ask(1, model="other")
        overflow = ask(1, max_tokens=500)
        assert (wrong.status_code, overflow.status_code) == (404, 400)
        assert ask(1).status_code == 200
    assert "CUDA error" not in caplog.text
    assert "/v1/completions failed: RuntimeError at test_server_wire.py:" in caplog.text


def test_many_bad_clients_at_once_do_not_keep_a_good_one_from_its_answer(url):
    stop = threading.Event()

    def trouble(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            with contextlib.suppress(OSError):
                sent(url, chance.choice((b"\0" * 100, WHOLE[:-5], b"GET /", HEAD + b"Content-Length: 5\r\n\r\nabcde")))

    threads = [threading.Thread(target=trouble, args=(seed,), daemon=True) for seed in range(6)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            assert requests.post(f"{url}/v1/completions", data=BODY, headers=JSON, timeout=9).status_code == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
