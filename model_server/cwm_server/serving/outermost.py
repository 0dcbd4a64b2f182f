"""The outermost layer: counts and logs every answer, and turns what nobody expected into one line without its text."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cwm_server.serving.fields import error_body
from cwm_server.serving.metrics import Metrics
from cwm_server.serving.replies import JsonReply

logger = logging.getLogger("cwm_server.requests")


class Outermost:
    """Around the whole application. `routes` are the paths that are counted and logged by name."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 0

        async def counting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        route = scope["path"] if scope["path"] in self._routes else "other"
        try:
            await self._app(scope, receive, counting)
        except Exception as error:
            # The kind and the place alone: an exception's text can quote a prompt.
            logger.error("%s failed: %s at %s", route, type(error).__name__, _place(error))
            if status:
                raise ConnectionAbortedError("the answer was broken off") from None
            message = f"the server failed: {type(error).__name__}"
            await JsonReply(error_body(message, 500), 500)(scope, receive, counting)
        finally:
            seconds = time.monotonic() - began
            self._metrics.answered(route, status, seconds)
            logger.info("%s %s in %.0f ms", route, status or "unanswered", 1000 * seconds)


def _place(error: BaseException) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last is not None else "?"
