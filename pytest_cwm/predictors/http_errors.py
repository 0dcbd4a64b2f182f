"""What is said of a server that fails: one clear line for each way it can."""

from __future__ import annotations

import json


def refusal(shown: str, status: int, text: str) -> str:
    """An answer whose HTTP status is an error."""
    if status in (401, 403):
        return f"{shown} refused the token (HTTP {status}): set the right one in CWM_TOKEN"
    if status == 407:
        return f"the proxy before {shown} wants a login (HTTP 407): put it into HTTP_PROXY or HTTPS_PROXY"
    if 300 <= status < 400:
        return f"{shown} answered with a redirection (HTTP {status}): name the server itself"
    return f"{shown} answered HTTP {status}: {message(text)}"


def no_connection(shown: str, error: Exception) -> str:
    """No connection could be made, or it broke before an answer."""
    from requests.exceptions import ProxyError, SSLError

    reason = innermost(error)
    if isinstance(error, SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in reason or "certificate verify failed" in reason:
            return (
                f"the certificate of {shown} is not trusted: {_certificate(reason)}; "
                "name the authority's file in REQUESTS_CA_BUNDLE"
            )
        return f"{shown} can't be reached: no TLS: {reason}"
    if isinstance(error, ProxyError):
        return f"{shown} can't be reached through the proxy of HTTP_PROXY or HTTPS_PROXY: {reason}"
    return f"{shown} can't be reached: {reason}"


def innermost(error: BaseException) -> str:
    """The innermost words of requests' nested exceptions, in one line."""
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None) or next((a for a in seen.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return start(seen.strerror)
    text = start(str(seen)) or type(seen).__name__
    return text.rpartition("[Errno")[2].partition("] ")[2] or text if "[Errno" in text else text


def message(text: str) -> str:
    """What an error body says: OpenAI's shape, FastAPI's, or its first words."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return start(text) or "nothing more"
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return start(value if isinstance(value, str) else json.dumps(value))


def start(text: str, limit: int = 300) -> str:
    """The first words, in one line."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit] + "…"


def _certificate(reason: str) -> str:
    """The reason of `[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: REASON (_ssl.c:1000)`."""
    return reason.partition("certificate verify failed: ")[2].rpartition(" (_ssl")[0] or reason
