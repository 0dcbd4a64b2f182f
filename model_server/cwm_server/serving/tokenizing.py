"""vLLM's `/tokenize` and `/detokenize`, but that a special token's name in a text stays text."""

from __future__ import annotations

from typing import Any

from cwm_server.serving.answers import Texts
from cwm_server.serving.fields import Fields, RequestError, json_object
from cwm_server.tokenizer import Tokenizer
from cwm_tracer.wire import Special


def tokenize(body: bytes, name: str, tokenizer: Tokenizer, texts: Texts, context: int) -> dict[str, Any]:
    """The token ids of `prompt`, behind the one that begins a text unless that is not wanted. Raises RequestError."""
    fields = Fields(json_object(body), ("model", "prompt", "add_special_tokens", "return_token_strs"))
    check_model(fields.text("model"), name)
    prompt = fields.text("prompt")
    if prompt is None:
        fields.refuse("prompt", "a string is expected")
    try:
        ids = tokenizer.encode([Special.BEGIN, prompt] if fields.flag("add_special_tokens", True) else [prompt])
    except ValueError as error:
        raise RequestError(f"prompt: {error}", "prompt") from None
    strings = [texts.name(token, as_id=False) for token in ids] if fields.flag("return_token_strs", False) else None
    return {"count": len(ids), "max_model_len": context, "tokens": ids, "token_strs": strings}


def detokenize(body: bytes, name: str, texts: Texts, vocabulary: int) -> dict[str, Any]:
    """The text of `tokens`. Raises RequestError."""
    fields = Fields(json_object(body), ("model", "tokens"))
    check_model(fields.text("model"), name)
    if fields.get("tokens") is None:
        fields.refuse("tokens", "a list of token ids is expected")
    ids = fields.tokens("tokens")
    wrong = next((token for token in ids if not 0 <= token < vocabulary), None)
    if wrong is not None:
        message = f"token id {str(wrong)[:20]} is not in the vocabulary of {vocabulary} tokens"
        fields.refuse("tokens", message)
    return {"prompt": texts.of(ids)}


def check_model(wanted: str | None, name: str) -> None:
    """Raise RequestError for another model than the one that is served."""
    if wanted is not None and wanted != name:
        raise RequestError(f"the model {wanted[:80]!r} is not served here, {name!r} is", "model", 404)
