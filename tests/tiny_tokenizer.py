"""A sentencepiece model in the form of the embedded one, small enough to be trained in a test."""

from __future__ import annotations

import functools
import io
import string

from cwm_server.tokenizer import SentencePieceTokenizer
from cwm_tracer.wire import Special

SIZE = 400


@functools.cache
def tokenizer_bytes() -> bytes:
    import sentencepiece

    model = io.BytesIO()
    text = ["def total(items):", "    return total", "for item in items:", string.printable.replace("\n", " ")]
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(text * 4),
        model_writer=model,
        model_type="bpe",
        vocab_size=SIZE,
        control_symbols=[special.value for special in Special],
        user_defined_symbols=["\n", *string.digits],
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        byte_fallback=True,
        character_coverage=1.0,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


@functools.cache
def tiny_tokenizer() -> SentencePieceTokenizer:
    return SentencePieceTokenizer(tokenizer_bytes())
