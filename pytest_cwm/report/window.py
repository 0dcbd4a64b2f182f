"""A divergence in its surroundings: the frames before it, what ran, what was predicted, and which values differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_tracer import wire
from cwm_tracer.compare import Difference, Divergence
from cwm_tracer.compare.score import action_of
from cwm_tracer.compare.wording import cut_pair, exception_of
from cwm_tracer.model import Context, Event, Frame, Trace
from pytest_cwm.report.nested import nested_differences
from pytest_cwm.report.paint import Style
from pytest_cwm.report.text import Screen, Span, cells, pad

BEFORE = 3
_RUN = 3
_MARGIN = "  "
_HEAD = re.compile(r"\w+ = |returns |raises ")
WORDS = ("ran", "predicted")


@dataclass(frozen=True, slots=True)
class _Row:
    """One frame of the window; `style` says whose it is ("dim" for a true frame before the divergence)."""

    style: Style
    step: str
    place: str
    source: str
    values: str
    mark: str = ""


class Window:
    """Draws the divergences of one test; `words` say what happened and what was to happen."""

    def __init__(self, trace: Trace, screen: Screen, words: tuple[str, str] = WORDS) -> None:
        self._words = words
        self._trace = trace
        self._screen = screen
        self._changed = list(_changes(trace.frames))
        self._places = _places(trace.context)

    def lines(self, divergence: Divergence, predicted: Sequence[Frame] = ()) -> Iterator[str]:
        """The window; `predicted` are the frames of the roll-out when the divergence is one of it."""
        rows = [*self._before(divergence), *self._true_rows(divergence), *self._predicted_rows(divergence, predicted)]
        yield from self._table(_without_common_file(rows))
        details = _details(divergence)
        if details:
            yield ""
            yield from self._differences(details)
        if len(divergence.problems) > 1:
            yield ""
            for problem in divergence.problems:
                yield self._screen.line([(_MARGIN, "plain"), (self._screen.visible(str(problem)), "predicted")])

    def _before(self, divergence: Divergence) -> Iterator[_Row]:
        for index in range(max(0, divergence.index - BEFORE), divergence.index):
            yield self._row("dim", self._trace.frames[index], str(index), self._changed[index])

    def _true_rows(self, divergence: Divergence) -> Iterator[_Row]:
        if divergence.truth is None:
            yield _Row("truth", "", "", "(nothing)", "", self._words[0])
            return
        run = divergence.count if divergence.predicted is None and not divergence.problems else 1
        for offset in range(min(run, _RUN)):
            index = divergence.index + offset
            values = _differing(divergence.variables, "truth") or self._changed[index]
            yield self._row("truth", self._trace.frames[index], str(index), values, "" if offset else self._words[0])
        if run > _RUN:
            yield _Row("truth", "", "", f"(and {run - _RUN} more)", "")

    def _predicted_rows(self, divergence: Divergence, predicted: Sequence[Frame]) -> Iterator[_Row]:
        if divergence.predicted is None:
            if divergence.problems:
                yield _Row("predicted", "", "", "(no well-formed frame)", str(divergence.problems[0]), self._words[1])
            else:
                left_out = "(left out)" if divergence.predicted_index is not None else "(the end of the trace)"
                left_out = left_out if self._words == WORDS else "(nothing)"
                yield _Row("predicted", "", "", left_out, "", self._words[1])
            return
        values = _differing(divergence.variables, "predicted")
        row = self._row("predicted", divergence.predicted, "", values, self._words[1])
        truth = divergence.truth
        if truth is not None and action_of(truth) == action_of(divergence.predicted):
            row = replace(row, place=self._place(truth))
        yield row
        at = divergence.predicted_index
        if at is None or divergence.count == 1:
            return
        following = predicted[at + 1 : at + min(divergence.count, _RUN)] if divergence.truth is None else ()
        for frame in following:
            yield self._row("predicted", frame, "", {})
        if divergence.truth is None and divergence.count > _RUN:
            yield _Row("predicted", "", "", f"(and {divergence.count - _RUN} more)", "")

    def _row(self, style: Style, frame: Frame, step: str, values: Mapping[str, str | None], mark: str = "") -> _Row:
        source = self._screen.visible(action_of(frame))
        return _Row(style, step, self._place(frame), source, _values(frame, values), mark)

    def _place(self, frame: Frame) -> str:
        """The line a frame stands on; a model's frame gets one only where its text is found exactly once."""
        file, line = frame.file, frame.line
        if line is None:
            found = self._places.get(action_of(frame), [])
            if len(found) != 1:
                return "?" if found else ""
            file, line = found[0]
        return self._screen.visible(f"{_name(file)}:{line}" if file else str(line))

    def _table(self, rows: Sequence[_Row]) -> Iterator[str]:
        screen = self._screen
        shift = min(
            (len(row.source) - len(row.source.lstrip()) for row in rows if row.source and row.source[0] != "("),
            default=0,
        )
        sources = [row.source[shift:] if row.source[:1].isspace() else row.source for row in rows]
        mark = max(map(len, self._words))
        step = max(4, *(len(row.step) for row in rows))
        place = max(4, *(len(row.place) for row in rows))
        left = screen.width - len(_MARGIN) - mark - step - place - 8
        longest = max(cells(screen.visible(row.values)) for row in rows)
        source = min(max(map(cells, sources)), max(left - longest, left * 3 // 5))
        values = _aligned([screen.visible(row.values) for row in rows], rows, left - source, screen)
        head = [pad("step", step, right=True), pad("line", place, right=True)]
        yield screen.line([(_MARGIN + pad("", mark) + "  " + "  ".join(head), "dim")])
        for row, text, shown in zip(rows, sources, values, strict=True):
            style: Style = "plain" if row.style == "dim" else row.style
            spans: list[Span] = [
                (_MARGIN, "plain"),
                (pad(row.mark, mark) + "  ", row.style),
                (pad(row.step, step, right=True) + "  " + pad(row.place, place, right=True) + "  ", "dim"),
                (pad(screen.cut(text, source), source) + "  ", style),
                (shown, row.style),
            ]
            yield screen.line(spans)

    def _differences(self, differences: Sequence[Difference]) -> Iterator[str]:
        screen = self._screen
        names = [screen.visible(difference.name) for difference in differences]
        name = min(max(map(cells, [*names, "differs"])), screen.width // 3)
        room = screen.width - len(_MARGIN) - name - 4
        shown = [_beside(screen, difference, room) for difference in differences]
        truth = max(cells(self._words[0]), *(cells(left) for left, _ in shown))
        yield screen.line(
            [(_MARGIN + pad("differs", name) + "  " + pad(self._words[0], truth) + "  " + self._words[1], "dim")]
        )
        for label, (left, right) in zip(names, shown, strict=True):
            yield screen.line(
                [
                    (_MARGIN + pad(screen.cut(label, name), name) + "  ", "plain"),
                    (pad(left, truth) + "  ", "truth"),
                    (right, "predicted"),
                ]
            )


def _without_common_file(rows: Sequence[_Row]) -> list[_Row]:
    """Line numbers alone where all rows stand in one file, which the heading names."""
    files = {row.place.rpartition(":")[0] for row in rows if ":" in row.place}
    if len(files) > 1:
        return list(rows)
    return [replace(row, place=row.place.rpartition(":")[2]) for row in rows]


def _changes(frames: Sequence[Frame]) -> Iterator[dict[str, str | None]]:
    """For each frame the variables that its scope did not show with this value before; None for one that is gone."""
    last: dict[int, Mapping[str, str]] = {}
    for frame in frames:
        if frame.locals is None:
            yield {}
            continue
        before = last.get(frame.scope, {})
        gone: dict[str, str | None] = dict.fromkeys(name for name in before if name not in frame.locals)
        yield {**{name: value for name, value in frame.locals.items() if before.get(name) != value}, **gone}
        last[frame.scope] = frame.locals


def _values(frame: Frame, values: Mapping[str, str | None]) -> str:
    match frame.event:
        case Event.RETURN:
            return f"returns {frame.argument}"
        case Event.EXCEPTION:
            return f"raises {exception_of(frame.argument)}"
    return ", ".join(
        f"{name} = {value}" if value is not None else f"{name} not bound" for name, value in values.items()
    )


def _aligned(values: list[str], rows: Sequence[_Row], room: int, screen: Screen) -> list[str]:
    """The values, with those of the two marked rows cut so that the place where they differ is seen."""
    marked = [number for number, row in enumerate(rows) if row.mark]
    if len(marked) != 2:
        return values
    real, told = (values[number] for number in marked)
    head = match.group() if (match := _HEAD.match(real)) else ""
    if told.startswith(head):
        pair = cut_pair(real[len(head) :], told[len(head) :], max(8, room - len(head)), screen.glyphs.ellipsis)
        for number, text in zip(marked, pair, strict=True):
            values[number] = head + text
    return values


def _differing(differences: Sequence[Difference], side: str) -> dict[str, str | None]:
    return {difference.name: getattr(difference, side) for difference in differences}


def _details(divergence: Divergence) -> list[Difference]:
    """What a table must say because the rows can't: several variables, nested or long values."""
    differences = divergence.variables
    truth, predicted = divergence.truth, divergence.predicted
    if truth is not None and predicted is not None and truth.event is predicted.event and truth.argument is not None:
        name = "return value" if truth.event is Event.RETURN else "exception"
        if truth.argument != predicted.argument:
            differences = (Difference(name, truth.argument, predicted.argument),)
    found = [each for difference in differences for each in nested_differences(difference)]
    long = any(len(each.truth or "") + len(each.predicted or "") > 40 for each in found)
    return found if len(found) > 1 or long or tuple(found) != tuple(differences) else []


def _beside(screen: Screen, difference: Difference, room: int) -> tuple[str, str]:
    """Both values cut to `room` cells in all, so that the place where they begin to differ is seen."""
    texts = [
        screen.visible(value) if value is not None else "(not there)"
        for value in (difference.truth, difference.predicted)
    ]
    lengths = list(map(cells, texts))
    if sum(lengths) > room:
        # What the shorter value leaves free, the longer one gets.
        half = max(8, room // 2)
        limit = max(half, room - min(lengths)) if min(lengths) < half else half
        texts = list(cut_pair(texts[0], texts[1], limit, screen.glyphs.ellipsis))
        texts = [screen.cut(text, limit) for text in texts]
    return texts[0], texts[1]


def _places(context: Context) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for text, place in zip(context.text.split("\n"), context.places, strict=False):
        if place is not None:
            found.setdefault(wire.strip_marker(text.rstrip()).rstrip(), []).append(place)
    return found


def _name(file: str | None) -> str:
    return (file or "").replace("\\", "/").rpartition("/")[2]
