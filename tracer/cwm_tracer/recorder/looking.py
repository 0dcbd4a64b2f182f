"""Telling whether a value has changed since it was last looked at, without rendering it where that can be avoided."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from hashlib import sha256
from operator import attrgetter
from types import FunctionType, MethodType
from typing import Any

from cwm_tracer.digest import ATOMS, CONTAINERS
from cwm_tracer.native import is_fixed, is_lasting, native_repr, native_repr_of
from cwm_tracer.recorder.addresses import HAVE_ADDRESSES, addresses_of
from cwm_tracer.recorder.log import Item
from cwm_tracer.recorder.snapshots import Snapshots, is_big
from cwm_tracer.recorder.versions import HAVE_VERSIONS, version_of
from cwm_tracer.values import Renderer

LARGEST = (1 << 30) - 1  # the bounds on most whole numbers: ones that the interpreter keeps in one digit, which it
SMALLEST = -LARGEST  # compares sooner
_WIDEST = 1 << 64  # and on those that are kept as they are
LONGEST = 200  # characters of the strings that are
CHANGING: Any = object()  # stands for a last value that says nothing about the next

# What is known of a value: its exact type, if values of that type have a probe, else the way it was looked at; the
# probe; what that found; the item; and what must live as long as this is known. A probe is a function that finds
# something equal where the text is the same.
Known = tuple[Any, Any, Any, Item, Any]

CONSTANT: Any = object()  # a way: by its identity
_NATIVE: Any = object()  # by the interpreter's own repr, and the function that makes it
_METHOD: Any = object()  # by the repr of a method, which has in it that of what it is bound to
_OWN: Any = object()  # by what it says, and by its identity, as it may say its address
_COPY: Any = object()  # by a copy of it
_FOREIGN: Any = object()  # by its text, which must be made each time
UNFIT: Any = object()  # is found of a container that has no fingerprint
_SIZED = frozenset({str, bytes})
_LONGEST_KEY = 1_024  # bytes
_LONGEST_KEPT = 4_096  # characters
_SMALL = 64  # containers in a value, up to which nothing is written too often
_MOST_AGAIN = 500  # parts that stand in a value once more
_MANY = 16  # items of a dict, from which on its version is faster to read than it is to dump
_LONG = 16  # items of a list, from which on their addresses are faster to read than it is to dump
_FEW = 16  # items of a tuple that is kept as it is, if nothing in it can change; and of what is looked at one by one
_MOST = 1_000  # texts of each kind that are kept in case that they are needed again


are_atoms = ATOMS.issuperset  # of types


def fingerprint(value: Any) -> Any:
    """Bytes that are equal where two values are, for most values of builtin types.

    Reads nothing but builtin containers. Blind where a key has the bytes of another: a `memoryview` those of `bytes`.
    """
    if not are_atoms(map(type, value.values() if type(value) is dict else value)):
        return fingerprint_of_nested(value)
    try:
        return marshal.dumps(value, 2)
    except ValueError:  # a key of another type
        return UNFIT


def fingerprint_of_nested(value: Any) -> Any:
    """`fingerprint` of a container that holds more than atoms; UNFIT where it holds other things than containers.

    And where much stands in it twice: that `marshal` writes twice, in version 2, where equal values have equal bytes.
    With lists that hold one another its time doubles with each of the 2 000 levels that it goes down.
    """
    pending = [value]
    try:
        for parts in pending:
            for part in parts.values() if type(parts) is dict else parts:
                kind = type(part)
                if kind in ATOMS:
                    continue
                if kind not in CONTAINERS:
                    return UNFIT
                pending.append(part)
            if len(pending) > _SMALL:
                if not _is_written_soon(value):
                    return UNFIT
                break
        return marshal.dumps(value, 2)
    except (ValueError, RuntimeError):  # it is too deep, has a key of another type, or another thread changes it
        return UNFIT


def _is_written_soon(value: Any) -> bool:
    """Whether `marshal` can write a container, and does not write too many parts of it more than once."""
    pending, seen, again = [value], set[int](), 0
    for parts in pending:
        held = parts.values() if type(parts) is dict else parts
        if len(parts) > _FEW and are_atoms(map(type, held)):
            continue
        if id(parts) in seen:
            again += len(parts)
            if again > _MOST_AGAIN:
                return False
        before = len(pending)
        for part in held:
            kind = type(part)
            if kind in CONTAINERS:
                pending.append(part)
            elif kind not in ATOMS:
                return False
        if len(pending) > before:
            seen.add(id(parts))
    return True


_name = attrgetter("__qualname__")
_PROBES: dict[int, Callable[[Any], Any]] = {
    id(FunctionType): _name,
    **{id(kind): fingerprint for kind in (list, tuple, dict, set, frozenset)},
}


class Looker:
    """Gives values their items. Those that are equal share one where that is cheap."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._dumped: dict[bytes, tuple[Item, bool]] = {}
        self._lasting: dict[int, tuple[Any, Item]] = {}  # by identity
        self._functions: dict[str, Item] = {}
        self._hidden: dict[tuple[str, int], str] = {}
        self._said: dict[tuple[str, int], Item] = {}
        self._snapshots = Snapshots()

    def item(self, value: object) -> Item:
        """What any value is rendered from later."""
        if is_kept(value):
            return value
        if _PROBES.get(id(type(value))) is fingerprint:
            return self._container(value, fingerprint(value))[3]
        return (self._renderer(value),)

    def text(self, value: object) -> str:
        """The text of any value that is not kept."""
        text: str = self._constant(value)[0] if is_lasting(value) else self._renderer(value)
        return text

    def again(self, last: list[Any], known: list[Known | None], index: int, value: Any) -> Item | None:
        """The item of a value that can't be kept as it is; None where it has the text that it had before.

        What was last there are `last[index]` and, where that is CHANGING, `known[index]`.
        """
        kind = type(value)
        if kind is int and -_WIDEST < value < _WIDEST:
            last[index] = value
            return value
        before = known[index] if last[index] is CHANGING else None
        if before is not None:
            way = before[1]
            if way is _OWN:  # first, since these are asked the most
                said = self._renderer.own_repr(value)
                if said is not None:
                    if (said, id(value)) == before[2]:
                        return None
                    return self._store(
                        last,
                        known,
                        index,
                        (None, _OWN, (said, id(value)), self._rendered(self._renderer.told, value, said), None),
                    )
            elif way is CONSTANT:
                if before[2] is value:
                    last[index] = value
                    return None
            elif way is _NATIVE:
                make, told = before[2]
                if make is native_repr_of(type(value)) and make(value) == told:
                    return None
            elif way is _METHOD:
                if native_repr(value, default=self._renderer.describe is None) == before[2]:
                    return None
            elif way is _COPY and type(value) is bytearray and before[2].holds(value):
                return None
        probe = _PROBES.get(id(kind))
        if probe is not None:
            return self.changed(last, known, index, value, probe(value))
        if is_lasting(value):
            item = self._constant(value)
            last[index], known[index] = value, (None, CONSTANT, value, item, None)
            return item
        return self._store(last, known, index, self._look(value))

    def changed(self, last: list[Any], known: list[Known | None], index: int, value: Any, found: Any) -> Item | None:
        """`again` for a value whose type has a probe, after that has `found` what it had not found before."""
        kind = type(value)
        now: Known
        if kind is FunctionType:
            now = kind, _name, found, self._function(value, found), None
        elif type(found) is int or _has_version(value):
            version = version_of(value)  # as it was before anything else is read
            now = self._container(value, fingerprint(value), version)
        elif kind is list and (_has_addresses(value) or _is_known_by_addresses(known[index])):
            copy = value.copy()  # which nobody else has, and which keeps the items
            now = self._container(copy, fingerprint(copy), is_copy=True)
        elif _PROBES.get(id(kind)) is fingerprint:
            now = self._container(value, found)
        else:
            now = self._look(value)
        return self._store(last, known, index, now)

    def _store(self, last: list[Any], known: list[Known | None], index: int, now: Known) -> Item | None:
        before = known[index] if last[index] is CHANGING else None
        last[index] = now[2] if now[1] is CONSTANT else CHANGING
        if before is not None and before[3] == now[3]:
            known[index] = *now[:3], before[3], now[4]
            return None
        known[index] = now
        return now[3]

    def _look(self, value: Any) -> Known:
        """What is to be known of a value of a type that has no probe by itself."""
        renderer = self._renderer
        if is_big(value) and renderer.describe is None:
            snapshot = self._snapshots.find(value)
            if snapshot is None:
                content = bytes(value)  # which is rendered, since another thread may change the value meanwhile
                snapshot = self._snapshots.keep(content, (renderer(bytearray(content)),))
            return None, _COPY, snapshot, snapshot.item, None
        found = native_repr(value, default=renderer.describe is None)
        if found is not None:
            kind = type(value)
            item = self._rendered(renderer.native, value, found)
            make = native_repr_of(kind)
            if is_fixed(kind):
                return kind, make, found, item, None
            if kind is MethodType:
                return None, _METHOD, found, item, None
            return None, _NATIVE, (make, found), item, None
        said = renderer.own_repr(value)
        if said is not None:
            return None, _OWN, (said, id(value)), self._rendered(renderer.told, value, said), None
        return None, _FOREIGN, None, (renderer(value),), None

    def _function(self, value: Any, name: str) -> Item:
        item = self._functions.get(name)
        if item is None:
            item = (self._renderer(value),)
            if len(self._functions) >= _MOST:
                self._functions.clear()
            self._functions[name] = item
        return item

    def _rendered(self, render: Callable[[object, str], str], value: object, said: str) -> Item:
        """The item of a value that said this, whose text is made of that alone."""
        key = said, id(value)
        item = self._said.get(key)
        if item is None:
            item = (render(value, said),)
            if len(said) <= _LONGEST_KEPT:
                if len(self._said) >= _MOST:
                    self._said.clear()
                self._said[key] = item
        return item

    def _constant(self, value: Any) -> Item:
        known = self._lasting.get(id(value))
        if known is None:
            known = value, (self._renderer(value),)
            if type(value) not in _SIZED or len(value) <= _LONGEST_KEPT:
                if len(self._lasting) >= _MOST:
                    self._lasting.clear()
                self._lasting[id(value)] = known
        return known[1]

    def _container(self, value: Any, found: Any, version: int = 0, is_copy: bool = False) -> Known:
        """What is to be known of a list, tuple, dict or set with a fingerprint, and a version if it has had one.

        `is_copy`: nobody else has the list, so that its items stay where they are.
        """
        kind = type(value)
        if found is UNFIT:
            return kind, fingerprint, None, (self._renderer.of_container(value, self._hidden),), None
        key = found if len(found) <= _LONGEST_KEY else sha256(found).digest()
        known = self._dumped.get(key)
        if known is None:
            text, telling, is_flat = self._renderer.of_dumped(value, found)
            known = (text,), is_flat
            if not telling:  # but once it has changed, it may be
                return kind, fingerprint, None, known[0], None
            if len(self._dumped) >= _MOST:
                self._dumped.clear()
            self._dumped[key] = known
        item, is_flat = known
        if is_flat:  # what is in it can't change
            if kind is tuple and len(value) <= _FEW:
                return None, CONSTANT, value, item, None
            if version:
                return kind, version_of, version, item, None
            if is_copy and _has_addresses(value):
                return kind, addresses_of, addresses_of(value), item, value
        return kind, fingerprint, found, item, None


def _has_version(value: Any) -> bool:
    return HAVE_VERSIONS and type(value) is dict and len(value) > _MANY


def _has_addresses(value: Any) -> bool:
    return HAVE_ADDRESSES and type(value) is list and len(value) > _LONG


def _is_known_by_addresses(known: Known | None) -> bool:
    return known is not None and known[1] is addresses_of


def is_kept(value: Any) -> bool:
    """Whether a value is kept as it is: one that is small and that nobody can change, whose type is exactly builtin."""
    kind = type(value)
    if kind is int:
        return bool(-_WIDEST < value < _WIDEST)
    if kind is str:
        return len(value) <= LONGEST
    return value is None or kind is bool or kind is float
