"""The server process, `python -m cwm_server.serve --model DIR`: one JSON line on stdout says where it listens."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

TOKEN_VARIABLE = "CWM_TOKEN"


class ServeError(Exception):
    """The server can't be started; its text is one line for the user."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; 2 when it can't be started, with one line on stderr."""
    options = _parser().parse_args(argv)
    if options.die_with_parent:
        _die_with_parent()
    try:
        serve(options)
    except ServeError as error:
        print(f"cwm_server: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cwm_server.serve",
        description="Serve a model of CWM's architecture over HTTP, in the part of OpenAI's completions protocol that "
        f"vLLM speaks. A bearer token is read from the environment variable {TOKEN_VARIABLE}.",
    )
    parser.add_argument("--model", type=Path, help="model directory (default: the embedded model)")
    parser.add_argument("--name", help="the model's name (default: the directory's)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; any but loopback needs a token")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--device", default="cpu", help="torch device, such as cpu or cuda")
    parser.add_argument(
        "--dtype", choices=["auto", "float32", "bfloat16"], default="auto", help="auto: float32 on a CPU"
    )
    parser.add_argument("--threads", type=int, help="CPU threads of the engine (default: torch's choice)")
    parser.add_argument(
        "--die-with-parent", action="store_true", help="exit when stdin ends or the parent process does"
    )
    return parser


def serve(options: argparse.Namespace) -> None:
    """Load the model, listen, and serve. Raises ServeError."""
    token = os.environ.get(TOKEN_VARIABLE) or None
    # Before the model is loaded, which takes a while.
    listener = _listen(options.host, options.port, token)
    try:
        import torch
        import uvicorn

        from cwm_server.api import create_app
        from cwm_server.architecture import CheckpointError, load_model
        from cwm_server.engine import Engine
        from cwm_server.fingerprint import weights_digest
        from cwm_server.tokenizer import EMBEDDED, TokenizerError, load_tokenizer
    except ImportError as error:
        raise ServeError(f'{error.name} is not installed: pip install "pytest-cwm[server]"') from None
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise ServeError(f"--device {options.device}: torch finds no CUDA device here")
    directory = (options.model or EMBEDDED).resolve()
    kind = options.dtype if options.dtype != "auto" else "float32" if options.device == "cpu" else "bfloat16"
    try:
        model = load_model(directory, dtype=getattr(torch, kind), device=options.device)
        tokenizer = load_tokenizer(directory)
    except (CheckpointError, TokenizerError) as error:
        raise ServeError(str(error)) from None
    name = options.name or directory.name
    app = create_app(
        Engine(model),
        name,
        token=token,
        tokenizer=tokenizer,
        threads=options.threads,
        weights=weights_digest(directory),
    )
    config = uvicorn.Config(
        app,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
    listener.listen(128)
    print(json.dumps({"host": options.host, "port": listener.getsockname()[1], "model": name}), flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int, token: str | None) -> socket.socket:
    """A bound socket. Raises ServeError when it can't be had, or would let anyone in."""
    if not 0 <= port < 1 << 16:  # getaddrinfo would wrap it
        raise ServeError(f"--port {port} is not from 0 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        if token is None and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise ServeError(
                f"--host {host} is open to others: set a token in {TOKEN_VARIABLE}, or listen at 127.0.0.1"
            )
        # asyncio turns Nagle's algorithm off only where the protocol is named; with it each answer takes 40 ms longer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ServeError(f"can't listen at {host}:{port}: {error}") from None
    return listener


def _die_with_parent() -> None:
    """Exit at once when stdin ends or the process has a new parent: a killed parent can't say goodbye."""
    parent = os.getppid()

    def watch_input() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    def watch_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(0)

    for watch in (watch_input, watch_parent):
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
