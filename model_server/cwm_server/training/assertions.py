"""Test modules as pytest compiles them: failing assertions explain themselves.

Only making training data needs pytest; serving does not.
"""

from __future__ import annotations

import ast
import functools
from typing import Any

SHOWN_LINES = 8


def rewritten(text: str) -> ast.Module:
    """The module's tree with pytest's assertion rewriting applied."""
    from _pytest.assertion import rewrite, util

    _config()
    setattr(util, "_reprcompare", _explanation)  # noqa: B010 - pytest itself sets it around each test
    tree = ast.parse(text)
    rewrite.rewrite_asserts(tree, text.encode("utf-8"))
    return tree


@functools.cache
def _config() -> Any:
    from _pytest.config import get_config

    config = get_config(["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:xdist"])
    config.parse(["-p", "no:terminal", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "/"])
    return config


def _explanation(operator: str, left: object, right: object) -> str | None:
    """What pytest's own hooks say of a failing comparison, cut where pytest cuts it."""
    config = _config()
    for answer in config.hook.pytest_assertrepr_compare(config=config, op=operator, left=left, right=right):
        lines = [line.replace("\n", "\\n") for line in answer or ()]
        if len(lines) > SHOWN_LINES + 2:
            lines = [*lines[:SHOWN_LINES], "...", "...Full output truncated, use '-vv' to show"]
        if lines:
            return "\n~".join(lines).replace("%", "%%")
    return None
