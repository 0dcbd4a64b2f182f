"""JSON over HTTP with time limits, one retry, a circuit breaker, and one clear line for each way it can fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pytest_cwm.predictors.base import PredictionError

if TYPE_CHECKING:
    import requests

_FAILURES_TO_OPEN = 2
_LONGEST_WAIT = 5.0  # seconds; a server may ask for more in Retry-After


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, for an answer to begin, and before the one retry."""

    connect: float = 5.0
    read: float = 120.0
    retry: float = 0.5


class RefusedError(PredictionError):
    """The server answered with an HTTP status that is an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class JsonClient:
    """Talks to one server. All failures are `PredictionError`; the token is in no message.

    After two requests in a row that could not be delivered or were not answered in time, every later one fails at
    once with the first reason: a dead server costs a run seconds, not a timeout for each test.
    """

    def __init__(self, url: str, *, token: str | None = None, timeouts: Timeouts = Timeouts()) -> None:
        self.shown, self._root, self._loopback = _parse(url)
        self._token = token
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._failures: list[str] = []
        self._closed = threading.Event()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def get(self, path: str) -> Any:
        """The JSON value at `path`."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """The JSON answer to `body`. It may be sent twice: what is asked for changes nothing at the server."""
        return self._ask("POST", path, json.dumps(body).encode("ascii"))

    def close(self) -> None:
        """Close all connections; a request under way fails soon."""
        self._closed.set()
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def fault(self, what: str) -> PredictionError:
        """An error about an answer that has the wrong shape."""
        return PredictionError(f"{self.shown} gave a wrong answer: {what}; is it the right kind of server?")

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        from requests.exceptions import (
            ChunkedEncodingError,
            ConnectionError,
            ConnectTimeout,
            RequestException,
            Timeout,
        )

        self._check_usable()
        try:
            response, text = self._send_twice(method, path, body)
        except Timeout as error:
            if isinstance(error, ConnectTimeout):
                raise self._failed(
                    f"{self.shown} can't be reached: no connection in {self._timeouts.connect:g} s"
                ) from None
            raise self._failed(f"{self.shown} did not answer within {self._timeouts.read:g} s") from None
        except ChunkedEncodingError:
            raise self._failed(f"{self.shown} broke off in the middle of its answer") from None
        except ConnectionError as error:
            raise self._failed(f"{self.shown} can't be reached: {_reason(error)}") from None
        except (RequestException, ValueError) as error:
            raise self._failed(f"{self.shown} can't be asked: {_reason(error)}") from None
        with self._lock:
            self._failures.clear()
        if response.status_code != 200:
            raise RefusedError(self._clean(self._refusal(response.status_code, text)), response.status_code)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise self.fault(f"not JSON but {self._clean(_start(text))!r}") from None

    def _send_twice(self, method: str, path: str, body: bytes | None) -> tuple[requests.Response, str]:
        """Send, and once more after a moment when that may help."""
        from requests.exceptions import ChunkedEncodingError, ConnectionError, ReadTimeout

        try:
            response, text = self._send(method, path, body)
            if response.status_code not in (429, 503):
                return response, text
            wait = _seconds(response.headers.get("Retry-After"), self._timeouts.retry)
        except ReadTimeout:
            raise
        except (ConnectionError, ChunkedEncodingError):
            wait = self._timeouts.retry
        if self._closed.wait(min(wait, _LONGEST_WAIT)):
            self._check_usable()
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[requests.Response, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        response = self._session().request(
            method,
            self._root + path,
            data=body,
            headers=headers,
            timeout=(self._timeouts.connect, self._timeouts.read),
            allow_redirects=False,  # a token must not follow one
        )
        return response, response.content.decode("utf-8", "replace")

    def _session(self) -> requests.Session:
        """One session for each thread, since they are not safe to share."""
        import requests

        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # No proxy stands between a process and its own child, whatever the environment says.
            session.trust_env = not self._loopback
            if self._token is not None:
                session.auth = _bearer(self._token)
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _check_usable(self) -> None:
        with self._lock:
            reason = self._failures[0] if len(self._failures) >= _FAILURES_TO_OPEN else None
        if self._closed.is_set():
            raise PredictionError(f"the connection to {self.shown} was closed")
        if reason is not None:
            raise PredictionError(reason)

    def _failed(self, reason: str) -> PredictionError:
        self._check_usable()
        reason = self._clean(reason)
        with self._lock:
            self._failures.append(reason)
        return PredictionError(reason)

    def _refusal(self, status: int, text: str) -> str:
        if status == 401 or status == 403:
            return f"{self.shown} refused the token (HTTP {status}): set the right one in CWM_TOKEN"
        if 300 <= status < 400:
            return f"{self.shown} answered with a redirection (HTTP {status}): name the server itself"
        return f"{self.shown} answered HTTP {status}: {_message(text)}"

    def _clean(self, text: str) -> str:
        return text.replace(self._token, "***") if self._token else text


def _parse(url: str) -> tuple[str, str, bool]:
    """How a URL is shown (without a password in it), what requests are sent to, and whether that is this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PredictionError(f"{url!r} is no URL of a server: write http://HOST:PORT")
    path = parts.path.rstrip("/").removesuffix("/v1")
    host = parts.netloc.rpartition("@")[2]
    loopback = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    return (
        f"the model server at {urlunsplit((parts.scheme, host, path, '', ''))}",
        urlunsplit((parts.scheme, parts.netloc, path, "", "")),
        loopback,
    )


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    # As `auth` and not as a header, which an entry in ~/.netrc would replace.
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _seconds(text: str | None, default: float) -> float:
    try:
        return max(0.0, float(text)) if text is not None else default
    except ValueError:
        return default


def _reason(error: BaseException) -> str:
    """The innermost words of requests' nested exceptions, in one line."""
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None) or next((a for a in seen.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    text = _start(str(seen)) or type(seen).__name__
    return text.rpartition("[Errno")[2].partition("] ")[2] or text if "[Errno" in text else text


def _message(text: str) -> str:
    """What an error body says: OpenAI's shape, FastAPI's, or its first words."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _start(text) or "nothing more"
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return _start(value if isinstance(value, str) else json.dumps(value))


def _start(text: str, limit: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit] + "…"
