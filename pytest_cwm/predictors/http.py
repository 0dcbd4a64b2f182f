"""JSON over HTTP with time limits, retries of what may be retried, and one clear line for each way it can fail."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_cwm.predictors import http_errors
from pytest_cwm.predictors.address import parse_address
from pytest_cwm.predictors.base import PredictionError
from pytest_cwm.predictors.breaker import Breaker

if TYPE_CHECKING:
    import requests

_BUSY = (429, 503)
_RETRIES = 3
_PIECE = 1 << 18
_LARGEST = 512 << 20  # bytes of an answer: far beyond the scores of a million tokens


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, for an answer to begin or go on, for all of it, and for what needs no model.

    `retry` is the first of three waits before what failed is sent again, each twice as long as the one before.
    `patience` bounds all waits together where a busy server says how long.
    """

    connect: float = 5.0
    read: float = 120.0
    retry: float = 0.5
    whole: float = 900.0
    quick: float = 10.0
    patience: float = 30.0


class RefusedError(PredictionError):
    """The server answered with an HTTP status that is an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Undelivered(Exception):
    """What was sent had no whole answer; `again` when it may be sent once more, after `wait` seconds."""

    def __init__(self, message: str, again: bool = False, wait: float | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait


class _Waits:
    """How long to wait before a request is sent again."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._pauses = [timeouts.retry * 2**number for number in range(_RETRIES)]
        self._least = timeouts.retry
        self._patience = timeouts.patience

    def before_next(self, failure: _Undelivered) -> float | None:
        """Seconds; None when it is not sent again."""
        if not failure.again:
            return None
        if failure.wait is None:
            # Spread out, so that not all who wait come back at once.
            return self._pauses.pop(0) * random.uniform(0.75, 1.25) if self._pauses else None
        if failure.wait > self._patience:
            return None
        self._patience -= max(failure.wait, self._least)
        return failure.wait


