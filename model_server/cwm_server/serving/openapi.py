"""The server's OpenAPI 3.1 document: what every route takes and gives, with this model's own bounds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cwm_server import grammar
from cwm_server.protocol import FGSERVE_MAX_TOKENS, MAX_LOGPROBS, MAX_TOKENS, SEEDS
from cwm_server.serving.limits import Limits
from cwm_tracer.wire import Special

Schema = dict[str, Any]
_ERRORS = {
    400: "A field is wrong; `param` names it.",
    401: "The bearer token is missing or wrong.",
    403: "Without a token the server answers only what is addressed to this machine.",
    404: "The model is not served here.",
    408: "The body did not come in time.",
    410: "What `after` names is not kept any more.",
    413: "The body is larger than the server takes.",
    415: "The body is not declared as application/json.",
    429: "The queue is full; Retry-After says when to come back, in seconds.",
    500: "The server failed.",
    504: "The request took too long.",
}


def document(
    version: str, name: str, vocabulary: int, context: int, extensions: Collection[str], limits: Limits, *, token: bool
) -> Schema:
    """The document of a server of the model `name`; with `token` it asks for one."""
    builder = _Builder(name, vocabulary, context, extensions, limits)
    paths = {
        "/health": {"get": _operation("Whether the server works.", {200: {"description": "It does."}, 503: _empty()})},
        "/metrics": {"get": _operation("Figures for Prometheus.", {200: _content("text/plain", {"type": "string"})})},
        "/openapi.json": {"get": _operation("This document.", {200: _json({"type": "object"})})},
        "/v1/models": {"get": _operation("The model that is served.", {200: _json(_ref("ModelList"))})},
        "/v1/completions": {"post": builder.posting("Score and continue prompts.", "CompletionRequest", "Completion")},
        "/completions": {
            "post": builder.posting("The same, as fgserve has it.", "FgserveRequest", "Completion"),
        },
        "/tokenize": {"post": builder.posting("Token ids of a text.", "TokenizeRequest", "Tokens")},
        "/detokenize": {"post": builder.posting("The text of token ids.", "DetokenizeRequest", "Text")},
    }
    components: Schema = {"schemas": builder.schemas()}
    result: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "pytest-cwm model server", "version": version},
        "paths": paths,
        "components": components,
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        result["security"] = [{"token": []}]
        paths["/health"]["get"]["security"] = []
    return result


class _Builder:
    def __init__(self, name: str, vocabulary: int, context: int, extensions: Collection[str], limits: Limits) -> None:
        self._name = name
        self._context = context
        self._extensions = extensions
        self._limits = limits
        self._token = _integer(0, vocabulary - 1)

    def posting(self, summary: str, request: str, answer: str) -> Schema:
        operation = _operation(summary, {200: _json(_ref(answer))})
        for status, description in _ERRORS.items():
            operation["responses"][str(status)] = {**_json(_ref("Error")), "description": description}
        operation["requestBody"] = {"required": True, **_content("application/json", _ref(request), describe=False)}
        return operation

    def schemas(self) -> Schema:
        completion, fgserve = self._completion(MAX_TOKENS), self._completion(FGSERVE_MAX_TOKENS)
        fgserve["properties"]["stop"] = _nullable({"type": "string", "enum": [special.value for special in Special]})
        fgserve["properties"]["min_tokens"] = _nullable({"const": 0})
        fgserve["properties"]["max_tokens"] = _nullable({**_integer(1), "default": FGSERVE_MAX_TOKENS})
        model = _nullable({"type": "string", "const": self._name})
        numbers = {"type": "array", "items": {"type": "integer"}}
        tokens = {"type": "array", "items": self._token}
        return {
            "CompletionRequest": completion,
            "FgserveRequest": fgserve,
            "TokenizeRequest": _object(
                {
                    "model": model,
                    "prompt": {"type": "string"},
                    "add_special_tokens": _nullable({"type": "boolean", "default": True}),
                    "return_token_strs": _nullable({"type": "boolean", "default": False}),
                },
                ["prompt"],
            ),
            "DetokenizeRequest": _object({"model": model, "tokens": tokens}, ["tokens"]),
            "Error": _answer(
                {
                    "error": _answer(
                        {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": _nullable({"type": "string"}),
                            "code": _integer(400, 599),
                        }
                    )
                }
            ),
            "ModelList": _answer(
                {
                    "object": {"const": "list"},
                    "data": {
                        "type": "array",
                        "items": _answer(
                            {
                                "id": {"type": "string"},
                                "object": {"const": "model"},
                                "created": _integer(0),
                                "owned_by": {"type": "string"},
                                "root": {"type": "string"},
                                "parent": {"type": "null"},
                                "max_model_len": _integer(1),
                                "permission": {"type": "array"},
                                "extensions": {"type": "array", "items": {"type": "string"}},
                            }
                        ),
                    },
                }
            ),
            "Completion": _answer(
                {
                    "id": {"type": "string"},
                    "object": {"const": "text_completion"},
                    "created": _integer(0),
                    "model": {"type": "string"},
                    "system_fingerprint": {"type": "null"},
                    "choices": {"type": "array", "minItems": 1, "items": _choice(tokens)},
                    "usage": _answer(
                        {
                            "prompt_tokens": _integer(1),
                            "completion_tokens": _integer(1),
                            "total_tokens": _integer(2),
                        }
                    ),
                }
            ),
            "Tokens": _answer(
                {
                    "count": _integer(0),
                    "max_model_len": _integer(1),
                    "tokens": numbers,
                    "token_strs": _nullable({"type": "array", "items": {"type": "string"}}),
                }
            ),
            "Text": _answer({"prompt": {"type": "string"}}),
        }

    def _completion(self, max_tokens: int) -> Schema:
        prompt = {"type": "array", "items": self._token, "minItems": 1, "maxItems": self._context - 1}
        # Bounds that hold for each field alone; prompt and max_tokens together have to fit into the context.
        count = _nullable(_integer(0, MAX_LOGPROBS))
        properties: Schema = {
            "model": _nullable({"type": "string", "const": self._name}),
            "prompt": {
                "anyOf": [prompt, {"type": "array", "items": prompt, "minItems": 1, "maxItems": self._limits.sequences}]
            },
            "max_tokens": _nullable({**_integer(1, self._context - 1), "default": max_tokens}),
            "temperature": _nullable({"type": "number", "minimum": 0, "default": 1.0}),
            "top_p": _nullable({"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1.0}),
            "seed": _nullable(_integer(*SEEDS)),
            "n": _nullable({**_integer(1, self._limits.sequences), "default": 1}),
            "stop_token_ids": _nullable({"type": "array", "items": {"type": "integer"}}),
            "logprobs": count,
            "prompt_logprobs": count,
            "return_token_ids": _nullable({"type": "boolean", "default": False}),
            "return_tokens_as_token_ids": _nullable({"type": "boolean", "default": False}),
            "skip_special_tokens": _nullable({"type": "boolean", "default": True}),
            "stream": _nullable({"const": False}),
            **{name: schema for name, schema in self._extension_schemas().items() if name in self._extensions},
        }
        return _object(properties, ["prompt"])

    def _extension_schemas(self) -> Schema:
        places = {"type": "array", "items": _integer(0)}
        constraint = _object(
            {
                "type": {"const": grammar.KIND},
                "complete": _nullable({"type": "boolean", "default": True}),
                "depth": _nullable({**_integer(0), "default": 0}),
                "before": _nullable({"type": "array", "items": self._token}),
                "frame_tokens": _nullable(_integer(1)),
            },
            ["type"],
        )
        after = _object({"id": {"type": "string"}, "lengths": _nullable(places), "tails": _nullable(places)}, ["id"])
        return {
            "after": _nullable(after),
            "constraint": _nullable({"anyOf": [{"const": grammar.KIND}, constraint]}),
            "draft": _nullable({"type": "array", "items": self._token}),
            "prompt_logprobs_start": _nullable({**_integer(1), "default": 1}),
        }


def _choice(tokens: Schema) -> Schema:
    numbers = {"type": "array", "items": {"type": "number", "maximum": 0}}
    logprobs = _answer(
        {
            "text_offset": {"type": "array", "items": _integer(0)},
            "token_logprobs": numbers,
            "tokens": {"type": "array", "items": {"type": "string"}},
            "top_logprobs": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": {"type": "number", "maximum": 0}},
            },
        }
    )
    opinion = _answer(
        {
            "logprob": {"type": "number", "maximum": 0},
            "rank": _integer(1),
            "decoded_token": _nullable({"type": "string"}),
        }
    )
    return {
        **_answer(
            {
                "index": _integer(0),
                "text": {"type": "string"},
                "logprobs": _nullable(logprobs),
                "finish_reason": {"enum": ["stop", "length"]},
                "stop_reason": _nullable({"type": "integer"}),
                "prompt_logprobs": _nullable(
                    {"type": "array", "items": _nullable({"type": "object", "additionalProperties": opinion})}
                ),
                "token_ids": _nullable(tokens),
                "prompt_token_ids": _nullable(tokens),
                "tokens": tokens,
            }
        )
    }


def _operation(summary: str, responses: dict[int, Schema]) -> Schema:
    shapes = {str(status): response for status, response in responses.items()}
    for status in (401, 403):
        shapes.setdefault(str(status), {**_json(_ref("Error")), "description": _ERRORS[status]})
    return {"summary": summary, "responses": shapes}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _answer(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _integer(low: int, high: int | None = None) -> Schema:
    return {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema) -> Schema:
    return _content("application/json", schema)


def _content(kind: str, schema: Schema, *, describe: bool = True) -> Schema:
    content = {"content": {kind: {"schema": schema}}}
    return {"description": "The answer.", **content} if describe else content


def _empty() -> Schema:
    return {"description": "It does not, and has to be started again."}
