"""The choices of a verification, of which most are the true frame: only the others are held one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from cwm_tracer.model import Choice, Frame


class Choices(Sequence["Choice | None"]):
    """One choice for each item of `bits`: that in `others` at its index, else the frame in `frames` and nothing more.

    A choice that agrees is made when somebody asks for it. Equal to any sequence of equal choices. `bits` has None
    where there is no choice.
    """

    __slots__ = ("bits", "frames", "others")

    def __init__(
        self, frames: Sequence[Frame], bits: Sequence[float | None], others: Mapping[int, Choice | None]
    ) -> None:
        self.frames = frames
        self.bits = bits
        self.others = others

    @classmethod
    def of(cls, choices: Sequence[Choice | None], frames: Sequence[Frame]) -> Choices:
        """The same choices beside these frames; those agree that hold the very frame of their index."""
        if isinstance(choices, Choices) and choices.frames is frames:
            return choices
        held = list(choices)
        others: dict[int, Choice | None] = {}
        for index, choice in enumerate(held):
            agrees = choice is not None and index < len(frames) and choice.frame is frames[index]
            if choice is None or not agrees or choice.problems or choice.ended:
                others[index] = choice
        return cls(frames, [None if choice is None else choice.bits for choice in held], others)

    def __len__(self) -> int:
        return len(self.bits)

    @overload
    def __getitem__(self, index: int) -> Choice | None: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Choice | None, ...]: ...
    def __getitem__(self, index: int | slice) -> Choice | tuple[Choice | None, ...] | None:
        where = range(len(self.bits))[index]
        return self._at(where) if isinstance(where, int) else tuple(map(self._at, where))

    def __iter__(self) -> Iterator[Choice | None]:
        return map(self._at, range(len(self.bits)))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (Choices, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _at(self, index: int) -> Choice | None:
        return self.others[index] if index in self.others else Choice(self.frames[index], bits=self.bits[index])
