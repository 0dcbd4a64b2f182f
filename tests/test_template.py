"""How a trace is put before a model is part of a cassette's key by its version, `TEMPLATE`: neither changes alone.

When a test here fails, answers that were recorded before fit no longer: raise `TEMPLATE` in
`pytest_cwm/predictors/identity.py` and write the golden file of the new version with `python tests/test_template.py`,
which never overwrites one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import Raw, call, line, raised, returned
from cwm_server.tokenizer import HuggingFaceTokenizer, SentencePieceTokenizer, Tokenizer
from cwm_tracer import wire
from cwm_tracer.model import Context, Frame, Trace
from cwm_tracer.wire import Special
from pytest_cwm.predictors.identity import TEMPLATE
from pytest_cwm.predictors.prompts import Codec, Unfit, windows

GOLD = Path(__file__).parent / "gold"
SOURCE = """\
RATE = 0.07
def named(key, *, plural=False):
    return f"{key!r} x{plural:>4} 'é' \\"<|frame_sep|>\\""

def total(items, rate=RATE):  # << START_OF_TRACE
    sum = 0
    for name, price in items:
        sum += price * 12345
        if named(name) in ("a b", 'c', \"\"\"d\"\"\"):
            raise KeyError(name)
    return sum
"""
# Every rule of the wire: `..` and where it ends, a literal `..`, callees, exceptions, generators, hostile text.
FRAMES = [
    call("def total(items, rate=RATE):  # << START_OF_TRACE", items=[("it's", 3)], rate=0.07),
    line("    sum = 0", items=[("it's", 3)], rate=0.07),
    line("    for name, price in items:", items=[("it's", 3)], rate=0.07, sum=0),
    line("        sum += price * 12345", items=[("it's", 3)], rate=0.07, sum=0, name="it's", price=3),
    call("def named(key, *, plural=False):", scope=1, key="it's", plural=False),
    line('    return f"{key!r} x{plural:>4} \'é\' \\"<|frame_sep|>\\""', scope=1, key="it's", plural=Raw("..")),
    returned('    return f"{key!r} x{plural:>4} \'é\' \\"<|frame_sep|>\\""', "<|frame_sep|> é 日本 \x00\n", scope=1),
    line("            raise KeyError(name)", items=[("it's", 3)], rate=0.07, sum=37035, name="it's", price=3),
    raised("            raise KeyError(name)", KeyError("it's")),
    line("    return sum", items=[("it's", 3)], rate=0.07, sum=37035),
    call("    return (item for item in items)", scope=2, **{".0": Raw("<list_iterator object>")}),
    returned("    return (item for item in items)", "\U0001f40d", scope=2),
    returned("    return sum", None),
]
TRACE = Trace(tuple(FRAMES), Context(SOURCE))


def text() -> str:
    """The wire's text, of the trace in one piece and in windows of 600 characters."""
    shown = [wire.to_text([*wire.encode_context(SOURCE), *wire.encode(TRACE)])]
    context = wire.to_text(wire.encode_context("x\n"))
    shown += (
        f"frame {window.frame} needs {window.tokens} tokens"
        if isinstance(window, Unfit)
        else f"frames {window.first} to {window.stop - 1}: {bytes(window.ids).decode()}"
        for window in windows(_spelled, [*context.encode()], FRAMES, 600)
    )
    return "\n\n".join(shown) + "\n"


def tokens(tokenizer: Tokenizer) -> str:
    """The tokens of the context, then those of each frame on a line."""
    codec, cursor = Codec(tokenizer), wire.START
    lines = [codec.context(SOURCE)]
    for frame in FRAMES:
        lines.append(codec.frame(frame, cursor))
        cursor = cursor.after(frame)
    return "\n".join(" ".join(map(str, ids)) for ids in lines) + "\n"


def test_the_text_before_a_model_is_that_of_its_template() -> None:
    assert text() == _golden("text.txt")


def test_the_embedded_models_tokens_are_those_of_its_template() -> None:
    pytest.importorskip("sentencepiece")
    assert tokens(_sentencepiece()) == _golden("sentencepiece.txt")


def test_a_remote_models_tokens_are_those_of_its_template() -> None:
    pytest.importorskip("tokenizers")
    assert tokens(_hugging_face()) == _golden("hugging-face.txt")


def _golden(name: str) -> str:
    path = _path(name)
    assert path.exists(), f"there is no golden file of template {TEMPLATE}: python tests/test_template.py"
    return path.read_text(encoding="utf-8")


def _path(name: str) -> Path:
    return GOLD / f"template-{TEMPLATE}-{name}"


def _spelled(frame: Frame, cursor: wire.Cursor) -> list[int]:
    return [*wire.to_text(wire.encode_frame(frame, cursor)).encode()]


def _sentencepiece() -> SentencePieceTokenizer:
    """A vocabulary of a few pieces, from a file: training gives another one with another version of the library."""
    return SentencePieceTokenizer((GOLD / "tiny-tokenizer.model").read_bytes())


def _hugging_face() -> HuggingFaceTokenizer:
    """Bytes as CWM's own `tokenizer.json` has them, two merges, and its special tokens above them."""
    from tokenizers.pre_tokenizers import ByteLevel

    pieces = [*sorted(ByteLevel.alphabet()), "Ġ=", "it"]
    model = {"type": "BPE", "vocab": {piece: index for index, piece in enumerate(pieces)}, "merges": ["Ġ =", "i t"]}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    specials = [
        {"id": 1000 + number, "content": special.value, "special": True, **_PLAIN}
        for number, special in enumerate(Special)
    ]
    data = {"version": "1.0", "added_tokens": specials, "pre_tokenizer": level, "decoder": level, "model": model}
    return HuggingFaceTokenizer(json.dumps(data).encode())


_PLAIN = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def _made() -> Iterator[tuple[str, str]]:
    yield "text.txt", text()
    yield "sentencepiece.txt", tokens(_sentencepiece())
    yield "hugging-face.txt", tokens(_hugging_face())


if __name__ == "__main__":
    for name, made in _made():
        if _path(name).exists():
            print(f"{_path(name).name} is there and stays: a change of the format needs a new TEMPLATE")
        else:
            _path(name).write_text(made, encoding="utf-8")
