"""Records: dataclasses and named tuples with the `__repr__` that Python wrote for them, as fields."""

from __future__ import annotations

import collections
import dataclasses
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any

_mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_attributes_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_NAMED_TUPLES = collections.namedtuple.__code__.co_filename
_FIELD = dataclasses._FIELD  # type: ignore[attr-defined]


class _Unset:
    """Stands for a field that an object doesn't have yet, or no longer."""

    def __repr__(self) -> str:
        return "<unset>"


_UNSET = _Unset()
# By the `__repr__` of the class that it was written for, which may be gone one day.
_known: weakref.WeakKeyDictionary[types.FunctionType, tuple[str, ...] | None] = weakref.WeakKeyDictionary()


def fields_of(value: object) -> list[tuple[str, Any]] | None:
    """The fields that the repr of a record shows, read without running the program's code; None of other values."""
    kind = type(value)
    for owner in _mro_of(kind):
        attributes = _attributes_of(owner)
        method = attributes.get("__repr__")
        if method is None:
            continue
        if type(method) is not types.FunctionType:
            return None
        if method.__code__.co_filename == _NAMED_TUPLES and issubclass(kind, tuple):
            return _of_named_tuple(value, attributes["_fields"])
        if "__dataclass_fields__" not in attributes:
            return None
        if owner is not kind:
            names = _dataclass_fields(kind, method, attributes)
        elif method in _known:
            names = _known[method]
        else:
            names = _known[method] = _dataclass_fields(kind, method, attributes)
        return None if names is None else [(name, _read(value, name)) for name in names]
    return None


def _of_named_tuple(value: object, names: tuple[str, ...]) -> list[tuple[str, Any]] | None:
    items: list[Any] = list(tuple.__iter__(value))  # type: ignore[arg-type]
    return list(zip(names, items, strict=True)) if len(items) == len(names) else None


def _read(value: object, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return _UNSET


def _dataclass_fields(kind: type, method: types.FunctionType, attributes: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names that a generated `__repr__` shows of instances of `kind`; None where reading them would run code."""
    written = method.__dict__.get("__wrapped__")
    if type(written) is not types.FunctionType or written.__code__.co_filename != "<string>":
        return None
    bases = [_attributes_of(base) for base in _mro_of(kind)[:-1]]
    fields = attributes["__dataclass_fields__"].items()
    names = tuple(name for name, field in fields if field._field_type is _FIELD and field.repr)
    for name in ("__getattribute__", "__dict__", *names):
        of_class = next((base[name] for base in bases if name in base), None)
        if hasattr(type(of_class), "__get__") and type(of_class) not in _OF_THE_INTERPRETER:
            return None
    return names


_OF_THE_INTERPRETER = frozenset({types.MemberDescriptorType, types.GetSetDescriptorType})
