"""The server process, `cwm serve --model DIR`: one JSON line on stdout says where it listens."""

from __future__ import annotations

import argparse
import json
import logging
import socket
import sys
from collections.abc import Sequence

from cwm_server.serving.lifetime import die_with_parent
from cwm_server.serving.options import limits_of, parser

_BATCHES = 512 << 20  # bytes that all requests together may take for what they decode at the same time
_LEAST_BATCH = 64 << 20
_DEVICE_BUDGET = 256  # four times as many times the vocabulary are logits that a device has room for


class ServeError(Exception):
    """The server can't be started; its text is one line for the user."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; 2 when it can't be started, with one line on stderr."""
    options = parser().parse_args(argv)
    if options.die_with_parent:
        die_with_parent()
    try:
        serve(options)
    except ServeError as error:
        print(f"cwm serve: {error}", file=sys.stderr)
        return 2
    return 0


def serve(options: argparse.Namespace) -> None:
    """Load the model, listen, and serve. Raises ServeError."""
    from cwm_server.loading import by_numpy, load
    from cwm_server.model_config import CheckpointError
    from cwm_server.serving.guard import TokenError, read_token
    from cwm_server.threads import limit_threads
    from cwm_server.tokenizer import EMBEDDED, TokenizerError

    try:
        # Before the model is loaded, which takes a while.
        token = read_token(options.token_file)
    except TokenError as error:
        raise ServeError(str(error)) from None
    listener = _listen(options.host, options.port, token)
    directory = (options.model or EMBEDDED).resolve()
    try:
        if by_numpy(options.engine, options.device, options.dtype):
            limit_threads(1)  # those of a product spin while they wait for each other, beside the user's tests
        elif options.threads is not None:
            limit_threads(options.threads)
        import uvicorn

        from cwm_server.api import create_app
        from cwm_server.batching import ALONE, BUDGET
        from cwm_server.engine import Engine
        from cwm_server.fingerprint import weights_digest
        from cwm_server.serving.connections import protocol

        loaded = load(
            directory, engine=options.engine, device=options.device, dtype=options.dtype, threads=options.threads
        )
    except ImportError as error:
        extra = "server" if error.name == "torch" else "embedded"
        raise ServeError(f'{error.name} is not installed: pip install "pytest-cwm[{extra}]"') from None
    except (CheckpointError, TokenizerError) as error:
        raise ServeError(str(error)) from None
    name = options.name or directory.name
    limits = limits_of(options)
    budget = options.batch_tokens or (BUDGET if options.device == "cpu" else _DEVICE_BUDGET)
    app = create_app(
        Engine(
            loaded.model,
            chunk=ALONE * budget,
            cache_bytes=options.cache << 20,
            batch_bytes=max(_LEAST_BATCH, _BATCHES // limits.running),
        ),
        name,
        budget=budget,
        token=token,
        tokenizer=loaded.tokenizer,
        prepare=loaded.prepare,
        limits=limits,
        weights=weights_digest(directory),
    )
    _log(options.log)
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(options.drain)),
    )
    listener.listen(128)
    print(json.dumps({"host": options.host, "port": listener.getsockname()[1], "model": name}), flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _log(wanted: str) -> None:
    """Send warnings to stderr, and what is `wanted` besides; nothing of a request's content unless that is."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("cwm_server.requests").setLevel(logging.WARNING if wanted == "errors" else logging.INFO)
    logging.getLogger("cwm_server.prompts").setLevel(logging.INFO if wanted == "prompts" else logging.WARNING)


def _listen(host: str, port: int, token: str | None) -> socket.socket:
    """A bound socket. Raises ServeError when it can't be had, or would let anyone in."""
    from cwm_server.serving.guard import TOKEN_VARIABLE, is_loopback

    if not 0 <= port < 1 << 16:  # getaddrinfo would wrap it
        raise ServeError(f"--port {port} is not from 0 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        if token is None and not is_loopback(str(address[0])):
            raise ServeError(
                f"--host {host} is open to others: name a file with a token by --token-file, or set {TOKEN_VARIABLE}, "
                "or listen at 127.0.0.1"
            )
        # asyncio turns Nagle's algorithm off only where the protocol is named; with it each answer takes 40 ms longer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as error:
        raise ServeError(f"can't listen at {host}:{port}: {error}") from None
    return listener


if __name__ == "__main__":
    raise SystemExit(main())
