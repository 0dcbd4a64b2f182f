"""debugpy, which VS Code debugs with: its breakpoints work in recorded tests, and the trace goes on behind them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from typing import Any

import pytest

pytest.importorskip("debugpy")

TESTS = """
def total(n):
    result = 0
    for i in range(n):
        result += i
    return result

def test_it():
    assert total(2) == 1
"""


class Client:
    """As much of the Debug Adapter Protocol as stops at breakpoints and evaluates there."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._sent = 0

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def ask(self, command: str, until: str = "", **arguments: Any) -> Any:
        """Send a request; the body of its response, or of the first event `until`."""
        self._sent += 1
        request = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        data = json.dumps(request).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        while True:
            message = self._read()
            if (message.get("event") if until else message.get("command")) == (until or command):
                return message.get("body")

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._file.readline().strip():
            length = int(line.partition(b":")[2])
        assert length, "debugpy has closed the connection"
        message: dict[str, Any] = json.loads(self._file.read(length))
        return message


def test_breakpoints_work_and_the_trace_goes_on_behind_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    path = str(pytester.makepyfile(test_suite=TESTS))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{port}"]
    command += ["--wait-for-client", "-m", "pytest", "-p", "pytest_cwm.plugin", "-s"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    with (pytester.path / "output").open("w") as output:
        process = subprocess.Popen(
            [*command, "--cwm-all", "--cwm-mode=none", "--cwm-report=out.json"],
            cwd=pytester.path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            with closing(connected(port, process)) as client:
                seen = stop_twice(client, path)
                code = process.wait(120)
        finally:
            process.kill()
            process.wait()
    said = (pytester.path / "output").read_text()
    assert seen == ["(3, 0)", "(3, 0)"]
    assert code == 0, said
    assert "PYDEV DEBUGGER WARNING" not in said
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert test["trace"]["meta"]["ending"] == "returned"
    assert len(test["trace"]["frames"]) == 12  # what was evaluated is not among them


def connected(port: int, process: subprocess.Popen[bytes]) -> Client:
    """A client, as soon as debugpy listens."""
    while True:
        assert process.poll() is None, "debugpy has ended"
        try:
            return Client(socket.create_connection(("127.0.0.1", port), timeout=120))
        except OSError:
            time.sleep(0.1)


def stop_twice(client: Client, path: str) -> list[str]:
    """Stop in the loop at each pass, and evaluate a call of the user's code there; the results."""
    client.ask("initialize", adapterID="debugpy", pathFormat="path")
    client.ask("attach", until="initialized", justMyCode=False)
    client.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": 4}])
    stopped = client.ask("configurationDone", until="stopped")
    seen = []
    for _ in range(2):
        thread = stopped["threadId"]
        (frame, *_) = client.ask("stackTrace", threadId=thread, levels=1)["stackFrames"]
        seen.append(client.ask("evaluate", expression="total(3), result", frameId=frame["id"])["result"])
        if len(seen) < 2:
            stopped = client.ask("continue", until="stopped", threadId=thread)
    client.ask("setBreakpoints", source={"path": path}, breakpoints=[])
    client.ask("continue", threadId=thread)
    return seen
