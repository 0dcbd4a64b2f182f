"""Who may ask: the bearer token, and without one only who is on this machine."""

from __future__ import annotations

import hmac
import ipaddress
import os
from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cwm_server.serving.fields import error_body, shown
from cwm_server.serving.replies import JsonReply

TOKEN_VARIABLE = "CWM_TOKEN"
OPEN = frozenset(("/health",))  # says nothing but that the process works, to those who restart it otherwise


class TokenError(ValueError):
    """A token that can't be used; the text is one line, without the token."""


def read_token(path: Path | None) -> str | None:
    """The token in a file, or in the environment variable, which is taken out of the environment. Raises TokenError."""
    given = os.environ.pop(TOKEN_VARIABLE, "")
    source = TOKEN_VARIABLE
    if path is not None:
        source = f"--token-file {path}"
        try:
            given = path.read_text(encoding="ascii")
        except OSError as error:
            raise TokenError(f"{source} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TokenError(f"{source} holds no token: only printable ASCII without blanks can be sent") from None
        if not given.strip():
            raise TokenError(f"{source} is empty")
    token = given.strip()
    if not all("!" <= character <= "~" for character in token):
        raise TokenError(f"{source} holds no token: only printable ASCII without blanks can be sent")
    return token or None


class Guard:
    """Lets a request pass with the token only; without a token, if it is addressed to this machine.

    The second keeps out web pages whose name was made to point to 127.0.0.1 (DNS rebinding): a browser sends the name.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token.encode("utf-8") if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if self._token is not None:
            scheme, _, token = _header(scope, b"authorization").partition(b" ")
            if scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token):
                return None
            message = "a bearer token is required, and this is not it"
            return JsonReply(error_body(message, 401), 401, {"WWW-Authenticate": "Bearer"})
        host = _header(scope, b"host").decode("latin-1")
        if not host or is_loopback(_without_port(host)):
            return None
        message = f"Host {shown(host)} is not this machine: ask 127.0.0.1, or give the server a token"
        return JsonReply(error_body(message, 403), 403)


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _header(scope: Scope, name: bytes) -> bytes:
    found: bytes = next((value for key, value in scope["headers"] if key == name), b"")
    return found


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
