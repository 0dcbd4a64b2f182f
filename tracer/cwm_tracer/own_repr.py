"""Values of which a `__repr__` in Python, and nothing else, makes the text."""

from __future__ import annotations

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
_Judged = tuple["weakref.ref[type]", "weakref.ref[types.FunctionType]", int, bool]
_MOST = 10_000


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
            known = weakref.ref(kind), weakref.ref(make), id(bases), _is_plain(kind, bases)
            self._judged[id(kind)] = known
        return known[3]


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
