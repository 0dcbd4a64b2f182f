"""How much a client may ask of a server, and what it is told when it asks for more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`body` in bytes; `tokens` and `sequences` of one request: its prompts, each `n` times, and what may follow them.

    `running` requests share the engine, `queue` others wait, beyond that a client is told to come back. Times are in
    seconds: `seconds` for a request, waiting included; `patience` for its header, for its body, and for the client to
    take the answer. `connections` counts open sockets.
    """

    body: int = 16 << 20
    tokens: int = 1 << 21
    sequences: int = 1024
    running: int = 8
    queue: int = 256
    seconds: float = 600.0
    patience: float = 30.0
    connections: int = 512
