"""Values that vary from run to run: learned from two runs of the same code, and left out of comparisons.

A recorded expectation holds `<varies>` where the value is not known beforehand: for a whole value or for a part of it.
"""

from __future__ import annotations

import re

from cwm_tracer.compare.literals import NotALiteral, Value, read
from cwm_tracer.compare.values import VARIES, matches

# Where pytest puts temporary directories: it numbers its runs, and xdist its workers.
_TEMPORARY = re.compile(r"pytest-of-[^/\\\\'\"]+[/\\\\]+pytest-[0-9]+(?:[/\\\\]+popen-gw[0-9]+)?")


def fits(seen: str, expected: str) -> bool:
    """Whether a value is what was expected, `<varies>` and the numbers in pytest's temporary paths left aside."""
    if matches(seen, expected):
        return True
    return "pytest-of-" in seen and "pytest-of-" in expected and matches(*map(_anywhere, (seen, expected)))


def _anywhere(text: str) -> str:
    return _TEMPORARY.sub("pytest-of", text)


def generalized(expected: str, seen: str, learn: bool) -> str:
    """`seen`, with `<varies>` where it is expected to vary, and with `learn` also where it is not what was expected."""
    if expected in (seen, VARIES):
        return expected
    if VARIES not in expected and (not learn or fits(seen, expected)):
        return seen
    try:
        return _general(read(expected), read(seen), learn)
    except NotALiteral:
        return VARIES if learn else seen


def _general(expected: Value, seen: Value, learn: bool) -> str:
    if expected.opaque and expected.atom == VARIES:
        return VARIES
    if VARIES not in expected.shown and fits(seen.shown, expected.shown):
        return seen.shown
    alike = expected.type == seen.type and expected.called == seen.called and not seen.opaque
    same_length = len(expected.items) == len(seen.items) and len(expected.fields) == len(seen.fields)
    known = {name.key: value for name, value in expected.fields}
    same_names = all(name.key in known for name, _ in seen.fields)
    is_set = seen.type in ("set", "frozenset")
    if not (alike and same_length and same_names and (seen.items or seen.fields)) or is_set:
        return VARIES if learn else seen.shown
    parts = [_general(old, new, learn) for old, new in zip(expected.items, seen.items, strict=True)]
    mark = "=" if seen.called else ": "
    parts += [f"{name.shown}{mark}{_general(known[name.key], value, learn)}" for name, value in seen.fields]
    text = ", ".join(parts)
    if seen.called:
        return f"{seen.type}({text})"
    if seen.type == "tuple":
        return f"({text},)" if len(parts) == 1 else f"({text})"
    return f"[{text}]" if seen.type == "list" else f"{{{text}}}"
