"""A trace as the tree of its activations: which frames and which calls each of them holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cwm_tracer.compare.score import action_of
from cwm_tracer.model import Event, Frame

_NAME = re.compile(r"\b(?:def|class)\s+(\w+)")
Owners = Mapping[str, frozenset[str]]


@dataclass(slots=True, eq=False)
class Activation:
    """One call: `frames[start:stop]` of its trace.

    `items` holds in order the indices of its own frames and the activations it called; `name` is the function's, or
    its whole line where that names none; `shape` is equal exactly for activations whose frames are equal one by one.
    """

    name: str
    start: int
    stop: int = 0
    items: list[int | Activation] = field(default_factory=list)
    shape: int = 0
    content: int = 0

    @property
    def size(self) -> int:
        """How many frames it holds, those of its callees included."""
        return self.stop - self.start


def name_of(action: str) -> str:
    """The name that a `def` line defines."""
    match = _NAME.search(action)
    return match.group(1) if match else action


def owners_of(frames: Sequence[Frame], tree: Activation) -> Owners:
    """In which functions each source line was seen to run."""
    found: dict[str, set[str]] = {}
    pending = [tree]
    while pending:
        activation = pending.pop()
        for item in activation.items:
            if isinstance(item, Activation):
                pending.append(item)
            else:
                found.setdefault(action_of(frames[item]), set()).add(activation.name)
    return {action: frozenset(names) for action, names in found.items()}


def tree_of(frames: Sequence[Frame], owners: Owners | None = None) -> Activation:
    """The tree of a trace; its root is no call, and holds what stands outside of the entry's call too.

    A model may forget a call or a return, or say one too many. Where `owners` knows that a line does not run in the
    innermost function but in one further out, the functions between are taken for left; where it runs in the one that
    was just left, that is taken for still open; where it runs in another, that is taken for called.
    """
    root = Activation("", 0)
    stack = [root]
    for index, frame in enumerate(frames):
        if frame.event is Event.CALL:
            callee = Activation(name_of(action_of(frame)), index)
            stack[-1].items.append(callee)
            stack.append(callee)
        elif owners is not None:
            _mend(stack, owners.get(action_of(frame), frozenset()), index)
        stack[-1].items.append(index)
        if frame.event is Event.RETURN and len(stack) > 1:
            stack.pop()
    _close(root, len(frames))
    return root


def number_shapes(tree: Activation, keys: Sequence[int], known: dict[tuple[int, ...], int]) -> None:
    """Give every activation its shape; `keys` numbers the frames from 0 on, `known` numbers shapes below 0."""
    for activation in reversed(_outermost_first(tree)):
        shape = tuple(item.shape if isinstance(item, Activation) else keys[item] for item in activation.items)
        activation.shape = known.setdefault(shape, -1 - len(known))


def number_contents(tree: Activation, keys: Sequence[int], known: dict[tuple[int, ...], int]) -> None:
    """The same for contents; `keys` numbers frames with their values."""
    for activation in reversed(_outermost_first(tree)):
        content = tuple(item.content if isinstance(item, Activation) else keys[item] for item in activation.items)
        activation.content = known.setdefault(content, -1 - len(known))


def _mend(stack: list[Activation], names: frozenset[str], index: int) -> None:
    if not names or stack[-1].name in names:
        return
    for depth in range(len(stack) - 2, -1, -1):
        if stack[depth].name in names:
            del stack[depth + 1 :]
            return
    last = stack[-1].items[-1] if stack[-1].items else None
    if not isinstance(last, Activation) or last.name not in names:
        last = Activation(min(names), index)
        stack[-1].items.append(last)
    stack.append(last)


def _outermost_first(tree: Activation) -> list[Activation]:
    found = [tree]
    for activation in found:
        found.extend(item for item in activation.items if isinstance(item, Activation))
    return found


def _close(root: Activation, count: int) -> None:
    for activation in reversed(_outermost_first(root)):
        last = activation.items[-1] if activation.items else -1
        activation.stop = last.stop if isinstance(last, Activation) else last + 1
    root.stop = count
