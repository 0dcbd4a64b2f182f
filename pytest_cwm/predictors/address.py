"""Where a server is: how its URL is shown, what requests are sent to, and whether they may go there unencrypted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from pytest_cwm.predictors.base import PredictionError


@dataclass(frozen=True, slots=True)
class Address:
    """`shown` names the server in messages, without a password; requests go to `root` and a path.

    `loopback`: it is this machine, so what is sent stays here.
    """

    shown: str
    root: str
    loopback: bool


def parse_address(url: str, *, allow_http: bool = False) -> Address:
    """Read a server's URL; a trailing `/v1` is accepted.

    Raises `PredictionError` for what is no URL, and for plain HTTP to another machine unless that is allowed: whoever
    is on the way would read the source, the values in it and the token.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises for what is no number
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise PredictionError(f"{url!r} is no URL of a server: write http://HOST:PORT")
    path = parts.path.rstrip("/").removesuffix("/v1")
    place = parts.netloc.rpartition("@")[2]
    shown = urlunsplit((parts.scheme, place, path, "", ""))
    loopback = _is_loopback(host)
    if parts.scheme == "http" and not loopback and not allow_http:
        raise PredictionError(
            f"{shown} is another machine and not encrypted: use https, a tunnel "
            f"(ssh -L 8000:localhost:{parts.port or 80} {host}), or allow it with --cwm-allow-http"
        )
    return Address(f"the model server at {shown}", urlunsplit((parts.scheme, parts.netloc, path, "", "")), loopback)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
