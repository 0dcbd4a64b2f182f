"""Servers that fail or say nonsense: tests keep their outcomes, the summary says what is missing and why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sample_suite import SUITE

pytest.importorskip("sentencepiece", reason="the tokenizer of the embedded model needs it")


class _Failing(BaseHTTPRequestHandler):
    status, body = 500, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(params=[(500, b"{}"), (200, b"<html>not a model</html>"), (404, b"")], ids=["500", "garbage", "404"])
def failing_server(request: pytest.FixtureRequest) -> Iterator[str]:
    status, body = request.param
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_Failing,), {"status": status, "body": body}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def assert_outcomes_kept(pytester: pytest.Pytester, url: str) -> None:
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    result = pytester.runpytest("--cwm-trace", f"--cwm-server={url}", "-k", "test_add")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    text = " ".join(result.stdout.str().split())
    assert "predictions are missing" in text
    assert "Traceback" not in text


def test_plain_http_to_another_machine_is_refused_unless_it_is_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\npythonpath = .\n")
    refused = pytester.runpytest("--cwm-trace", "--cwm-server=http://gpu.invalid:8000", "-k", "test_add")
    refused.assert_outcomes(passed=1)
    text = " ".join(refused.stdout.str().split())
    assert "http://gpu.invalid:8000 is another machine and not encrypted: use https, a tunnel" in text
    allowed = pytester.runpytest(
        "--cwm-trace", "--cwm-server=http://gpu.invalid:8000", "-k", "test_add", "--cwm-allow-http"
    )
    assert "gpu.invalid:8000 can't be reached" in " ".join(allowed.stdout.str().split())


def test_a_server_that_fails_costs_predictions_and_no_outcome(pytester: pytest.Pytester, failing_server: str) -> None:
    assert_outcomes_kept(pytester, failing_server)


def test_a_server_that_is_not_there_costs_predictions_and_no_outcome(pytester: pytest.Pytester) -> None:
    assert_outcomes_kept(pytester, "http://127.0.0.1:9")
