"""The HTTP server: `/v1/completions`, `/v1/models` and `/health` over one engine, a request at a time."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cwm_server.engine import Cancelled, CancelledError, Engine, EngineError
from cwm_server.grammar import Constraint, Grammars, NotATraceError
from cwm_server.history import History
from cwm_server.opinions import Scores
from cwm_server.protocol import EXTENSIONS, CompletionRequest, RequestError, choice, error_body, parse_request
from cwm_server.tokenizer import Tokenizer
from cwm_tracer import wire
from cwm_tracer.wire import Special

logger = logging.getLogger(__name__)
OWNER = "pytest-cwm"
_T = TypeVar("_T")
_CLIENT_GONE = 499  # nginx's code; nobody is there to read it


@dataclass(frozen=True, slots=True)
class Limits:
    """`body` in bytes; `queue` counts the requests that may wait, beyond it a client is told to come back."""

    body: int = 64 << 20
    queue: int = 256


@dataclass(slots=True)
class Worker:
    """One thread for the engine and the queue before it. `threads` are torch's, None leaves them alone."""

    limit: int
    threads: int | None = None
    pending: int = 0
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="engine", initializer=self._prepare)

    def _prepare(self) -> None:
        if self.threads is not None:
            import torch

            torch.set_num_threads(self.threads)  # OpenMP keeps the number per calling thread

    async def run(self, request: Request, call: Callable[[Cancelled], _T]) -> _T:
        """Run `call` when its turn comes; what it is given tells it whether the client has gone away."""
        if self.pending >= self.limit:
            raise RequestError(f"{self.pending} requests are waiting already", status=429, headers={"Retry-After": "1"})
        gone = threading.Event()
        watcher = asyncio.create_task(_watch(request.receive, gone))
        self.pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call, gone.is_set)
        finally:
            self.pending -= 1
            gone.set()
            watcher.cancel()

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _watch(receive: Receive, gone: threading.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


class _Authorization:
    """Lets a request pass only with the token; `/health` needs none."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode("utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/health" and not self._passes(scope):
            message = "a bearer token is required, and this is not it"
            response = JSONResponse(error_body(message, 401), 401, {"WWW-Authenticate": "Bearer"})
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def create_app(
    engine: Engine,
    name: str,
    *,
    token: str | None = None,
    tokenizer: Tokenizer | None = None,
    threads: int | None = None,
    limits: Limits = Limits(),
    weights: str | None = None,
) -> Starlette:
    """The application that serves `engine` under the model name `name`.

    With a `token` every route but `/health` asks for it. The `tokenizer` is used to show the generated text, to tell
    clients which one the model was made with, and for constrained decoding, which there is none of without it.
    `weights` is the digest of the checkpoint that clients are told.
    """
    worker = Worker(limits.queue, threads)
    grammars = Grammars(tokenizer, engine.vocabulary_size) if tokenizer is not None else None
    history = History()

    def to_text(ids: Sequence[int], skip_special_tokens: bool) -> str:
        if tokenizer is None:
            return ""
        # A checkpoint's vocabulary may be padded beyond its tokenizer's.
        segments = tokenizer.decode(token for token in ids if token < tokenizer.vocabulary_size)
        return wire.to_text(s for s in segments if not (skip_special_tokens and isinstance(s, Special)))

    async def health(_: Request) -> Response:
        return Response()

    async def models(_: Request) -> Response:
        model = {"id": name, "object": "model", "created": 0, "owned_by": OWNER, "max_model_len": engine.context_length}
        if tokenizer is not None:
            model["tokenizer_sha256"] = tokenizer.digest
        model["extensions"] = [name for name in EXTENSIONS if name != "constraint" or grammars is not None]
        if weights is not None:
            model["weights_sha256"] = weights
        return JSONResponse({"object": "list", "data": [model]})

    async def completions(http: Request) -> Response:
        request = parse_request(await _body(http, limits.body))
        if request.model is not None and request.model != name:
            raise RequestError(f"the model {request.model!r} is not served here, {name!r} is", "model", 404)
        request = history.completed(request)
        try:
            result = await worker.run(http, lambda cancelled: complete(engine, request, to_text, cancelled, grammars))
        except (EngineError, NotATraceError) as error:
            raise RequestError(str(error), "prompt") from None
        except CancelledError:
            return Response(status_code=_CLIENT_GONE)
        except RequestError:
            raise
        except Exception as error:
            # The kind alone: an exception's text can quote the prompt.
            logger.error("a request failed: %s", type(error).__name__)
            raise RequestError(f"the server failed: {type(error).__name__}", status=500) from None
        history.add(result["id"], request.prompts[0], result.pop("answered"))
        return JSONResponse({**result, "model": name})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        worker.close()

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/completions", completions, methods=["POST"]),
        ],
        middleware=[Middleware(_Authorization, token=token)] if token is not None else [],
        exception_handlers={
            RequestError: _refused,
            HTTPException: _no_route,
            ClientDisconnect: _gone,
        },
        lifespan=lifespan,
    )


def complete(
    engine: Engine,
    request: CompletionRequest,
    to_text: Callable[[Sequence[int], bool], str],
    cancelled: Cancelled,
    grammars: Grammars | None = None,
) -> dict[str, Any]:
    """Answer one request: the scores of its prompts, where asked for, then what follows them.

    Besides what is sent, `answered` holds the tokens of the first answer.
    """
    engine.check(request.prompts, request.max_tokens)
    _check_draft(engine, request.draft)
    constraint = None
    if request.constraint is not None:
        if grammars is None:
            raise RequestError("constraint: this server has no tokenizer to read the prompt with", "constraint")
        constraint = Constraint(grammars, request.constraint)
    scores: list[Scores | None] = [None] * len(request.prompts)
    if request.prompt_logprobs is not None:
        for index, prompt in enumerate(request.prompts):
            start = min(request.prompt_logprobs_start, len(prompt))
            guide = constraint.witness(prompt, start) if constraint is not None else None
            top = request.prompt_logprobs
            scores[index] = engine.score(prompt, start, top=top, guide=guide, cancelled=cancelled)
    answers = engine.generate(
        request.prompts,
        max_tokens=request.max_tokens,
        stop=request.stop_token_ids | engine.stop_ids,
        sampling=request.sampling,
        top=request.logprobs or 0,
        constraint=constraint,
        draft=request.draft,
        cancelled=cancelled,
    )
    rows = zip(request.prompts, answers, scores, strict=True)
    choices = [choice(index, request, *row, to_text) for index, row in enumerate(rows)]
    read, written = sum(map(len, request.prompts)), sum(len(answer.ids) for answer in answers)
    return {
        "id": f"cmpl-{secrets.token_hex(12)}",
        "object": "text_completion",
        "created": int(time.time()),
        "choices": choices,
        "answered": answers[0].ids,
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def _check_draft(engine: Engine, draft: Sequence[int]) -> None:
    wrong = next((token for token in draft if not 0 <= token < engine.vocabulary_size), None)
    if wrong is not None:
        raise RequestError(f"draft: token id {wrong} is not in the vocabulary", "draft")


async def _body(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    body = bytearray()
    if length.isdigit() and int(length) <= limit:
        async for piece in request.stream():
            body += piece
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise RequestError(f"the body is larger than {limit} bytes", status=413, headers={"Connection": "close"})


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return JSONResponse(error_body(str(error), error.status, error.param), error.status, error.headers)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse(error_body(message, error.status_code), error.status_code, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=_CLIENT_GONE)
