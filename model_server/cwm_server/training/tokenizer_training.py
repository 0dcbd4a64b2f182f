"""Makes the embedded model's tokenizer: a sentencepiece vocabulary with symbols for the structure of traces."""

from __future__ import annotations

import io
import re
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cwm_server.tokenizer import SENTENCEPIECE_FILE, outside_quotes
from cwm_tracer.wire import Segment, Special

# Pieces that always stand as one token: they absorb white space and fuse the structure of LOCALS, which costs about
# a fifth of all tokens otherwise.
STRUCTURE = (
    '{"', '": "', '", "', '"}', '": "..", "', '": ".."}', "\": \"'", "'\", \"", "'\"}", '": "[', ']", "', ']"}',
    '": "(', ')", "', ')"}', '": "{', '}", "', '}"}', "{}", '": "[]', '": "{}', "\"'", "'\"", '"[', ']"', '": "<',
    '>", "', '": "True", "', '": "False", "', '": "None", "', '"None"',
)  # fmt: skip
CODE = (
    ", ", " = ", ": ", " + ", " - ", " * ", " / ", " // ", " % ", " == ", " != ", " < ", " > ", " <= ", " >= ",
    " += ", " -= ", " *= ", " in ", " not in ", " and ", " or ", " not ", " is ", " is not ", " if ", " else ",
    " for ", " -> ", " as ", "return ", "for ", "if ", "elif ", "else:", "while ", "def ", "class ", "assert ",
    "yield ", "raise ", "import ", "from ", "except ", "with ", "try:", "lambda ", "not ", "self.", "):", "():", "()",
    "[]", "''", '""', "), (", "], [", ")]", "])", "([", "[(", "((", "))", "',", "['", "']", "('", "')", "', '", "': ",
    "{'", "'}", "[[", "]]", "__", ".append(", "len(", "range(", "isinstance(", "    ", "        ", "            ",
    "                ", "                    ", "  # << START_OF_TRACE", "<class '", "'>, ", ", <traceback object>)",
    " object>",
)  # fmt: skip
MAX_PIECE = 10
_WORD = re.compile(" ?[A-Za-z]+")


def train_tokenizer(documents: Iterable[list[Segment]], out: Path, size: int = 2048, threads: int = 2) -> Path:
    """Learn at most `size` pieces from documents and write `tokenizer.model` into directory `out`; deterministic."""
    import sentencepiece

    symbols = list(dict.fromkeys((*STRUCTURE, *CODE, "\n", "\t", *string.digits, *string.punctuation)))
    model = io.BytesIO()
    trainer: Any = sentencepiece.SentencePieceTrainer
    trainer.Train(
        sentence_iterator=_sentences(documents, symbols),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        control_symbols=[special.value for special in Special],
        user_defined_symbols=[symbol.replace(" ", "\u2581") for symbol in symbols],
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        byte_fallback=True,
        split_digits=True,
        split_by_unicode_script=True,
        max_sentencepiece_length=MAX_PIECE,
        character_coverage=1.0,
        max_sentence_length=1 << 20,
        hard_vocab_limit=False,
        num_threads=threads,
        minloglevel=2,
    )
    out.mkdir(parents=True, exist_ok=True)
    path = out / SENTENCEPIECE_FILE
    path.write_bytes(model.getvalue())
    return path


def _sentences(documents: Iterable[list[Segment]], symbols: Iterable[str]) -> Iterator[str]:
    """The words of all texts that are outside quotes and symbols, a line of text at a time, with a digit between them.

    Punctuation is left out: a piece such as `([` would stand for some lists and not for others, and what looks
    different each time is hard to copy. Sentencepiece splits at the digits.
    """
    yield "0".join(string.ascii_letters + " ")
    longest = sorted(symbols, key=len, reverse=True)
    skipped = re.compile("|".join(map(re.escape, longest)))
    for segments in documents:
        source = True
        for segment in segments:
            if isinstance(segment, Special):
                source = segment in (Special.ACTION, Special.CONTEXT)
                continue
            plain = "\n".join(outside_quotes(segment, source))
            words = [word for text in skipped.split(plain) for word in _WORD.findall(text)]
            if words:
                yield "0".join(words)
