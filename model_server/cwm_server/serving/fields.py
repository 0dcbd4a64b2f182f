"""Reading the JSON body of a request field by field, and the one line that says what is wrong with one."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

_SHOWN = 80  # characters of what a client sent that an answer repeats


class RequestError(Exception):
    """A request that is refused. `param` is the field at fault, `status` the HTTP status."""

    def __init__(
        self, message: str, param: str | None = None, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.param = param
        self.status = status
        self.headers = dict(headers or {})


_KINDS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
    408: "RequestTimeoutError",
    413: "RequestTooLargeError",
    415: "UnsupportedMediaTypeError",
    429: "RateLimitError",
    504: "TimeoutError",
}


def error_body(message: str, status: int, param: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    kind = _KINDS.get(status, "InternalServerError" if status >= 500 else "BadRequestError")
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def shown(value: object) -> str:
    """What a client sent, short and on one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Fields(Mapping[str, Any]):
    """The fields of a request; null is the same as absent. Every reader raises RequestError, naming the field."""

    def __init__(self, values: Mapping[str, Any], known: Collection[str], what: str = "") -> None:
        """Refuse what is not among `known`; `what` is put before the message."""
        self._values = values
        for name in values:
            if name not in known:
                message = f"unknown field {shown(name)}; this server knows {', '.join(sorted(known))}"
                raise RequestError(what + message, what.rstrip(": ") or name[:_SHOWN])

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def refuse(self, name: str, message: str) -> NoReturn:
        """Raise for a field."""
        raise RequestError(f"{name}: {message}", name)

    def integer(self, name: str, default: int, low: int, high: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        value = self.get(name)
        if value is None:
            return default
        # `type`, since a JSON boolean is an int to isinstance.
        if type(value) is not int or value < low or (high is not None and value > high):
            self.refuse(
                name, f"an integer {f'at least {low}' if high is None else f'from {low} to {high}'} is expected"
            )
        return value

    def optional(self, name: str, low: int, high: int | None = None) -> int | None:
        """The same, or None where there is none."""
        return None if self.get(name) is None else self.integer(name, 0, low, high)

    def number(self, name: str, default: float) -> float:
        """A finite number."""
        value = self.get(name)
        if value is None:
            return default
        try:
            number = float(value) if type(value) in (int, float) else math.nan
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.refuse(name, "a number is expected")
        return number

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(name, "true or false is expected")
        return value

    def text(self, name: str) -> str | None:
        """A string, if it is there."""
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            self.refuse(name, "a string is expected")
        return value

    def tokens(self, name: str) -> list[int]:
        """Token ids; none where it is absent."""
        value = self.get(name)
        return [] if value is None else token_ids(value, name)


def token_ids(value: object, name: str) -> list[int]:
    """A list of integers. Raises RequestError."""
    if not isinstance(value, list) or any(type(item) is not int for item in value):
        raise RequestError(f"{name}: a list of token ids is expected", name)
    return value


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises RequestError."""
    try:
        values = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise RequestError("the body is not a JSON object")
    return values


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
