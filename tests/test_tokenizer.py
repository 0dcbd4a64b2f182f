"""Segments come back from their tokens as they went in, and no text is ever taken for a special token."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cwm_server.tokenizer import (
    HuggingFaceTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    TokenizerError,
    load_tokenizer,
)
from cwm_tracer.wire import Segment, Special, encode_context

pytest.importorskip("sentencepiece")

from cwm_server.training.tokenizer_training import train_tokenizer

SOURCE = """\
def count_letters(word, letter):  # << START_OF_TRACE
    total = 0
    for character in word:
        if character == letter and character not in "xyz":
            total += 1
    return f"{letter} is {total} times in {word}"
"""
DOCUMENT: list[Segment] = [
    *encode_context(SOURCE),
    Special.CALL,
    '{"word": "\'strawberry\'", "letter": "\'r\'"}',
    Special.ACTION,
    "def count_letters(word, letter):\n",
    Special.FRAME,
    Special.LINE,
    '{"word": "..", "letter": ".."}',
    Special.ACTION,
    "    total = 0\n",
    Special.FRAME,
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SentencePieceTokenizer:
    path = train_tokenizer([DOCUMENT] * 5, tmp_path_factory.mktemp("tokenizer"), size=580, threads=1)
    tokenizer = load_tokenizer(path)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    return tokenizer


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> HuggingFaceTokenizer:
    """A byte-level BPE in the layout of CWM's own `tokenizer.json`, with its special ids far above the vocabulary."""
    tokenizers = pytest.importorskip("tokenizers")
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([SOURCE], trainer)
    backend.add_special_tokens([special.value for special in reversed(Special)])
    path = tmp_path_factory.mktemp("remote") / "tokenizer.json"
    backend.save(str(path))
    tokenizer = load_tokenizer(path)
    assert isinstance(tokenizer, HuggingFaceTokenizer)
    return tokenizer


def joined(segments: list[Segment]) -> list[Segment]:
    """Neighbouring texts as one, empty ones left out."""
    result: list[Segment] = []
    for segment in segments:
        if isinstance(segment, str) and result and isinstance(result[-1], str):
            result[-1] += segment
        elif segment != "":
            result.append(segment)
    return result


CODE = st.sampled_from(
    [
        "    ",
        "\n",
        " = ",
        '": "',
        "..",
        "'",
        '"',
        "\\",
        "f'",
        '"""',
        "{",
        "}",
        ", ",
        "\u2581",
        "\0",
        "<0x41>",
        "<unk>",
        "é",
        "名",
        "🎉",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(CODE).map("".join), st.sampled_from([special.value for special in Special]))
SURROGATES = st.text(st.characters(categories=["Cs", "Lu"]))


@given(st.lists(st.one_of(st.sampled_from(Special), TEXTS, SURROGATES)))
@example([Special.CONTEXT, "\u2581 ▁\0\r\n\t\x0c\x85\u2028", "<|frame_sep|>"])
@example(["\ud83d", "\ude00"])
def test_segments_come_back_from_their_tokens(small: SentencePieceTokenizer, segments: list[Segment]) -> None:
    ids = small.encode(segments)
    assert small.decode(ids) == joined(segments)
    assert all(0 <= index < small.vocabulary_size for index in ids)


@given(st.lists(st.one_of(st.sampled_from(Special), TEXTS)))
def test_segments_come_back_from_a_remote_models_tokens(remote: HuggingFaceTokenizer, segments: list[Segment]) -> None:
    assert remote.decode(remote.encode(segments)) == joined(segments)


@given(TEXTS)
def test_the_bytes_of_tokens_join_to_the_text(
    small: SentencePieceTokenizer, remote: HuggingFaceTokenizer, text: str
) -> None:
    for tokenizer in (small, remote):
        try:
            ids = tokenizer.encode([text])
        except ValueError:  # a lone surrogate
            continue
        assert b"".join(map(tokenizer.bytes_of, ids)) == text.encode("utf-8", "surrogatepass")
        assert all(tokenizer.bytes_of(tokenizer.special(special)) == b"" for special in Special)


@given(st.data())
def test_whatever_a_model_says_decodes(small: SentencePieceTokenizer, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, small.vocabulary_size - 1)))
    segments = small.decode(ids)
    assert segments == joined(segments)


