"""Reading the variables of a live frame where merely looking at `f_locals` does harm."""

from __future__ import annotations

import ctypes
import dis
import sys
from types import CodeType, FrameType
from typing import Any

Window = tuple[str, int, int]  # a name, and the first offset at which it can't be read, and the first at which it can

# CPython 3.13.0 to 3.13.2 crash (gh-128396) when a variable that a closure uses is read while an inlined comprehension
# keeps its own variable of that name in its place.
_CRASHES = (3, 13) <= sys.version_info < (3, 13, 3)
_CLEARS: int = dis.opmap.get("LOAD_FAST_AND_CLEAR", -1)
# What a program may hold its own frame's dict by.
_LOOKS_AT_LOCALS = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "f_locals", "f_back", "breakpoint"}
)
# Loads of a name, and what their argument counts it in: from 3.11 on that of LOAD_GLOBAL has a flag in its lowest bit.
_LOADS = {dis.opmap["LOAD_NAME"]: 1, dis.opmap["LOAD_GLOBAL"]: 2 if sys.version_info >= (3, 11) else 1}
_HOLDERS = 3  # of the dict that belongs to a frame: the frame, a variable here, and the argument that is counted
_variable: Any = getattr(ctypes.pythonapi, "PyFrame_GetVar", None)  # from 3.12 on
if _variable is not None:
    _variable.restype = ctypes.py_object
    _variable.argtypes = (ctypes.py_object, ctypes.py_object)


def unreadable(code: CodeType) -> tuple[Window, ...]:
    """Where some variables of a frame of this code can't be read."""
    if not _CRASHES or not code.co_cellvars or not _may_clear_a_cell(code):
        return ()
    instructions = list(dis.get_instructions(code))
    entries = list(getattr(dis.Bytecode(code), "exception_entries", ()))
    windows: list[Window] = []
    for taken in instructions:
        if taken.opname == "LOAD_FAST_AND_CLEAR" and taken.argval in code.co_cellvars:
            # The comprehension is guarded: its end, and what cleans up after an exception, put the cell back.
            guard = min((entry for entry in entries if entry.start > taken.offset), key=lambda entry: entry.start)
            prepared = (each for each in instructions if taken.offset < each.offset < guard.start)
            if any(each.opname == "MAKE_CELL" and each.argval == taken.argval for each in prepared):
                continue  # a closure in it uses its variable too, which is a cell then
            begins = ((taken.offset, guard.end), (guard.target, guard.target))
            for first, searched in begins:
                back = (each.offset for each in instructions if each.offset >= searched and _stores(each, taken.argval))
                windows.append((taken.argval, first, next(back, len(code.co_code))))
    return tuple(windows)


def _may_clear_a_cell(code: CodeType) -> bool:
    """Whether an inlined comprehension may have a variable of a closure's name; from the bytes, to be quick."""
    instructions, name_of = code.co_code, code._varname_from_oparg  # type: ignore[attr-defined]
    operations = instructions[::2]
    at = operations.find(_CLEARS)
    while at >= 0:
        if operations[at - 1] == dis.EXTENDED_ARG or name_of(instructions[2 * at + 1]) in code.co_cellvars:
            return True
        at = operations.find(_CLEARS, at + 1)
    return False


def _stores(instruction: dis.Instruction, name: str) -> bool:
    kept = instruction.argval
    return instruction.opname.startswith("STORE_FAST") and (kept == name or (type(kept) is tuple and name in kept))


def readable_locals(frame: FrameType, windows: tuple[Window, ...]) -> dict[str, Any]:
    """The variables of a frame but those that can't be read where it stands."""
    at = frame.f_lasti
    hidden = {name for name, first, end in windows if first <= at <= end}
    mapping = frame.f_locals
    return {name: mapping[name] for name in mapping if name not in hidden}


def borrowed_locals(frame: FrameType) -> dict[str, Any]:
    """The variables of a function's frame on 3.12, whose own dict is not left behind.

    That dict would keep alive what the program drops, and it is the one that `locals()` returns: a program that loops
    over it may not find it changed.
    """
    code = frame.f_code
    if not _LOOKS_AT_LOCALS.isdisjoint(code.co_names):
        return _one_by_one(frame, code)
    mapping = frame.f_locals
    values = dict(mapping)
    if sys.getrefcount(mapping) == _HOLDERS:
        mapping.clear()
    return values


def _one_by_one(frame: FrameType, code: CodeType) -> dict[str, Any]:
    values = {}
    for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
        try:
            values[name] = _variable(frame, name)
        except NameError:  # noqa: PERF203
            continue  # not bound
    return values


def holds_its_locals(code: CodeType) -> bool:
    """Whether code keeps, or loops over, what `locals()` returns: before 3.13 it changes with every traced event."""
    if not _may_ask_for_locals(code):
        return False
    shown = [each for each in dis.get_instructions(code) if each.opname not in ("PRECALL", "PUSH_NULL")]
    for at, each in enumerate(shown[:-2]):
        if each.opname in ("LOAD_GLOBAL", "LOAD_NAME") and each.argval in ("locals", "vars") and _calls(shown[at + 1]):
            at += 2
            if shown[at].opname in ("LOAD_METHOD", "LOAD_ATTR") and _calls(shown[at + 1]):
                at += 2
            if shown[at].opname.startswith("STORE_"):
                return True
            if shown[at].opname == "GET_ITER" and shown[at + 1].opname == "FOR_ITER":
                return True
    return False


def _may_ask_for_locals(code: CodeType) -> bool:
    """Whether an instruction may load the global `locals` or `vars`: by the low bits of its argument.

    Disassembling takes half a millisecond, and every test names `locals`: pytest's assertions read it as an attribute.
    """
    loads = {
        (opcode, (index * scale + more) & 0xFF)
        for index, name in enumerate(code.co_names)
        if name in ("locals", "vars")
        for opcode, scale in _LOADS.items()
        for more in range(scale)
    }
    return bool(loads) and not loads.isdisjoint(zip(code.co_code[::2], code.co_code[1::2], strict=True))


def _calls(instruction: dis.Instruction) -> bool:
    """Whether it calls something without arguments."""
    return instruction.opname.startswith("CALL") and instruction.arg == 0
