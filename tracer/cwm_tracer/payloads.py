"""Arrays, tensors and data frames as small payloads: type, dtype, shape, a few elements, a digest of what isn't shown.

Nothing is imported here: a library that the program hasn't loaded has no values. Memory is read where the process can
read it; no operation of torch runs, so nothing waits for a device, and nothing shows in a profile.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import struct
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Show = Callable[[object], str]

_FEW = 8  # elements of an array that has more; rows and columns of a data frame
_EXACT = 64 << 20  # bytes that are read for a digest; of a larger array, a sample
_SAMPLE = 1 << 20  # elements
_FORMATS = {
    "bool": "?",
    "uint8": "B",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "complex64": "ff",
    "complex128": "dd",
}


def has_payload(kind: type) -> bool:
    """Whether values of a type are arrays, tensors or data frames."""
    return issubclass(kind, _known_types())


def payload_of(value: object, show: Show) -> str:
    """The payload of such a value, whose elements `show` renders. Raises what a library raises."""
    bases = type.__dict__["__mro__"].__get__(type(value))
    for library, name, make in _MAKERS:
        known = _type_in(library, name)
        if known is not None and any(base is known for base in bases):
            return make(value, show)
    raise TypeError(f"{type(value)} has no payload")


class _Known:
    """The types that libraries have, by the identities of those that are loaded."""

    libraries: tuple[int, ...] = ()
    types: tuple[type, ...] = ()


def _known_types() -> tuple[type, ...]:
    libraries = (*map(id, map(sys.modules.get, LIBRARIES)),)
    if libraries == _Known.libraries:
        return _Known.types
    loaded = [_type_in(library, name) for library, name, _ in _MAKERS if library in sys.modules]
    found = tuple(known for known in loaded if known is not None)
    if len(found) == len(loaded):  # else one of them is being imported
        _Known.libraries, _Known.types = libraries, found
    return found


def _type_in(library: str, name: str) -> type | None:
    module = sys.modules.get(library)
    found = vars(module).get(name) if isinstance(module, types.ModuleType) else None
    return found if isinstance(found, type) else None


def _written(value: object, about: Iterable[str], elements: str, digest: str = "") -> str:
    end = f", {digest}" if digest else ""
    return f"<{type(value).__name__} {' '.join(about)} {elements}{end}>"


def _digest(parts: Iterable[Any], sampled: bool = False) -> str:
    result = hashlib.blake2b(digest_size=6)
    for part in parts:
        result.update(part)
    return f"{result.hexdigest()}{' of a sample' if sampled else ''}"


def _first(items: list[Any], show: Show) -> str:
    """The text of a list that goes on."""
    return show(items)[:-1] + ", ...]"


# -- array.array and numpy


def _array(value: Any, show: Show) -> str:
    if len(value) <= _FEW:
        return _written(value, (value.typecode, f"({len(value)},)"), show(value.tolist()))
    shown = _first(value[:_FEW].tolist(), show)
    return _written(value, (value.typecode, f"({len(value)},)"), shown, _digest([value]))


def _ndarray(value: Any, show: Show) -> str:
    numpy = sys.modules["numpy"]
    plain = numpy.ndarray.view(value, numpy.ndarray)
    mask = getattr(value, "_mask", None) if type(value) is not numpy.ndarray else None
    hidden = [_ndarray(mask, show)] if type(mask) is numpy.ndarray else []
    about = (str(plain.dtype), str(plain.shape), *(f"mask {text}" for text in hidden))
    if plain.size <= _FEW:
        return _written(value, about, show(plain.tolist()))
    return _written(value, about, _first(plain.flat[:_FEW].tolist(), show), _ndarray_digest(plain, show))


def _ndarray_digest(plain: Any, show: Show) -> str:
    numpy = sys.modules["numpy"]
    sampled = plain.nbytes > _EXACT
    if sampled:
        step = math.ceil((plain.size / _SAMPLE) ** (1 / plain.ndim))
        plain = plain[(slice(None, None, step),) * plain.ndim]
    if plain.dtype.hasobject:
        return _digest([show(plain.ravel().tolist()).encode("utf-8", "surrogatepass")], sampled)
    plain = numpy.ascontiguousarray(plain)
    try:
        return _digest([plain], sampled)
    except (ValueError, TypeError, BufferError):  # a dtype that the buffer protocol doesn't know
        return _digest([plain.tobytes()], sampled)


# -- torch


def _tensor(value: Any, show: Show) -> str:
    torch = sys.modules["torch"]
    with torch._C.DisableTorchFunction():
        about = [str(value.dtype).removeprefix("torch."), str(tuple(value.shape)), str(value.device)]
        if value.requires_grad:
            about.append("requires_grad")
        if not _is_readable(value, torch):
            return _written(value, about, f"version {_version(value)}, elements not read")
        return _written(value, about, *_elements(value, about[0], show))


def _is_readable(value: Any, torch: Any) -> bool:
    """Whether the elements lie in memory of this process, as plain numbers."""
    return bool(
        (type(value) is torch.Tensor or type(value) is torch.nn.Parameter)
        and value.device.type == "cpu"
        and value.layout is torch.strided
        and not (value.is_quantized or value.is_conj() or value.is_neg())
        and not torch._C._functorch.is_functorch_wrapped_tensor(value)
        and not torch._is_functional_tensor(value)
        and (value.data_ptr() or not value.numel())
    )


def _version(value: Any) -> str:
    """How often it was changed in place, which is known without looking at the elements."""
    try:
        return str(value._version)
    except RuntimeError:  # made in inference mode
        return "unknown"


def _elements(value: Any, dtype: str, show: Show) -> tuple[str, str]:
    size, width, strides = value.numel(), value.element_size(), value.stride()
    shape, start = tuple(value.shape), value.data_ptr()
    few = [ctypes.string_at(start + width * at, width) for at in _offsets(shape, strides, min(size, _FEW))]
    items = [_number(data, dtype) for data in few]
    if size <= _FEW:
        return show(_nested(items, shape)), ""
    span = 1 + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    sampled = span * width > _EXACT
    if sampled:
        step = max(1, span // _SAMPLE)
        parts: list[Any] = [ctypes.string_at(start + width * at, width) for at in range(0, span, step)]
    else:
        parts = [(ctypes.c_char * (span * width)).from_address(start)]
    return _first(items, show), _digest([repr(strides).encode(), *parts], sampled)


def _offsets(shape: Sequence[int], strides: Sequence[int], count: int) -> list[int]:
    """Where the first elements stand, in elements from the first on."""
    offsets = []
    for index in range(count):
        offset = 0
        for length, stride in zip(reversed(shape), reversed(strides), strict=True):
            index, at = divmod(index, length)
            offset += at * stride
        offsets.append(offset)
    return offsets


def _number(data: bytes, dtype: str) -> Any:
    if dtype == "bfloat16":  # the upper half of a float32
        return struct.unpack("=f", b"\0\0" + data if sys.byteorder == "little" else data + b"\0\0")[0]
    form = _FORMATS.get(dtype)
    if form is None:
        return data
    numbers = struct.unpack(f"={form}", data)
    return complex(*numbers) if len(numbers) == 2 else numbers[0]


def _nested(items: list[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return items[0]
    if len(shape) == 1 or not items:
        return items
    each = len(items) // shape[0]
    return [_nested(items[at : at + each], shape[1:]) for at in range(0, len(items), each)]


# -- pandas


def _data_frame(value: Any, show: Show) -> str:
    columns = enumerate(value.columns[:_FEW].tolist())
    head = {name: value.iloc[:_FEW, at].tolist() for at, name in columns}
    axes = (value.columns, value.index)
    return _written(value, (str(value.shape),), show(head), _pandas_digest([*value._mgr.arrays, *axes], show))


def _series(value: Any, show: Show) -> str:
    parts = [value.array, *([value.index] if hasattr(value, "index") else [])]
    few = value[:_FEW] if not hasattr(value, "iloc") else value.iloc[:_FEW]
    about = (str(value.dtype), str(value.shape), *([repr(value.name)] if value.name is not None else []))
    return _written(value, about, show(few.tolist()), _pandas_digest(parts, show))


def _pandas_digest(parts: Iterable[Any], show: Show) -> str:
    asarray = sys.modules["numpy"].asarray
    return _digest(_ndarray(asarray(part), show).encode("utf-8", "surrogatepass") for part in parts)


_MAKERS: tuple[tuple[str, str, Callable[[Any, Show], str]], ...] = (
    ("array", "array", _array),
    ("numpy", "ndarray", _ndarray),
    ("torch", "Tensor", _tensor),
    ("pandas", "DataFrame", _data_frame),
    ("pandas", "Series", _series),
    ("pandas", "Index", _series),
)
LIBRARIES = ("array", "numpy", "torch", "pandas")
