"""Values whose `__repr__` is the interpreter's own, and runs nobody's code."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from typing import Any

_DEFAULT = object.__repr__
_NATIVE = frozenset(
    kind.__repr__
    for kind in (
        *(type, types.FunctionType, types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodWrapperType),
        *(types.MethodDescriptorType, types.ClassMethodDescriptorType, types.GetSetDescriptorType),
        *(types.MemberDescriptorType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
        *(types.CodeType, types.FrameType, types.CellType, types.ModuleType, range, type(NotImplemented), re.Match),
    )
)
_HEAP_TYPE = 1 << 9  # in `__flags__`: made by a class statement, and may be renamed
_IMMUTABLE_TYPE = 1 << 8  # but not where this is set as well
_attribute_of: Callable[[type, str], Any] = type.__getattribute__  # whatever a metaclass says


def native_repr(value: object, *, default: bool = True) -> str | None:
    """The repr of a value of a type that leaves it to the interpreter; None of another.

    `default` says whether to tell that of an object, `<module.Name object at 0x...>`.
    """
    kind = type(value)
    if kind is types.MethodType:
        return _method_repr(value, default)
    make = _attribute_of(kind, "__repr__")
    if type(make) is not types.WrapperDescriptorType:
        return None
    if not default if make is _DEFAULT else make not in _NATIVE:
        return None
    text: str = make(value)
    return text


def is_native(kind: type) -> bool:
    """Whether all values of a type have a `native_repr`."""
    make = _attribute_of(kind, "__repr__")
    return type(make) is types.WrapperDescriptorType and (make is _DEFAULT or make in _NATIVE)


def is_fixed(kind: type) -> bool:
    """Whether all values of a type that has a `native_repr` have it always, made by `type.__repr__` of it alone."""
    if type(kind) is not type or kind is types.MethodType:
        return False
    return kind.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) != _HEAP_TYPE


def native_repr_of(kind: type) -> Callable[[Any], str]:
    """The function that makes the repr of all values of a type but `MethodType` that has a `native_repr`."""
    make: Callable[[Any], str] = _attribute_of(kind, "__repr__")
    return make


def _method_repr(method: Any, default: bool) -> str | None:
    function = method.__func__
    owner = native_repr(method.__self__, default=default) if type(function) is types.FunctionType else None
    return None if owner is None else f"<bound method {function.__qualname__} of {owner}>"


def is_lasting(value: Any) -> bool:
    """Whether nothing can change the repr of a value, and the program can't tell that somebody keeps it."""
    decide = _LASTING.get(id(type(value)))
    return decide is not None and decide(value)


_LASTING: dict[int, Callable[[Any], bool]] = {
    **{id(kind): lambda value: True for kind in (int, str, bytes, complex, range, type(...), type(NotImplemented))},
    id(type): lambda value: not value.__flags__ & _HEAP_TYPE,
    id(types.BuiltinFunctionType): lambda value: type(value.__self__) is types.ModuleType,
    id(types.WrapperDescriptorType): lambda value: not value.__objclass__.__flags__ & _HEAP_TYPE,
    id(types.MethodDescriptorType): lambda value: not value.__objclass__.__flags__ & _HEAP_TYPE,
}
