"""What the debugger shows of a timeline, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from cwm_tracer.compare.wording import exception_of
from cwm_tracer.model import Event, Frame
from pytest_cwm.debugger.beside import Real, Variable
from pytest_cwm.debugger.text import file_name, printable, shorten, source_line
from pytest_cwm.debugger.timeline import Timeline

_AROUND = 5


def location(timeline: Timeline) -> Iterator[str]:
    """The current frame, pdb's way, and in one line what really happened where that is something else."""
    frame = timeline.frame
    if frame is None:
        yield "no frame yet: reset asks the model for the entry's call"
        return
    where = f"{_place(timeline, timeline.line)}{printable(timeline.function)}()"
    yield f"> {where}  {frame.event.value}, depth {timeline.depth}"
    yield f"-> {source_line(frame.source).strip()}"
    if frame.argument is not None:
        yield f"   {_outcome(frame)}"
    really = reality(timeline)
    if really:
        yield f"!= really: {really}"
    if timeline.at_end:
        yield _end(timeline)


def reality(timeline: Timeline) -> str:
    """One line on what really happened at the position; empty where it is what was predicted, or unknown."""
    if not timeline.differs:
        return ""
    real = timeline.real
    if real is None:
        return f"no such step ({_parted(timeline)})"
    difference = timeline.diff()
    if difference.event or difference.action:
        place = _place(timeline, timeline.real_line())
        said = f"{real.frame.event.value} {place} `{shorten(source_line(real.frame.source).strip())}`"
        if real.frame.argument is not None:
            said += f", {_outcome(real.frame)}"
    elif difference.argument:
        said = _outcome(real.frame)
    else:
        said = ", ".join(_variable(each, 60) for each in difference.variables)
    return said if real.exact else f"{said} (aligned by place: {_parted(timeline)})"


def values(timeline: Timeline, name: str = "") -> Iterator[str]:
    """The locals, one a line, or the named one in full; beside each the real value where that differs."""
    shown = timeline.locals
    different = {each.name: each for each in timeline.diff().variables}
    if name and name not in shown:
        real = different.get(name)
        yield f"*** no local `{printable(name)}` here" + (
            f"; really {printable(real.real)}" if real and real.real is not None else ""
        )
        return
    if not shown and not different:
        yield "no locals"
    for each in [name] if name else list(dict.fromkeys([*shown, *different])):
        width = 10**9 if name else 200
        line = printable(each)
        if each in shown:
            line += f" = {shorten(printable(shown[each]), width)}"
        if each in different:
            real_value = different[each].real
            line += "  != really " + ("unbound" if real_value is None else shorten(printable(real_value), width))
        yield line


def listing(timeline: Timeline) -> Iterator[str]:
    """The source around the position: `->` marks the predicted line, `*` the real one where that is another."""
    line, real = timeline.line, timeline.real_line() if timeline.differs else None
    frame = timeline.frame
    if frame is None:
        yield from location(timeline)
        return
    if line is None:
        yield f"-> {source_line(frame.source).strip()}  (no line of the source)"
    center = line or real
    if center is None:
        return
    lines = timeline.source.lines
    first, last = max(1, center - _AROUND), min(len(lines) - (lines[-1] == ""), center + _AROUND)
    file = None
    for number in range(first, last + 1):
        place = timeline.source.place(number)
        if place is not None and place[0] != file:
            file = place[0]
            yield f"     {file_name(file)}"
        mark = "->" if number == line else " *" if number == real else "  "
        shown = str(place[1]) if place is not None else "" if timeline.context.places else str(number)
        yield f"{shown:>4} {mark} {source_line(lines[number - 1])}".rstrip()
    if real is not None and real != line:
        if not first <= real <= last:
            yield f"  * really at {_place(timeline, real)} `{source_line(lines[real - 1]).strip()}`"
        yield "     (-> predicted, * real)"


def differences(timeline: Timeline) -> Iterator[str]:
    """How the predicted frame and the state at it differ from the real ones."""
    if timeline.beside is None:
        yield "no recorded trace beside this one"
        return
    real, frame = timeline.real, timeline.frame
    if frame is None:
        yield from location(timeline)
        return
    if real is None:
        yield f"really: no such step ({_parted(timeline)})" if timeline.differs else "really: not recorded so far"
        return
    difference = timeline.diff()
    if not real.exact:
        yield f"aligned by place, a best effort: {_parted(timeline)}"
    if not difference:
        yield "no difference here"
        return
    if difference.event or difference.action or difference.argument:
        yield f"predicted: {_described(timeline, frame, timeline.line)}"
        yield f"really:    {_described(timeline, real.frame, timeline.real_line())}"
    for each in difference.variables:
        yield f"  {_variable(each, 500)}"
    yield from _missed(timeline, real)


def _missed(timeline: Timeline, real: Real) -> Iterator[str]:
    frame = timeline.frame
    if frame is not None and real.exact and frame.event is Event.RETURN and real.frame.event is Event.EXCEPTION:
        yield "  (the model missed the exception)"


def _described(timeline: Timeline, frame: Frame, line: int | None) -> str:
    said = f"{frame.event.value} {_place(timeline, line)} `{shorten(source_line(frame.source).strip())}`"
    return said if frame.argument is None else f"{said}, {_outcome(frame)}"


def _variable(each: Variable, width: int) -> str:
    def side(value: str | None) -> str:
        return "unbound" if value is None else shorten(printable(value), width)

    return f"{printable(each.name)} = {side(each.real)} (predicted {side(each.predicted)})"


def _outcome(frame: Frame) -> str:
    raised = frame.event is Event.EXCEPTION
    value = exception_of(frame.argument) if raised else frame.argument or ""
    return f"{'raised' if raised else 'returned'} {shorten(printable(value))}"


def _place(timeline: Timeline, line: int | None) -> str:
    """`file(line)` as pdb writes it; the line of the context where no file is known."""
    if line is None:
        return "<not in the source>"
    place = timeline.source.place(line)
    return f"<context>({line})" if place is None else f"{file_name(place[0])}({place[1]})"


def _parted(timeline: Timeline) -> str:
    return f"the traces parted at frame {timeline.parted}"


def _end(timeline: Timeline) -> str:
    real = timeline.real
    goes_on = (
        timeline.beside is not None
        and real is not None
        and timeline.parted is None
        and real.index + 1 < len(timeline.beside.truth.frames)
    )
    return "-- the predicted trace ends here --" + (" really it goes on" if goes_on else "")
