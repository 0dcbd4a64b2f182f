"""Which values must not leave the process under test."""

from __future__ import annotations

import re
from functools import lru_cache

REDACTED = "<redacted>"

_LONGEST_NAME = 100  # characters; longer keys are data
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_SECRET_NAME = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|private_?key|credential"
    r"|authorization|auth_?header|cookie)s?(_|$)",
)


def is_secret_name(name: str) -> bool:
    """Whether a variable or a key of this name is taken to hold a secret: `db_password`, `apiKey`, `X-Auth-Token`."""
    return len(name) <= _LONGEST_NAME and _is_secret_name(name)


def is_secret_key(key: object) -> bool:
    """The same of the key of a dict, which may be anything."""
    return type(key) is str and is_secret_name(key)


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(_WORD_END.sub("_", name).lower()) is not None
