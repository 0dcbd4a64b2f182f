"""Values of which a `__repr__` in Python, and nothing else, makes the text."""

from __future__ import annotations

import dis
import inspect
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from cwm_tracer.digest import SIZED
from cwm_tracer.payloads import LIBRARIES, has_payload

_mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_module_of: Callable[[type], object] = type.__dict__["__module__"].__get__
_attributes_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_attribute_of: Callable[[type, str], Any] = type.__getattribute__  # whatever a metaclass says
_Judged = tuple["weakref.ref[type]", "weakref.ref[types.FunctionType]", int, bool, bool]
_MOST = 10_000
_STORES = frozenset({dis.opmap["STORE_ATTR"], dis.opmap["DELETE_ATTR"]})
_AWAITED = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class OwnReprs:
    """Remembers of types what holds as long as they have the same bases and the same `__repr__`."""

    def __init__(self) -> None:
        self._judged: dict[int, _Judged] = {}

    def has(self, value: Any) -> bool:
        """Whether the repr of a value's type is in Python, and it is no record, container, array or the like.

        The repr of a method is that of the object it is bound to.
        """
        kind = type(value)
        if kind is types.MethodType and type(value.__func__) is types.FunctionType:
            kind = type(value.__self__)
        make, bases = _attribute_of(kind, "__repr__"), _mro_of(kind)
        known = self._judged.get(id(kind))
        if known is None or known[0]() is not kind or known[1]() is not make or known[2] != id(bases):
            if type(make) is not types.FunctionType:
                return False
            if len(self._judged) >= _MOST:
                self._judged.clear()
            interferes = _interferes(make, bases)
            is_plain = not interferes and _is_plain(kind, bases)
            known = weakref.ref(kind), weakref.ref(make), id(bases), is_plain, interferes
            self._judged[id(kind)] = known
        return known[3]

    def interferes(self, value: Any) -> bool:
        """Whether the repr of a value's type is in Python and must not be asked: it would change the value."""
        if self.has(value):
            return False
        kind = type(value)
        if kind is types.MethodType:
            kind = type(value.__self__)
        known = self._judged.get(id(kind))
        return known is not None and known[0]() is kind and known[4]


def _interferes(make: types.FunctionType, bases: tuple[type, ...]) -> bool:
    """Whether a repr reads a property that sets attributes, or that makes a coroutine, which nobody would await.

    Such a property does its work when it is first read: it takes the length of an iterator, say, by using it up. What
    a repr does in the open, or by calling a method, its author wants to be done whenever somebody looks.
    """
    for name in make.__code__.co_names:
        found = next((attributes[name] for attributes in map(_attributes_of, bases) if name in attributes), None)
        if type(found) is property and type(found.fget) is types.FunctionType:
            code = found.fget.__code__
            if code.co_flags & _AWAITED or not _STORES.isdisjoint(code.co_code[::2]):
                return True
    return False


def _is_plain(kind: type, bases: tuple[type, ...]) -> bool:
    return not issubclass(kind, SIZED) and not has_payload(kind) and not any(map(_is_special, bases))


def _is_special(base: type) -> bool:
    """Of a dataclass, or of a library whose arrays may not be told from other values while it is being imported."""
    try:
        module = _module_of(base)
    except AttributeError:
        return True
    special = type(module) is not str or module.partition(".")[0] in LIBRARIES
    return special or "__dataclass_fields__" in _attributes_of(base)
