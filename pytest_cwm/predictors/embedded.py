"""The embedded model: a child process that serves it on loopback, started once and ended with its predictor.

numpy is imported in the child only. The child ends when this process does, however that comes about.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO

from cwm_server.tokenizer import EMBEDDED, TokenizerError, load_tokenizer
from pytest_cwm.predictors.base import PredictionError, Sampling
from pytest_cwm.predictors.completions import TokenPredictor
from pytest_cwm.predictors.http import JsonClient, Timeouts
from pytest_cwm.predictors.openai import OpenAITransport
from pytest_cwm.predictors.transport import Constraint, Generated, ModelInfo, TokenScore

NAME = "cwm-embedded"
_NEEDED = ("numpy", "sentencepiece", "safetensors", "starlette", "uvicorn", "prometheus_client")
# A debugger, a profiler or coverage of the tests is not meant for the server.
_NOT_INHERITED = ("COV_CORE_", "COVERAGE_", "PYTEST_", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONPROFILEIMPORTTIME")


class EmbeddedPredictor(TokenPredictor):
    """Starts the server at once and waits for it at the first question. `directory` is another model's.

    It decodes under a constraint unless told not to (`constrain`). Raises PredictionError when it can't work at all:
    numpy or the weights are missing.
    """

    def __init__(
        self, directory: str | Path | None = None, *, start_timeout: float = 60.0, constrain: bool = True
    ) -> None:
        path = Path(directory) if directory is not None else EMBEDDED
        _check_installed()
        if not (path / "config.json").is_file():
            raise PredictionError(
                f"{path} holds no model (no config.json): "
                + ("name the directory of one" if directory is not None else "install pytest-cwm from a wheel")
                + ", or name a server with --cwm-server URL"
            )
        try:
            tokenizer = load_tokenizer(path)
        except TokenizerError as error:
            raise PredictionError(str(error)) from None
        name = NAME if directory is None else path.resolve().name
        super().__init__(_ChildTransport(path, name, start_timeout), tokenizer, name=name, constrain=constrain)


class _ChildTransport:
    """A transport to a server process of our own."""

    can_score = True

    def __init__(self, directory: Path, name: str, timeout: float) -> None:
        self._token = secrets.token_urlsafe(24)
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._lock = threading.Lock()
        self._remote: OpenAITransport | None = None
        self._failure: str | None = None
        self._line: bytes | None = None
        self._listening = threading.Event()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._process = _start(directory, name, self._token, self._errors)
        self._reader = threading.Thread(target=self._read_line, name="cwm-embedded", daemon=True)
        self._reader.start()

    def model(self) -> ModelInfo:
        return self._ready().model()

    def probe(self) -> None:
        """Our own server need not be asked."""

    def score(self, ids: Sequence[int], start: int = 1, constraint: Constraint | None = None) -> list[TokenScore]:
        return self._ready().score(ids, start, constraint)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Collection[int],
        sampling: Sampling,
        constraint: Constraint | None = None,
        draft: Sequence[int] = (),
    ) -> list[Generated]:
        return self._ready().generate(
            prompts, max_tokens=max_tokens, stop=stop, sampling=sampling, constraint=constraint, draft=draft
        )

    def close(self) -> None:
        process = self._process
        self._failure = self._failure or "the embedded model was shut down"
        if self._remote is not None:
            self._remote.close()
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._listening.set()
        self._reader.join(2)
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _read_line(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            self._line = self._process.stdout.readline()
        self._listening.set()

    def _ready(self) -> OpenAITransport:
        """Wait for the server to listen; a failure is final."""
        with self._lock:
            if self._failure is None and self._process.poll() is not None:
                self._failure = self._died()
            if self._failure is None and self._remote is None:
                self._connect()
            if self._failure is not None:
                raise PredictionError(self._failure)
            assert self._remote is not None
            return self._remote

    def _connect(self) -> None:
        if not self._listening.wait(max(0.0, self._deadline - time.monotonic())):
            self._failure = f"the embedded model did not start within {self._timeout:g} s{self._tail()}"
            self._process.kill()
            return
        try:
            port = int(json.loads(self._line or b"")["port"])
        except (ValueError, KeyError, TypeError):
            if self._failure is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(2)
                self._failure = self._died()
            return
        # A model on a busy laptop may take its time; its death shows as a closed connection at once.
        client = JsonClient(f"http://127.0.0.1:{port}", token=self._token, timeouts=Timeouts(read=300.0, quick=60.0))
        self._remote = OpenAITransport(client)

    def _died(self) -> str:
        return f"the embedded model's process ended (exit code {self._process.poll()}){self._tail()}"

    def _tail(self) -> str:
        """The last line of its stderr."""
        with contextlib.suppress(OSError, ValueError):
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 2000))
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            if lines:
                return f": {lines[-1].strip()[:300]}"
        return ""


def _check_installed() -> None:
    for package in _NEEDED:
        if importlib.util.find_spec(package) is None:
            raise PredictionError(
                f'the embedded model needs {package}: pip install "pytest-cwm[embedded]", '
                "or name a server with --cwm-server URL"
            )


def _start(directory: Path, name: str, token: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cwm_server.serve", "--model", str(directory.resolve()), "--name", name]
    command.append("--die-with-parent")
    roots = [_root("cwm_server"), _root("cwm_tracer")]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
    environment["CWM_TOKEN"] = token
    paths = [*roots, *map(os.path.abspath, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            # `-m` puts the working directory first on the path: a user's own module must not stand in for one of ours.
            cwd=roots[0],
            # Ctrl-C is for the tests; they still want their report.
            start_new_session=True,
        )
    except OSError as error:
        raise PredictionError(f"the embedded model's process can't be started: {error}") from None


def _root(package: str) -> str:
    """The directory that `package` is imported from."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return str(Path(next(iter(spec.submodule_search_locations))).resolve().parent)
