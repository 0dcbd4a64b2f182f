"""Secrets that a text itself names: `password='x'` in a repr, `"token": "x"` in JSON, `Authorization: Bearer x`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

REDACTED = "<redacted>"

_LONGEST = 5_000  # characters that one value may span
_MOST = 1_000  # texts that are remembered with what was hidden
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_QUOTE = re.compile(r"[bBrRuUfF]{0,2}(\\*['\"])")
_SCHEME = re.compile(r"(?:bearer|basic|digest|token|negotiate)(?:\s|%20|\+)+(?=\w)", re.IGNORECASE)
_RUN = re.compile(r"[^\s,;&'\"()\[\]{}<>\\]+")
_CALLED = re.compile(r"[A-Za-z_][\w.]*(?=[(\[{])")
_NAME_BEFORE = re.compile(r"[\w-]*\Z")
_STRING_OR_BRACKET = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[()\[\]{}]", re.DOTALL)
_NO_VALUES = frozenset({"None", "True", "False", "null", "true", "false"})


class NamedSecrets:
    """Finds what stands behind a secret name in a text.

    `words` are regular expressions in lower case, without groups; `is_secret` decides on the whole name that one of
    them was found in.
    """

    def __init__(self, words: Sequence[str], is_secret: Callable[[str], bool]) -> None:
        any_word = "|".join(words) or r"\Z(?!\Z)"
        self._mention = re.compile(any_word)
        # The rest of the name, a quote that may be escaped, and what separates a name from its value.
        self._named = re.compile(rf"(?:{any_word})[\w-]*(\\*['\"])?\s{{0,2}}(=|:|,)\s{{0,2}}(?![\s=:])", re.IGNORECASE)
        self._is_secret = is_secret
        self._known: dict[str, tuple[str, tuple[str, ...]]] = {}

    def are_in(self, text: str) -> bool:
        """Whether any of the words stands in the text."""
        return self._mention.search(text.lower()) is not None

    def hide(self, text: str, found: Callable[[str], object]) -> str:
        """The text with a placeholder for every value that is named; `found` is told each of them."""
        if not ("=" in text or ":" in text or "('" in text or '("' in text or "(\\" in text):
            return text
        known = self._known.get(text)  # the same values are shown again and again
        if known is None:
            secrets: list[str] = []
            hidden = self._hidden(text, secrets.append) if self.are_in(text) else text
            known = hidden, tuple(secrets)
            if len(text) <= _LONGEST:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[text] = known
        for secret in known[1]:
            found(secret)
        return known[0]

    def _hidden(self, text: str, found: Callable[[str], object]) -> str:
        pieces, done = [], 0
        for match in self._named.finditer(text):
            if match.start() < done or not self._is_named(text, match):
                continue
            start, end = _value(text, match.end(), named=match[2] == "=" or match[1] is not None)
            if end > start and not text.startswith(REDACTED, start):
                quote = _QUOTE.match(text, start)
                found(text[quote.end() : end - len(quote[1])] if quote is not None else text[start:end])
                pieces += [text[done:start], REDACTED]
                done = end
        return "".join(pieces) + text[done:] if pieces else text

    def _is_named(self, text: str, match: re.Match[str]) -> bool:
        before = _NAME_BEFORE.search(text, max(0, match.start() - 100), match.start())
        start = before.start() if before is not None else match.start()
        if match[2] == ",":  # ('password', 'x')
            opening = text[max(0, start - 4) : start].rstrip("\\'\"")
            if match[1] is None or not opening.endswith("("):
                return False
        end = match.start(1) if match[1] is not None else match.start(2)
        return self._is_secret(text[start:end].rstrip())


def without_scheme(text: str) -> str:
    """What stands behind the `Bearer` of a header's value."""
    scheme = _SCHEME.match(text)
    return text[scheme.end() :] if scheme is not None else text


def is_telling(text: str) -> bool:
    """Whether a text is a secret wherever it turns up, and not a word or a number that may have other uses."""
    if len(text) < 6:
        return False
    if text.isdecimal():
        return len(text) >= 8
    letters = text.replace("_", "")
    return len(text) >= 12 or not (letters.isalpha() and (text.islower() or text.isupper() or text.istitle()))


def _value(text: str, start: int, *, named: bool) -> tuple[int, int]:
    """The span of a value that begins at `start`, an empty one where none does.

    `named` says that the name was quoted or followed by an equals sign: it is no word of a sentence before a colon.
    """
    quote = _QUOTE.match(text, start)
    if quote is not None:
        end = _end_of_string(text, quote.end(), quote[1])
        return start, end if end - quote.end() > len(quote[1]) else start
    scheme = _SCHEME.match(text, start)
    run = _RUN.match(text, scheme.end() if scheme is not None else start)
    if scheme is not None and run is not None:
        return run.span()
    called = _CALLED.match(text, start)
    opening = called.end() if called is not None else start
    template = text[start : start + 1] == "{" and text[start + 1 : start + 2] not in ("'", '"')
    if named and not template and text[opening : opening + 1] in _BRACKETS:
        return start, _end_of_brackets(text, opening)
    if run is None or run[0] in _NO_VALUES or run[0].startswith("%") or not (named or is_telling(run[0])):
        return start, start
    return run.span()


def _end_of_string(text: str, start: int, quote: str) -> int:
    """Behind the closing quote. In the repr of a repr both quotes of a string are escaped, those inside it twice."""
    end = start
    while (end := text.find(quote, end, start + _LONGEST)) >= 0:
        inside = text[start:end]
        if (len(inside) - len(inside.rstrip("\\"))) % (2 * len(quote)) == 0:
            return end + len(quote)
        end += 1
    return min(len(text), start + _LONGEST)


def _end_of_brackets(text: str, start: int) -> int:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text, start, start + _LONGEST):
        if match[0] in _BRACKETS:
            depth += 1
        elif match[0][0] in ")]}":
            depth -= 1
            if not depth:
                return match.end()
    return min(len(text), start + _LONGEST)
