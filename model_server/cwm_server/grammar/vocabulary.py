"""The tokens of a vocabulary as bytes: which continue a text that is going on, found without trying each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from cwm_server.tokenizer import Tokenizer
from cwm_tracer.wire import Special

S = TypeVar("S")
PLAIN = 0  # inside a JSON string; 1 follows a backslash, 2 to 5 stand before the digits of a \u escape
LEXES = range(6)
CLOSED = -1  # the string has ended
_AFTER_BACKSLASH = {ord(character): PLAIN for character in '"\\bfnrt'} | {ord("u"): 2}
_LINES = 5_000  # whose tokens are kept
_HEX = frozenset(b"0123456789abcdef")


def lex(state: int, byte: int) -> int | None:
    """Where a JSON string stands after one more byte, in the spelling of `json.dumps`: ASCII, escapes in lower case."""
    if state == PLAIN:
        if byte == 0x22:
            return CLOSED
        if byte == 0x5C:
            return 1
        return PLAIN if 0x20 <= byte < 0x80 else None
    if state == 1:
        return _AFTER_BACKSLASH.get(byte)
    if byte not in _HEX:
        return None
    return PLAIN if state == 5 else state + 1


@dataclass(slots=True, eq=False)
class _Node:
    """A place in the tree of all tokens' bytes."""

    children: dict[int, _Node] = field(default_factory=dict)
    tokens: list[int] = field(default_factory=list)


class Vocabulary:
    """`size` tokens, of which those beyond the tokenizer's own (a padded vocabulary) stand for nothing."""

    def __init__(self, tokenizer: Tokenizer, size: int | None = None) -> None:
        self.size = size or tokenizer.vocabulary_size
        known = min(self.size, tokenizer.vocabulary_size)
        self.texts = [tokenizer.bytes_of(index) for index in range(known)] + [b""] * (self.size - known)
        self.ids = {special: tokenizer.special(special) for special in Special}
        self.specials = {index: special for special, index in self.ids.items()}
        for index in self.specials:
            self.texts[index] = b""
        self._tokenizer = tokenizer
        self._lines: dict[bytes, dict[int, int]] = {}
        self._root = _Node()
        for index, text in enumerate(self.texts):
            if text:
                self._insert(text, index)
        inside = [self._inside(state) for state in LEXES]
        # For each state of a string: the mask of the tokens that stay inside it, and those that leave it.
        self.staying = [mask for mask, _ in inside]
        self.leaving = [tokens for _, tokens in inside]

    def continuing(self, state: S, step: Callable[[S, int], S | None]) -> Iterator[int]:
        """The tokens all of whose bytes `step` takes from `state` on."""
        pending = [(self._root, state)]
        while pending:
            node, here = pending.pop()
            for byte, child in node.children.items():
                there = step(here, byte)
                if there is not None:
                    yield from child.tokens
                    if child.children:
                        pending.append((child, there))

    def pieces(self, line: bytes) -> dict[int, int]:
        """The tokens of a line of source, each by the number of bytes before it."""
        found = self._lines.get(line)
        if found is None:
            if len(self._lines) >= _LINES:
                self._lines.clear()
            found, offset = {}, 0
            for token in self._tokenizer.encode([Special.ACTION, line.decode("utf-8", "surrogatepass")])[1:]:
                found[offset] = token
                offset += len(self.texts[token])
            self._lines[line] = found
        return found

    def _insert(self, text: bytes, index: int) -> None:
        node = self._root
        for byte in text:
            child = node.children.get(byte)
            if child is None:
                child = node.children[byte] = _Node()
            node = child
        node.tokens.append(index)

    def _inside(self, start: int) -> tuple[bytes, list[int]]:
        staying, leaving = bytearray(self.size), []
        for index, text in enumerate(self.texts):
            if not text:
                continue
            state: int | None = start
            for byte in text:
                state = lex(state, byte)  # type: ignore[arg-type]
                if state is None or state == CLOSED:
                    break
            if state == CLOSED:
                leaving.append(index)
            elif state is not None:
                staying[index] = 1
        return bytes(staying), leaving