class JsonClient:
    """Talks to one server. All failures are `PredictionError`; the token is in no message.

    Sent again is only what a moment may mend: a connection that was refused or broke, HTTP 503, and 429 when it says
    when to come back. What is asked for changes nothing at the server, so sending it twice is safe. A server that does
    not answer in time is not asked again; see `Breaker` for what follows.
    Raises PredictionError when `url` is none, or plain HTTP to another machine without `allow_http`.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeouts: Timeouts = Timeouts(), allow_http: bool = False
    ) -> None:
        address = parse_address(url, allow_http=allow_http)
        self.shown = address.shown
        self._root = address.root
        self._loopback = address.loopback
        self._token = token
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._breaker = Breaker(self._alive)
        self._closed = threading.Event()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def get(self, path: str) -> Any:
        """The JSON value at `path`, which the server must have at hand."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """The JSON answer to `body`."""
        return self._ask("POST", path, json.dumps(body).encode("ascii"))

    def status(self, path: str) -> int:
        """The HTTP status of a GET, whatever it is."""
        return self._deliver("GET", path, None)[0]

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
        status, text = self._deliver(method, path, body)
        if status != 200:
            raise RefusedError(self._clean(http_errors.refusal(self.shown, status, text)), status)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise self.fault(f"not JSON but {self._clean(http_errors.start(text))!r}") from None

    def _deliver(self, method: str, path: str, body: bytes | None) -> tuple[int, str]:
        """Send, again when that may help, and take down how it went."""
        self._check_usable()
        reason = self._breaker.reason()
        if reason is not None:
            raise PredictionError(reason)
        waits = _Waits(self._timeouts)
        while True:
            try:
                status, text = self._send(method, path, body)
            except _Undelivered as failure:
                pause = waits.before_next(failure)
                if pause is not None:
                    if self._closed.wait(pause):
                        self._check_usable()
                    continue
                self._check_usable()
                reason = self._clean(str(failure))
                self._breaker.failed(reason)
                raise PredictionError(reason) from None
            self._breaker.succeeded()
            return status, text

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, str]:
        """One request and its whole answer. Raises `_Undelivered`."""
        from requests.exceptions import ConnectionError, ConnectTimeout, ReadTimeout, RequestException, SSLError

        limit = self._timeouts.read if body is not None else min(self._timeouts.quick, self._timeouts.read)
        try:
            response = self._request(method, path, body, limit)
        except ConnectTimeout:
            text = f"{self.shown} can't be reached: no connection in {self._timeouts.connect:g} s"
            raise _Undelivered(text) from None
        except ReadTimeout:
            raise _Undelivered(f"{self.shown} did not answer within {limit:g} s") from None
        except ConnectionError as error:
            # A name or a certificate that is wrong stays wrong.
            again = not isinstance(error, SSLError) and not _is_unknown_name(error)
            raise _Undelivered(http_errors.no_connection(self.shown, error), again) from None
        except (RequestException, ValueError) as error:
            raise _Undelivered(f"{self.shown} can't be asked: {http_errors.innermost(error)}") from None
        with response:
            text = self._read(response, limit)
        status = response.status_code
        if status in _BUSY:
            said = _seconds(response.headers.get("Retry-After"))
            line = http_errors.refusal(self.shown, status, text)
            if said is not None and said > self._timeouts.patience:
                line += f" (it asks to come back in {said:g} s)"
            if status == 503 or said is not None:
                raise _Undelivered(line, again=True, wait=said)
        return status, text

    def _read(self, response: requests.Response, limit: float) -> str:
        """The body. Bounded, since a server may go on for ever, a byte at a time."""
        from requests.exceptions import ConnectionError, RequestException

        deadline = time.monotonic() + self._timeouts.whole
        data = bytearray()
        try:
            for piece in response.iter_content(_PIECE):
                data += piece
                if len(data) > _LARGEST:
                    raise _Undelivered(f"{self.shown} answers without end: {len(data) >> 20} MiB and more")
                if time.monotonic() > deadline:
                    raise _Undelivered(f"{self.shown} did not finish its answer within {self._timeouts.whole:g} s")
        except ConnectionError as error:
            if "timed out" in str(error):
                text = f"{self.shown} stopped in the middle of its answer for {limit:g} s"
                raise _Undelivered(text) from None
            raise _Undelivered(f"{self.shown} broke off in the middle of its answer", again=True) from None
        except RequestException:
            raise _Undelivered(f"{self.shown} broke off in the middle of its answer", again=True) from None
        return data.decode("utf-8", "replace")

    def _request(self, method: str, path: str, body: bytes | None, read: float) -> requests.Response:
        return self._session().request(
            method,
            self._root + path,
            data=body,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            timeout=(self._timeouts.connect, read),
            allow_redirects=False,  # a token must not follow one
            stream=True,
        )

    def _alive(self) -> bool:
        """Whether anything answers there at all."""
        from requests.exceptions import RequestException

        if self._closed.is_set():
            return True
        try:
            with self._request("GET", "/health", None, min(self._timeouts.quick, self._timeouts.read)):
                return True
        except (RequestException, ValueError):
            return False

    def _session(self) -> requests.Session:
        """One session for each thread, since they are not safe to share."""
        import requests

        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            if self._loopback:
                # No proxy stands between a process and its own child, whatever the environment says.
                session.trust_env = False
                session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
            if self._token is not None:
                session.auth = _bearer(self._token)
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _check_usable(self) -> None:
        if self._closed.is_set():
            raise PredictionError(f"the connection to {self.shown} was closed")

    def _clean(self, text: str) -> str:
        return text.replace(self._token, "***") if self._token else text


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    # As `auth` and not as a header, which an entry in ~/.netrc would replace.
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _is_unknown_name(error: Exception) -> bool:
    import socket

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror) or type(seen).__name__ == "NameResolutionError":
            return True
        seen = getattr(seen, "reason", None) or next((a for a in seen.args if isinstance(a, BaseException)), None)
    return False


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is not read."""
    try:
        seconds = float(text) if text is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None
