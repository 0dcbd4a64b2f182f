"""Connections that can't be held open: time for a header, for what follows, and for taking an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from cwm_server.serving.fields import error_body
from cwm_server.serving.limits import Limits
from cwm_server.serving.lingering import Lingering
from cwm_server.serving.replies import as_json

_HEADER_BYTES = 64 << 10  # h11's own limit is that of uvicorn's configuration


def protocol(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 with time limits, which it has none of but between two requests."""

    class Connection(H11Protocol):
        _header: asyncio.TimerHandle | None = None
        _reader: asyncio.TimerHandle | None = None
        _line: Lingering

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self._line = Lingering(transport, limits.patience, self._sending)
            super().connection_made(self._line)  # type: ignore[arg-type]
            if len(self.connections) > 2 * limits.connections:
                transport.abort()  # there would be no end of those that are told so
                return
            if len(self.connections) > limits.connections:
                self._refuse(503, f"{limits.connections} connections are open already")
                return
            self._await_header()

        def connection_lost(self, exc: Exception | None) -> None:
            _stop(self._header)
            _stop(self._reader)
            self._line.closed()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._line.lingering:
                return
            super().data_received(data)
            self._await_header()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reader = self.loop.call_later(limits.patience, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            _stop(self._reader)

        def send_400_response(self, msg: str) -> None:
            if len(self.conn.trailing_data[0]) > _HEADER_BYTES:
                self._refuse(431, f"the header is larger than {_HEADER_BYTES} bytes")
            else:
                self._refuse(400, "this is no HTTP/1.1 request")

        def _await_header(self) -> None:
            """Run the clock while a header is being sent, from its first byte or the connection's beginning."""
            if self.transport.is_closing():
                return
            if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
                if self._header is None:
                    self._header = self.loop.call_later(limits.patience, self._too_slow)
            else:
                _stop(self._header)
                self._header = None

        def _too_slow(self) -> None:
            if not self.transport.is_closing():
                self._refuse(408, f"no complete header came in {limits.patience:g} s")

        def _refuse(self, status: int, message: str) -> None:
            """Answer and hang up, without the application."""
            body = as_json(error_body(message, status))
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                (b"connection", b"close"),
            ]
            try:
                events: list[Any] = [
                    h11.Response(status_code=status, headers=headers),
                    h11.Data(body),
                    h11.EndOfMessage(),
                ]
                for event in events:
                    self.transport.write(self.conn.send(event) or b"")
            except h11.LocalProtocolError:  # an answer has begun
                self.transport.abort()
                return
            self._line.linger()

        def _sending(self) -> bool:
            """Whether the client is in the middle of a request, or of something else."""
            return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    return Connection


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