@pytest.mark.parametrize("special", Special)
def test_a_special_in_a_text_stays_text(request: pytest.FixtureRequest, special: Special) -> None:
    for name in ("small", "remote"):
        tokenizer: Tokenizer = request.getfixturevalue(name)
        ids = tokenizer.encode([f"x = '{special.value}'\n", special])
        assert ids.count(tokenizer.special(special)) == 1
        assert ids[-1] == tokenizer.special(special)


def test_special_tokens_have_fixed_low_ids(small: SentencePieceTokenizer) -> None:
    assert [small.special(special) for special in Special] == list(range(1, 11))


def test_special_ids_of_a_remote_model_are_those_of_its_file(remote: HuggingFaceTokenizer) -> None:
    ids = [remote.special(special) for special in Special]
    assert ids == sorted(ids, reverse=True)
    assert remote.vocabulary_size == ids[0] + 1


def pieces(tokenizer: SentencePieceTokenizer, segments: list[Segment]) -> list[str]:
    return [tokenizer.bytes_of(index).decode() for index in tokenizer.encode(segments)]


def test_structure_is_fused_and_digits_are_split(small: SentencePieceTokenizer) -> None:
    shown = pieces(small, [Special.LINE, '{"total": "..", "letter": "123"}'])
    assert "".join(shown[1:]) == '{"total": "..", "letter": "123"}'
    assert {'{"', '": "..", "', '": "', "1", "2", "3", '"}'} <= set(shown)


@pytest.mark.parametrize(
    ("segments", "spelled"),
    [
        ([Special.ACTION, "total = 'total'\n"], 1),
        ([Special.ACTION, 'total = "total"\n'], 1),
        ([Special.LINE, '{"total": "\'total\'"}'], 1),
        ([Special.LINE, '{"x": "\\"total\'s\\""}'], 1),
        ([Special.ACTION, 'total = f"{total} total"\n'], 1),
        ([Special.CONTEXT, '"""total of total."""\n'], 0),
    ],
)
def test_strings_are_spelled_and_names_are_not(
    small: SentencePieceTokenizer, segments: list[Segment], spelled: int
) -> None:
    shown = "|".join(pieces(small, segments))
    assert shown.count("t|o|t|a|l") == spelled
    assert shown.count("total") == str(segments[1]).count("total") - spelled


def test_a_name_and_its_copy_have_the_same_tokens_in_source_and_state(small: SentencePieceTokenizer) -> None:
    source = pieces(small, [Special.ACTION, "words = ['abba', 1.5]\n"])
    state = pieces(small, [Special.LINE, '{"words": "[\'abba\', 1.5]"}'])
    assert [piece for piece in source if piece in ("a", "b")] == list("abba")
    assert [piece for piece in state if piece in ("a", "b")] == list("abba")


def test_training_a_tokenizer_twice_gives_the_same_file(tmp_path: Path) -> None:
    first, second = (train_tokenizer([DOCUMENT] * 5, tmp_path / name, size=560, threads=1) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert load_tokenizer(first).digest == hashlib.sha256(first.read_bytes()).hexdigest()
    assert load_tokenizer(tmp_path / "a").vocabulary_size <= 560


def test_a_remote_tokenizer_refuses_a_lone_surrogate_by_name(remote: HuggingFaceTokenizer) -> None:
    with pytest.raises(ValueError, match=r"U\+D83D"):
        remote.encode(["x\ud83d"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("tokenizer.model", b"nonsense", "not a sentencepiece model"),
        ("tokenizer.json", b"nonsense", "not a tokenizer file"),
        ("tokenizer.txt", b"", r"ends in \.model"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    if name.endswith(".json"):
        pytest.importorskip("tokenizers")
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TokenizerError, match=message):
        load_tokenizer(tmp_path / name)


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"gone\.model can't be read"):
        load_tokenizer(tmp_path / "gone.model")
    with pytest.raises(TokenizerError, match=r"neither tokenizer\.model nor tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_a_remote_tokenizer_without_cwms_tokens_is_refused(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizers.Tokenizer(tokenizers.models.BPE()).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(TokenizerError, match=r"no token <\|begin_of_text\|>"):
        load_tokenizer(tmp_path)


def test_importing_the_tokenizers_imports_no_library() -> None:
    code = "import sys, cwm_server.tokenizer; print(json.dumps(sorted(sys.modules)))".replace("sys,", "json, sys,", 1)
    modules = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"torch", "sentencepiece", "tokenizers", "numpy"} & set(modules)
