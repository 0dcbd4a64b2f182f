"""Reading the locals of a live frame as text, in binding order, without changing the program."""

from __future__ import annotations

import sys
from types import FrameType

from cwm_tracer.digest import ATOMS
from cwm_tracer.redaction import REDACTED, is_secret_name
from cwm_tracer.values import Renderer

# Names that pytest's assertion rewriting adds to a function.
_HIDDEN_PREFIX = "@py"


class LocalsReader:
    """Renders the locals of frames; remembers per frame what it saw, so that unchanged atoms cost nothing.

    Only atoms are remembered as objects: a reference to anything else could keep it alive longer than the
    program would.
    """

    def __init__(self, renderer: Renderer) -> None:
        self.render = renderer
        self._seen: dict[int, dict[str, tuple[object, str]]] = {}

    def read(self, frame: FrameType) -> dict[str, str]:
        """Names and reprs of the frame's locals, names in the order in which they were first seen bound."""
        current = _locals_of(frame)
        before = self._seen.get(id(frame), {})
        names = [name for name in before if name in current]
        names += [name for name in current if name not in before and _is_shown(name)]
        seen: dict[str, tuple[object, str]] = {}
        shown: dict[str, str] = {}
        for name in names:
            value = current[name]
            known = before.get(name)
            if is_secret_name(name):
                text = REDACTED
            elif known is not None and known[0] is value:
                text = known[1]
            else:
                text = self.render(value)
            shown[name] = text
            kind = type(value)
            seen[name] = (value if type(kind) is type and kind in ATOMS else _OTHER, text)
        self._seen[id(frame)] = seen
        return shown

    def forget(self, frame: FrameType) -> None:
        """The frame has ended: another may get its address."""
        self._seen.pop(id(frame), None)

    def knows(self, frame: FrameType) -> bool:
        """Whether the frame was read before, and not forgotten."""
        return id(frame) in self._seen

    def clear(self) -> None:
        """Forget all frames."""
        self._seen.clear()


_OTHER = object()
# From 3.13 on the locals of a function are not a dict, but a view of the frame.
_VIEW = type((lambda: sys._getframe().f_locals)())


def _locals_of(frame: FrameType) -> dict[str, object]:
    """A copy of the frame's locals.

    On CPython <= 3.12 `f_locals` is the one dict of the frame, which is never to be written. A class body's may be
    anything that a metaclass prepares: no code of it is run.
    """
    mapping = frame.f_locals
    if type(mapping) is _VIEW:
        return dict(mapping)
    return dict(dict.items(mapping)) if issubclass(type(mapping), dict) else {}


def _is_shown(name: object) -> bool:
    return type(name) is str and not name.startswith(_HIDDEN_PREFIX)
