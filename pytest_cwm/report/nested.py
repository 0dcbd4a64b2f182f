"""Where inside two nested values the difference lies: deepdiff on plain data, under limits."""

from __future__ import annotations

from dataclasses import dataclass

from cwm_tracer.compare import Difference, NotALiteral, plain_data

# Beyond these, deepdiff takes too long and a list of paths tells a person nothing.
MAX_LENGTH = 4_000
MAX_PATHS = 8


def nested_differences(difference: Difference) -> tuple[Difference, ...]:
    """The difference item by item, `name` being a path such as `cart['items'][2]`.

    The difference itself where its values are not both built-in containers of one type, are too large, or differ
    in a way that has no path (0.0 and -0.0).
    """
    truth, predicted = difference.truth, difference.predicted
    if truth is None or predicted is None or not (truth[:1] == predicted[:1] and truth[:1] in tuple("[({")):
        return (difference,)
    if max(len(truth), len(predicted)) > MAX_LENGTH:
        return (difference,)
    try:
        found = _paths(plain_data(truth), plain_data(predicted))
    except NotALiteral:
        return (difference,)
    if not found or len(found) > MAX_PATHS:
        return (difference,)
    return tuple(Difference(difference.name + each.path, each.truth, each.predicted) for each in found)


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    truth: str | None
    predicted: str | None


def _paths(truth: object, predicted: object) -> list[_Found]:
    from deepdiff import DeepDiff
    from deepdiff.helper import NotPresent

    try:
        tree = DeepDiff(
            truth,
            predicted,
            view="tree",
            verbose_level=2,
            ignore_private_variables=False,
            ignore_nan_inequality=True,
            threshold_to_diff_deeper=0,
        )
        found = [
            _Found(
                _path(level.path(output_format="list"), level.report_type),
                None if isinstance(level.t1, NotPresent) else _repr(level.t1),
                None if isinstance(level.t2, NotPresent) else _repr(level.t2),
            )
            for kind in tree.values()
            for level in kind
        ]
    except Exception:
        # A lone surrogate in a set, a shape it does not expect: the whole values are shown instead.
        return []
    return sorted(found, key=lambda each: (each.path, each.truth or "", each.predicted or ""))


def _path(keys: list[object], kind: str) -> str:
    """Items of a set have no key: deepdiff gives them None."""
    in_set = kind.startswith("set_item")
    return "".join(f"[{_repr(key)}]" for key in (keys[:-1] if in_set else keys)) + (" (an item)" if in_set else "")


def _repr(value: object) -> str:
    """The repr of plain data, with sets in an order that does not change from run to run."""
    match value:
        case list():
            return f"[{', '.join(map(_repr, value))}]"
        case tuple():
            return f"({', '.join(map(_repr, value))}{',' if len(value) == 1 else ''})"
        case dict():
            return f"{{{', '.join(f'{_repr(key)}: {_repr(item)}' for key, item in value.items())}}}"
        case set() if value:
            return f"{{{', '.join(sorted(map(_repr, value)))}}}"
    return repr(value)
