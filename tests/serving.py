"""Local HTTP servers for tests: the real application in a thread, and one that answers whatever it is told to."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextlib.contextmanager
def running(app: Any, limits: Any = None) -> Iterator[str]:
    """Serve an ASGI application on loopback as `cwm serve` does; yields its URL."""
    import socket

    import uvicorn

    from cwm_server.serving.connections import protocol
    from cwm_server.serving.limits import Limits

    listener = socket.create_server(("127.0.0.1", 0))
    http = protocol(limits or Limits())
    server = uvicorn.Server(uvicorn.Config(app, http=http, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


class Reply:
    """What to send: a JSON value or raw bytes; `then` runs before it is sent, `cut` sends half of it and hangs up."""

    def __init__(
        self,
        value: object = None,
        status: int = 200,
        *,
        headers: dict[str, str] | None = None,
        then: Callable[[], object] | None = None,
        cut: bool = False,
    ) -> None:
        self.body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.status = status
        self.headers = headers or {}
        self.then = then
        self.cut = cut


class Call:
    """A request as it came in."""

    def __init__(self, method: str, path: str, headers: Any, body: bytes) -> None:
        self.method, self.path, self.headers = method, path, headers
        self.json = json.loads(body) if body else None


@contextlib.contextmanager
def answering(answer: Callable[[Call], Reply]) -> Iterator[tuple[str, list[Call]]]:
    """A server that sends what `answer` gives; yields its URL and the list of calls it gets."""
    calls: list[Call] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are written apart: the second waited 40 ms

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = Call(self.command, self.path, self.headers, body)
            calls.append(call)
            reply = answer(call)
            if reply.then is not None:
                reply.then()
            with contextlib.suppress(OSError):
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
            self.close_connection = reply.cut

        do_GET = do_POST = respond

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
