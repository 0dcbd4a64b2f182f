"""What must not leave the process under test: secrets, told by their name, their value or their shape."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from cwm_tracer.named_secrets import REDACTED, NamedSecrets, is_telling, without_scheme

__all__ = ["DEFAULT_NAMES", "REDACTED", "Redactor"]

DEFAULT_NAMES = (
    *("password", "passwd", "passphrase", "pwd", "secret", "credential", "private_key", "signing_key"),
    *("token", "auth_token", "access_token", "refresh_token", "bearer", "jwt", "cookie"),
    *("api_key", "access_key", "authorization", "auth_header", "basic_auth"),
)

_LONGEST_NAME = 100  # characters; longer keys are data
_SHORTEST = 6  # characters of a value that is hidden wherever it stands
_LONGEST = 10_000
_SHORTEST_LINE = 16  # of a value of several lines, such as a key
_MOST = 500  # values that are looked at to learn them, in all and of one container
_DEEPEST = 3
_QUOTINGS = 3  # the repr of a string that holds the repr of one that holds a secret
_NO_SECRETS = frozenset({"PWD", "OLDPWD"})  # environment variables that a shell sets
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_LONG_WORD = 8  # characters, from which on a word is told without a boundary before it


class Redactor:
    """Decides what is secret and puts `<redacted>` in its place.

    Secret are what a *name* says (a variable, a key, an attribute; see `is_secret_name`), the given *values* of at
    least six characters wherever they stand, and what one of the *patterns* matches. What is found under a secret name
    is learned, so that it can be hidden where it stands without that name: see `learned`.

    Raises ValueError for a name without letters or digits.
    """

    def __init__(
        self,
        names: Iterable[str] = DEFAULT_NAMES,
        values: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
    ) -> None:
        words = [_word(name) for name in names]
        long = "|".join(word for word in words if len(word) >= _LONG_WORD and "_" not in word)
        every = "|".join(words)
        self._secret = re.compile(rf"(?:(?:^|_)(?:{every})|(?:{long or '(?!)'}))s?(?:_|$)" if words else "(?!)")
        self._known: dict[str, bool] = {}
        self._named = NamedSecrets([word.replace("_?", r"[_ -]?") for word in words], self.is_secret_name)
        self._literals = literals_of(value for value in values if len(value) >= _SHORTEST)
        self._encoded = tuple(literal.encode("utf-8", "surrogatepass") for literal in self._literals)
        self._shortest = min(map(len, self._literals), default=0)
        self._patterns = tuple(patterns)
        self._learned: set[str] = set()
        self._judged: set[str] = set()

    @classmethod
    def for_environment(
        cls,
        environment: Mapping[str, str],
        names: Iterable[str] = DEFAULT_NAMES,
        values: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
    ) -> Redactor:
        """One that hides the values of all environment variables with secret names as well."""
        names = tuple(names)
        return cls(names, (*cls(names).secrets_of(environment), *values), patterns)

    # -- names

    def is_secret_name(self, name: str) -> bool:
        """Whether a variable or a key of this name is taken to hold a secret: `db_password`, `apiKey`, `X-Auth-Token`.

        One of the names must stand in it as a whole word, alone or in the plural.
        """
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= 10_000:
                self._known.clear()
            normal = len(name) <= _LONGEST_NAME and _WORD_END.sub("_", name).lower()
            known = self._known[name] = bool(normal) and self._secret.search(str(normal)) is not None
        return known

    def is_secret_key(self, key: object) -> bool:
        """The same of the key of a dict, which may be anything."""
        return type(key) is str and self.is_secret_name(key)

    def secrets_of(self, environment: Mapping[str, str]) -> Iterator[str]:
        """The values of the environment variables that have secret names."""
        for name in list(environment):
            if self.is_secret_name(name) and name not in _NO_SECRETS:
                yield environment.get(name, "")

    # -- texts

    def hide(self, text: str) -> str:
        """The text with every secret replaced. To be called once for each text that is new."""
        if self._literals or self._patterns:
            text = self.hide_values(text)
        return self._named.hide(text, self.learn)

    def hide_named(self, text: str, found: Callable[[str], object]) -> str:
        """The text without what it puts behind a secret name (`password='x'`); `found` is told what that was."""
        return self._named.hide(text, found)

    def hide_values(self, text: str) -> str:
        """The text without the given values and without what the patterns match, whatever names it mentions."""
        if len(text) >= self._shortest:
            for literal in self._literals:
                if literal in text:
                    text = text.replace(literal, REDACTED)
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def hide_in_bytes(self, data: bytes) -> bytes:
        """`hide_values` for strings somewhere in some bytes."""
        if not self._patterns and not any(literal in data for literal in self._encoded):
            return data
        return self.hide_values(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def mentions_names(self, text: str) -> bool:
        """Whether any secret name may stand in the text; False makes a closer look needless."""
        return self._named.are_in(text)

    # -- what is learned

    @property
    def learned(self) -> frozenset[str]:
        """What was found under secret names and is long and particular enough to be hidden wherever it stands."""
        return frozenset(self._learned)

    def learn(self, value: object) -> None:
        """`value` was found under a secret name."""
        if type(value) is str:
            if value not in self._judged and len(value) <= _LONGEST and len(self._judged) < _MOST:
                self._judged.add(value)
                text = without_scheme(value)
                if is_telling(text):
                    self._learned.add(text)
        elif _is_holding(value):
            for text in itertools.islice(_texts(value, 0), _MOST):
                self.learn(text)

    def forget(self) -> None:
        """Begin anew, so that what one recording shows doesn't depend on those before it."""
        self._learned.clear()
        self._judged.clear()


def literals_of(values: Iterable[str]) -> tuple[str, ...]:
    """Every way in which the values may be spelled in a repr, in source, in JSON or in a URL; the longest first."""
    found: set[str] = set()
    for value in values:
        lines = [line.strip() for line in value.splitlines()] if "\n" in value else []
        for text in (value, *(line for line in lines if len(line) >= _SHORTEST_LINE)):
            coded = text.encode("utf-8", "surrogateescape" if _is_surrogate_escaped(text) else "surrogatepass")
            found |= {text, json.dumps(text)[1:-1], repr(coded)[2:-1]}
            found |= {quote(coded), quote(coded, safe=""), quote_plus(coded)}
    for _ in range(_QUOTINGS):
        # A repr escapes a single quote only where there are double quotes as well.
        found |= {form for text in found for form in (repr(text)[1:-1], repr("\"'" + text)[4:-1])}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _word(name: str) -> str:
    """A name as a regular expression over normalised names, its words joined or not."""
    parts = [part for part in _WORD_END.sub("_", name).lower().split("_") if part]
    if not parts:
        raise ValueError(f"{name!r} is no name")
    return "_?".join(parts)


def _is_surrogate_escaped(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


_HOLDING = frozenset({bytes, list, tuple, dict, set, frozenset})


def _is_holding(value: object) -> bool:
    kind = type(value)
    return type(kind) is type and kind in _HOLDING  # a metaclass may define how types hash


def _texts(value: Any, depth: int) -> Iterator[str]:
    """The strings in a value of builtin types, as far as it is small."""
    kind = type(value)
    if kind is str:
        yield value
    elif kind is bytes:
        yield value.decode("utf-8", "replace")
    elif depth < _DEEPEST and _is_holding(value) and len(value) <= _MOST:
        for item in list(value.values() if kind is dict else value):
            yield from _texts(item, depth + 1)
