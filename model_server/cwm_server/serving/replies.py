"""Answers that are always valid JSON, in ASCII, whatever a client sent that they repeat."""

from __future__ import annotations

import json

from starlette.responses import Response


def as_json(value: object) -> bytes:
    """JSON in ASCII. Raises ValueError for what JSON has no word for, such as NaN."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


class JsonReply(Response):
    """A value, or bytes that are JSON already."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """See `Response`."""
        return content if isinstance(content, bytes) else as_json(content)
