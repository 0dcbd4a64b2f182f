"""Hanging up on clients that are gone already."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

from cwm_server.serving.lingering import Lingering


class Accepting(asyncio.Protocol):
    """Keeps the transport of the connection that it gets, reads nothing of it, and knows when it is lost."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.made: asyncio.Future[asyncio.Transport] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self.made.set_result(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)


def test_a_client_that_has_reset_the_connection_is_dropped_without_an_error() -> None:
    async def run() -> None:
        protocol = Accepting()
        server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
        client = socket.create_connection(server.sockets[0].getsockname())
        transport = await protocol.made
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # with a reset
        time.sleep(0.05)  # not the loop's: it must not see it yet
        line = Lingering(transport, 30, lambda: True)
        line.linger()
        await asyncio.wait_for(protocol.lost, 5)
        line.closed()
        assert line.is_closing()
        server.close()

    asyncio.run(run())
