"""Align two traces so that frames stand against frames of the same call.

Within a call its own frames and the calls it makes are items of one sequence. Items that are equal, calls frame by
frame, are aligned first (`align`); of what is left between them, calls that are most alike are taken for the same
call and aligned inside. So a call that was inserted costs its own frames, and one that went wrong what is wrong in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cwm_tracer.compare.activations import Activation, number_contents, number_shapes, owners_of, tree_of
from cwm_tracer.compare.align import Block, align
from cwm_tracer.compare.score import action_of
from cwm_tracer.model import Frame

# Items of one gap that are tried pair by pair, and pairs tried in all: beyond them calls are told apart by name alone.
_MAX_PAIRS = 4_096
_BUDGET = 40_000

Item = int | Activation
Pair = tuple[int, int]


def align_frames(truth: Sequence[Frame], predicted: Sequence[Frame], *, mend: bool = False) -> list[Block]:
    """Blocks that cover both traces in order; equal ones pair frames of equal event and source line.

    `mend` says that `predicted` is a model's, whose calls and returns may not match.
    """
    return _Alignment(truth, predicted, mend).blocks()


class _Alignment:
    def __init__(self, truth: Sequence[Frame], predicted: Sequence[Frame], mend: bool) -> None:
        numbers: dict[tuple[object, str], int] = {}
        self._truth, self._predicted = (
            [numbers.setdefault((frame.event, action_of(frame)), len(numbers)) for frame in frames]
            for frames in (truth, predicted)
        )
        tree = tree_of(truth)
        other = tree_of(predicted, owners_of(truth, tree) if mend else None)
        shapes: dict[tuple[int, ...], int] = {}
        number_shapes(tree, self._truth, shapes)
        number_shapes(other, self._predicted, shapes)
        self._roots = (tree, other)
        self._frames = (truth, predicted)
        self._contents: tuple[list[int], list[int]] | None = None
        self._budget = _BUDGET
        self._lines: dict[int, Counter[int]] = {}
        self._alike: dict[tuple[int, int], int] = {}

    def blocks(self) -> list[Block]:
        pairs: list[Pair] = []
        pending = [self._roots]
        while pending:
            left, right = pending.pop()
            for item, other in self._matches(left.items, right.items):
                if not isinstance(item, Activation):
                    assert not isinstance(other, Activation)
                    pairs.append((item, other))
                    continue
                assert isinstance(other, Activation)
                if item.shape == other.shape:
                    pairs += zip(range(item.start, item.stop), range(other.start, other.stop), strict=True)
                else:
                    pending.append((item, other))
        return _as_blocks(sorted(pairs), len(self._truth), len(self._predicted))

    def _matches(self, left: Sequence[Item], right: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
        """Items that stand against each other; calls among them may be no more than alike."""
        a, b = [self._key(item, 0) for item in left], [self._key(item, 1) for item in right]
        blocks = self._slid(align(a, b), left, right)
        for block in self._without_weak_matches(blocks, left, right):
            if block.equal:
                yield from ((left[x], right[y]) for x, y in zip(block.truth, block.predicted, strict=True))
            else:
                xs, ys = left[block.truth.start : block.truth.stop], right[block.predicted.start : block.predicted.stop]
                yield from self._most_alike(xs, ys)

    def _key(self, item: Item, side: int) -> int:
        if isinstance(item, Activation):
            return item.shape
        return (self._predicted if side else self._truth)[item]

    def _slid(self, blocks: list[Block], left: Sequence[Item], right: Sequence[Item]) -> list[Block]:
        """Of alignments that are as good, the one in which most values are equal.

        In a loop it makes no difference to the lines which iteration is missing; to the values it does.
        """
        blocks = list(blocks)
        for at in range(1, len(blocks) - 1):
            before, gap, after = blocks[at - 1 : at + 2]
            if bool(gap.truth) == bool(gap.predicted) or not (before.equal and after.equal):
                continue
            shift = self._best_shift(before, gap, after, left, right)
            if shift and -len(before.truth) < shift < len(after.truth):
                blocks[at - 1 : at + 2] = [
                    _resized(before, 0, shift),
                    _resized(gap, shift, shift),
                    _resized(after, shift, 0),
                ]
        return blocks

    def _best_shift(self, before: Block, gap: Block, after: Block, left: Sequence[Item], right: Sequence[Item]) -> int:
        """By how many items to move a gap of one side, to the right if positive; 0 where that gains nothing."""
        mine, other = (left, right) if gap.truth else (right, left)
        side = 0 if gap.truth else 1
        start, stop = (gap.truth or gap.predicted).start, (gap.truth or gap.predicted).stop
        opposite = (gap.predicted if gap.truth else gap.truth).start

        def gain(with_: Item, instead_of: Item, against: Item) -> int:
            content = self._content(against, 1 - side)
            return (self._content(with_, side) == content) - (self._content(instead_of, side) == content)

        best = total = shift = 0
        for step in range(1, len(before.truth) + 1):
            if self._key(mine[start - step], side) != self._key(mine[stop - step], side):
                break
            total += gain(mine[stop - step], mine[start - step], other[opposite - step])
            if total > best:
                best, shift = total, -step
        total = 0
        for step in range(len(after.truth)):
            if self._key(mine[start + step], side) != self._key(mine[stop + step], side):
                break
            total += gain(mine[start + step], mine[stop + step], other[opposite + step])
            if total > best:
                best, shift = total, step + 1
        return shift

    def _content(self, item: Item, side: int) -> int:
        if self._contents is None:
            numbers: dict[object, int] = {}
            known: dict[tuple[int, ...], int] = {}
            self._contents = (
                [numbers.setdefault(_whole(frame), len(numbers)) for frame in self._frames[0]],
                [numbers.setdefault(_whole(frame), len(numbers)) for frame in self._frames[1]],
            )
            for tree, keys in zip(self._roots, self._contents, strict=True):
                number_contents(tree, keys, known)
        return item.content if isinstance(item, Activation) else self._contents[side][item]

    def _without_weak_matches(
        self, blocks: Sequence[Block], left: Sequence[Item], right: Sequence[Item]
    ) -> Iterator[Block]:
        """Give up equal blocks that keep calls on both sides of them apart and weigh less than they do."""
        done: list[Block] = []
        for block in blocks:
            done.append(block)
            while len(done) >= 3 and not done[-1].equal and self._is_weak(done[-3:], left, right):
                joined = Block(
                    False,
                    range(done[-3].truth.start, done[-1].truth.stop),
                    range(done[-3].predicted.start, done[-1].predicted.stop),
                )
                done[-3:] = [joined]
        yield from done

    def _is_weak(self, three: Sequence[Block], left: Sequence[Item], right: Sequence[Item]) -> bool:
        before, equal, after = three
        if before.equal or not equal.equal:
            return False
        if (after.truth.stop - before.truth.start) * (after.predicted.stop - before.predicted.start) > _MAX_PAIRS:
            return False
        weight = _weight(left, equal.truth)
        calls = [(_weight_of_calls(left, gap.truth), _weight_of_calls(right, gap.predicted)) for gap in (before, after)]
        crosswise = min(calls[0][0], calls[1][1]) + min(calls[0][1], calls[1][0])
        return crosswise > weight

    def _most_alike(self, left: Sequence[Item], right: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
        calls = [[item for item in items if isinstance(item, Activation)] for items in (left, right)]
        if not all(calls):
            return
        if len(calls[0]) == len(calls[1]) == 1 and calls[0][0].name == calls[1][0].name:
            yield calls[0][0], calls[1][0]
            return
        if len(left) * len(right) > min(_MAX_PAIRS, self._budget):
            yield from _by_name(left, right)
            return
        self._budget -= len(left) * len(right)
        yield from _heaviest(left, right, [[self._likeness(x, y) for y in right] for x in left])

    def _likeness(self, item: Item, other: Item) -> int:
        """How many frames could be aligned; 0 for what is not the same."""
        if not isinstance(item, Activation) or not isinstance(other, Activation):
            same = not isinstance(item, Activation) and not isinstance(other, Activation)
            return int(same and self._key(item, 0) == self._key(other, 1))
        if item.shape == other.shape:
            return item.size
        known = self._alike.get((item.shape, other.shape))
        if known is None:
            common = (self._lines_of(item, self._truth) & self._lines_of(other, self._predicted)).total()
            named_alike = item.name == other.name
            enough = named_alike or 2 * common >= min(item.size, other.size)
            known = max(common, int(named_alike)) if enough else 0
            self._alike[item.shape, other.shape] = known
        return known

    def _lines_of(self, activation: Activation, keys: Sequence[int]) -> Counter[int]:
        lines = self._lines.get(activation.shape)
        if lines is None:
            lines = self._lines[activation.shape] = Counter(keys[activation.start : activation.stop])
        return lines


def _whole(frame: Frame) -> object:
    """Everything of a frame that is compared."""
    return frame.event, action_of(frame), frozenset((frame.locals or {}).items()), frame.argument


def _resized(block: Block, start: int, stop: int) -> Block:
    truth = range(block.truth.start + start, block.truth.stop + stop)
    predicted = range(block.predicted.start + start, block.predicted.stop + stop)
    return Block(block.equal, truth, predicted)


def _weight(items: Sequence[Item], span: range) -> int:
    return sum(item.size if isinstance(item, Activation) else 1 for item in items[span.start : span.stop])


def _weight_of_calls(items: Sequence[Item], span: range) -> int:
    return sum(item.size for item in items[span.start : span.stop] if isinstance(item, Activation))


def _by_name(left: Sequence[Item], right: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
    """Calls of the same function in order."""
    xs, ys = ([item for item in items if isinstance(item, Activation)] for items in (left, right))
    for block in align([item.name for item in xs], [item.name for item in ys]):
        if block.equal:
            yield from zip(xs[block.truth.start : block.truth.stop], ys[block.predicted.start :], strict=False)


def _heaviest(left: Sequence[Item], right: Sequence[Item], likeness: list[list[int]]) -> list[tuple[Item, Item]]:
    """The pairs in order whose likeness sums up to most."""
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for x in range(len(left) - 1, -1, -1):
        row, below, weights = best[x], best[x + 1], likeness[x]
        for y in range(len(right) - 1, -1, -1):
            row[y] = max(below[y], row[y + 1], below[y + 1] + weights[y])
    pairs: list[tuple[Item, Item]] = []
    x = y = 0
    while x < len(left) and y < len(right):
        if likeness[x][y] and best[x][y] == best[x + 1][y + 1] + likeness[x][y]:
            pairs.append((left[x], right[y]))
            x, y = x + 1, y + 1
        elif best[x][y] == best[x + 1][y]:
            x += 1
        else:
            y += 1
    return pairs


def _as_blocks(pairs: Sequence[Pair], n: int, m: int) -> list[Block]:
    """Blocks from the pairs of frames, which are in order on both sides."""
    blocks: list[Block] = []
    start = (0, 0)
    ends = [(-1, -1), *pairs, (n, m)]
    for (x, y), (next_x, next_y) in pairwise(ends):
        if (next_x, next_y) == (x + 1, y + 1) and next_x < n:
            continue
        if x >= start[0]:
            blocks.append(Block(True, range(start[0], x + 1), range(start[1], y + 1)))
        if next_x > x + 1 or next_y > y + 1:
            blocks.append(Block(False, range(x + 1, next_x), range(y + 1, next_y)))
        start = (next_x, next_y)
    return blocks
