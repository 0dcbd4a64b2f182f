"""Lines behind which everything is as it was before them: no code of the program can have run, and no name was bound.

Only comparisons by `is` and jumps are such, and `try:`. Anything else may be somebody's code: `in` calls
`__contains__`, a truth value `__bool__`, and a new value lets `__del__` of the old one run.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType

_KNOWN = (3, 11) <= sys.version_info < (3, 14)  # whose jumps are relative, with what they cache behind them
_CACHE = 0


def _opcodes(*names: str) -> frozenset[int]:
    return frozenset(dis.opmap[name] for name in names if name in dis.opmap)


_HARMLESS = _opcodes("NOP", "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "LOAD_DEREF")
_IS = _opcodes("IS_OP")
_JUMP = _opcodes("JUMP_FORWARD")
_IF_NONE = _opcodes(
    *("POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE"),
    *("POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_FORWARD_IF_NOT_NONE"),
)
_IF_TRUE = _opcodes(
    *("POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE"),
    *("POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_FORWARD_IF_FALSE"),
)
_BEGINNING = _HARMLESS | _JUMP  # what such a line can begin with


class InertLines:
    """Tells them of one code object."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._bytes = b""
        self._lines: dict[int, int | None] = {}  # by the offset at which a line begins, or goes on

    def has(self, start: int) -> bool:
        """Whether what runs from `start`, where a line begins, up to the next line is harmless on every way."""
        if not _KNOWN:
            return False
        if not self._bytes:
            self._bytes = self._code.co_code
        code, lines = self._bytes, self._lines
        if code[start] not in _BEGINNING:
            return False
        if not lines:
            self._lines = lines = {first: line for first, _, line in self._code.co_lines()}
        own = lines.get(start)
        if own is None:
            return False
        ways = [start]
        while ways:
            at = ways.pop()
            compared = False  # by `is`, whose result is a bool
            while at < len(code):
                if at != start and lines.get(at, own) not in (own, None):
                    break  # another line, of which there is an event
                operation = code[at]
                behind = at + 2
                while behind < len(code) and code[behind] == _CACHE:
                    behind += 2
                if operation in _IF_NONE or (operation in _IF_TRUE and compared) or operation in _JUMP:
                    target = behind + 2 * code[at + 1]
                    if lines.get(target) is None or target <= at:
                        return False
                    if operation in _JUMP:
                        if lines[target] == own:
                            return False
                        break
                    ways.append(target)
                elif operation not in _HARMLESS and operation not in _IS:
                    return False
                compared = operation in _IS
                at = behind
            else:
                return False
        return True
