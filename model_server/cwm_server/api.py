"""The HTTP server over one engine: routes and what they answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

from cwm_server.batching import BUDGET, Batch
from cwm_server.engine import EngineError
from cwm_server.grammar import Grammars, NotATraceError
from cwm_server.history import History
from cwm_server.protocol import EXTENSIONS, CompletionRequest, parse_fgserve, parse_request
from cwm_server.serving import openapi
from cwm_server.serving.answers import Texts
from cwm_server.serving.completion import Computed, TokenEngine, check_bounds, checked, compute, response
from cwm_server.serving.fields import RequestError, error_body
from cwm_server.serving.guard import Guard
from cwm_server.serving.limits import Limits
from cwm_server.serving.metrics import CONTENT_TYPE, Metrics
from cwm_server.serving.outermost import Outermost
from cwm_server.serving.pool import ClientGoneError, EnginePool, Task
from cwm_server.serving.replies import JsonReply, as_json
from cwm_server.serving.tokenizing import check_model, detokenize, tokenize
from cwm_server.tokenizer import Tokenizer
from cwm_tracer.wire import Special

__all__ = ["Limits", "create_app"]

logger = logging.getLogger("cwm_server.prompts")
OWNER = "pytest-cwm"
_LIMITS = Limits()
_CLIENT_GONE = 499  # nginx's code; nobody is there to read it
_Route = Callable[[Request], Awaitable[Response]]


def create_app(
    engine: TokenEngine,
    name: str,
    *,
    token: str | None = None,
    tokenizer: Tokenizer | None = None,
    prepare: Callable[[], None] = lambda: None,
    limits: Limits = _LIMITS,
    weights: str | None = None,
    budget: int = BUDGET,
) -> Starlette:
    """The application that serves `engine` under the model name `name`.

    With a `token` every route but `/health` asks for it. The `tokenizer` is used to show the generated text, to tell
    clients which one the model was made with, and for constrained decoding, which there is none of without it.
    `prepare` is called once, in the thread that uses the engine. `weights` is the digest of the checkpoint that
    clients are told. `budget`: see `batching.Batch`.
    """
    server = _Server(engine, name, tokenizer, prepare, limits, weights, guarded=token is not None, budget=budget)
    routes = server.routes()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        server.pool.close()

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Outermost, metrics=server.metrics, routes=[route.path for route in routes]),
            Middleware(Guard, token=token),
        ],
        exception_handlers={RequestError: _refused, HTTPException: _no_route, ClientDisconnect: _gone},
        lifespan=lifespan,
    )
    _strict(app.router)
    return app


class _Server:
    """What the routes share."""

    def __init__(
        self,
        engine: TokenEngine,
        name: str,
        tokenizer: Tokenizer | None,
        prepare: Callable[[], None],
        limits: Limits,
        weights: str | None,
        *,
        guarded: bool,
        budget: int,
    ) -> None:
        self._engine = engine
        self._name = name
        self._tokenizer = tokenizer
        self._limits = limits
        self._texts = Texts(tokenizer)
        self._grammars = Grammars(tokenizer, engine.vocabulary_size) if tokenizer is not None else None
        self._history = History()
        self.pool = EnginePool(Batch(engine.model, budget), limits, prepare)
        self.metrics = Metrics(name, lambda: (self.pool.running, self.pool.waiting), lambda: engine.cache_use)
        self._extensions = [each for each in EXTENSIONS if each != "constraint" or self._grammars is not None]
        self._model = {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": OWNER,
            "root": name,
            "parent": None,
            "max_model_len": engine.context_length,
            "permission": [],
            "extensions": self._extensions,
        }
        if tokenizer is not None:
            self._model["tokenizer_sha256"] = tokenizer.digest
        if weights is not None:
            self._model["weights_sha256"] = weights
        self._document = openapi.document(
            _version(), name, engine.vocabulary_size, engine.context_length, self._extensions, limits, token=guarded
        )

    def routes(self) -> list[Route]:
        """All routes; `/` is none."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/metrics", self.figures, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/completions", self.completions, methods=["POST"]),
            Route("/completions", self.fgserve, methods=["POST"]),
            Route("/tokenize", self.tokenize, methods=["POST"]),
            Route("/detokenize", self.detokenize, methods=["POST"]),
        ]

    async def health(self, _: Request) -> Response:
        return Response(status_code=503 if self.pool.stuck else 200)

    async def figures(self, _: Request) -> Response:
        return Response(self.metrics.text(), media_type=None, headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, _: Request) -> Response:
        return JsonReply(self._document)

    async def models(self, _: Request) -> Response:
        return JsonReply({"object": "list", "data": [self._model]})

    async def completions(self, http: Request) -> Response:
        return await self._complete(http, parse_request(await _body(http, self._limits)))

    async def fgserve(self, http: Request) -> Response:
        return await self._complete(http, parse_fgserve(await _body(http, self._limits), self._special))

    async def tokenize(self, http: Request) -> Response:
        body = await _body(http, self._limits)
        return JsonReply(tokenize(body, self._name, self._reader(), self._texts, self._engine.context_length))

    async def detokenize(self, http: Request) -> Response:
        body = await _body(http, self._limits)
        return JsonReply(detokenize(body, self._name, self._texts, self._reader().vocabulary_size))

    async def _complete(self, http: Request, request: CompletionRequest) -> Response:
        check_model(request.model, self._name)
        check_bounds(request, self._engine, self._limits)
        request = self._history.completed(request)
        try:
            request = checked(self._engine, request)
            if logger.isEnabledFor(logging.INFO):
                for prompt in request.prompts:
                    logger.info("prompt: %r", self._texts.of(prompt) or prompt)

            def shape(computed: Computed, task: Task) -> tuple[str, Computed, Task, bytes]:
                value = response(request, computed, self._name, self._texts, self._engine.stop_ids)
                return value["id"], computed, task, as_json(value)

            identifier, computed, task, body = await self.pool.run(
                http, compute(self._engine, request, self._grammars), shape
            )
        except (EngineError, NotATraceError) as error:
            raise RequestError(str(error)[:500], "prompt") from None
        except ClientGoneError:
            self.metrics.cancelled()
            return Response(status_code=_CLIENT_GONE)
        self._history.add(identifier, request.prompts[0], computed.answers[0][0].ids)
        self.metrics.completed(sum(map(len, request.prompts)), computed.written, task.waited, task.worked)
        return JsonReply(body)

    def _special(self, name: str) -> int | None:
        found = next((special for special in Special if special.value == name), None)
        return self._tokenizer.special(found) if found is not None and self._tokenizer is not None else None

    def _reader(self) -> Tokenizer:
        if self._tokenizer is None:
            raise RequestError("this server has no tokenizer", status=501)
        return self._tokenizer


async def _body(request: Request, limits: Limits) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        message = "a body is expected that is declared as Content-Type: application/json"
        raise RequestError(message, status=415, headers={"Connection": "close"})
    length = request.headers.get("content-length", "0")
    body = bytearray()

    async def read() -> bool:
        async for piece in request.stream():
            body.extend(piece)
            if len(body) > limits.body:
                return False
        return True

    if length.isdigit() and len(length) < 20 and int(length) <= limits.body:
        try:
            if await asyncio.wait_for(read(), limits.patience):
                return bytes(body)
        except asyncio.TimeoutError:
            message = f"the body did not come in {limits.patience:g} s"
            raise RequestError(message, status=408, headers={"Connection": "close"}) from None
    raise RequestError(f"the body is larger than {limits.body} bytes", status=413, headers={"Connection": "close"})


def _strict(router: Router) -> None:
    """A redirect would be made of the Host that a client names."""
    router.redirect_slashes = False


def _version() -> str:
    try:
        return version("pytest-cwm")
    except PackageNotFoundError:
        return "0"


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return JsonReply(error_body(str(error), error.status, error.param), error.status, error.headers)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path[:80]}: {error.detail}"
    return JsonReply(error_body(message, error.status_code), error.status_code, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=_CLIENT_GONE)
