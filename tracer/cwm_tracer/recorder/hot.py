"""The two functions that are called at every event of a program, made for speed: a recording costs what they cost."""

from __future__ import annotations

from collections.abc import Callable
from tracemalloc import is_tracing
from types import FrameType
from typing import TYPE_CHECKING, Any

from cwm_tracer.model import Ending, Event
from cwm_tracer.recorder.looking import CHANGING, LARGEST, LONGEST, SMALLEST
from cwm_tracer.recorder.state import VIEWS, Activation, looked_before

if TYPE_CHECKING:
    from cwm_tracer.recorder.transcript import Transcript

DEEP = 50  # activations, beyond which the stack may be nearly full
NO_STACK = "recording stopped where the program had used up the stack"


def need_stack(levels: int = 5) -> None:
    """Raise RecursionError where so many more calls are not possible.

    Thus recording ends while there is still room to hand over, to a previous trace function for instance: the
    interpreter drops trace functions that it can't call.
    """
    if levels:
        need_stack(levels - 1)


def make_call(transcript: Transcript) -> Callable[[FrameType], bool]:
    """What `Transcript.call` does for a function that was called before; `Transcript.enter` does the rest."""
    all_facts, left, entries, reader = transcript.facts, transcript.left, transcript.log.entries, transcript.reader
    append, again, fetch, measured = entries.append, reader.looker.again, reader.fetch, transcript.measured

    def call(frame: FrameType) -> bool:
        facts = all_facts.get(id(frame.f_code))
        if (
            facts is None
            or facts.start is None
            or not transcript.recording
            or transcript.muted is not None
            or is_tracing() is not measured
            or len(entries) >= transcript.limit
        ):
            return transcript.enter(frame)
        move = facts.start
        layout = move.layout
        activation = Activation()
        values: Any
        if fetch is not None:
            activation.read = None
            values = fetch(frame)
        elif VIEWS:
            activation.read = frame.f_locals.values
            values = activation.read()
        else:
            activation.read = None
            values = frame.f_locals
        if len(values) != layout.size:
            return transcript.enter(frame)
        keys = layout.keys
        activation.facts = facts
        activation.frame = frame
        activation.layout = layout
        last: list[Any] = [CHANGING] * len(keys)
        known: list[Any] = looked_before(facts, layout) if facts.looked is not None else [None] * len(keys)
        activation.last, activation.known = last, known
        activation.bound = reader.bound(activation) if facts.unbinds else None
        items: list[Any] = [facts.start_place, ~move.number]
        is_new = False
        for index, key in enumerate(keys):
            value = values[key]
            of = type(value)
            if (
                (of is int and SMALLEST < value < LARGEST)
                or (of is str and len(value) <= LONGEST)
                or value is None
                or of is bool
                or of is float
            ):
                last[index] = value
                items.append(value)
            else:
                item = again(last, known, index, value)
                if item is None:
                    item = known[index][2]
                else:
                    is_new = True
                items.append(item)
        if is_new:
            facts.looked = layout, known.copy()
        if layout.secrets:
            reader.learn(activation, values)
        if left:
            left.pop(id(frame), None)  # of another that had its address
        activation.outer = outer = transcript.top
        activation.depth = outer.depth + 1
        if activation.depth > DEEP:
            need_stack()
        transcript.top = activation
        append(tuple(items))
        return True

    return call


def make_event(transcript: Transcript) -> Callable[[FrameType, str, Any], Any]:
    """What `Transcript.event` does."""
    entries, reader = transcript.log.entries, transcript.reader
    append, rebind, fetch = entries.append, reader.rebind, reader.fetch
    again, item_of = reader.looker.again, reader.looker.item
    probe, present = transcript.presence
    measured = transcript.measured

    def event(frame: FrameType, kind: str, arg: Any) -> Any:
        try:
            top: Any = transcript.top
            if (
                top.frame is not frame
                or probe() is not present
                or is_tracing() is not measured
                or len(entries) >= transcript.limit
            ):
                top = transcript.admitted(frame, kind)
                if top is None:
                    return transcript.answer(frame)
            facts = top.facts
            if kind == "line":
                try:
                    place = facts.lines[frame.f_lasti]
                except KeyError:
                    place = transcript.number(facts.lines, Event.LINE, frame)
                    if place < 0:  # an instruction of the compiler's own
                        return transcript.answer(frame)
                read = top.read
                values = read() if read is not None else frame.f_locals if fetch is None else fetch(frame)
                layout = top.layout
                if len(values) != layout.size or (top.bound is not None and top.bound != reader.bound(top)):
                    append(rebind(top, place, values))
                else:
                    last, keys = top.last, layout.keys
                    entry: Any = place
                    index = 0
                    try:
                        for old in last:
                            value = values[keys[index]]
                            if value is not old:
                                of = type(value)
                                if (
                                    (of is int and SMALLEST < value < LARGEST)
                                    or (of is str and len(value) <= LONGEST)
                                    or value is None
                                    or of is bool
                                    or of is float
                                ):
                                    last[index] = item = value
                                else:
                                    item = again(last, top.known, index, value)
                                    if item is None:
                                        index += 1
                                        continue
                                entry = (place, index, item) if entry is place else (*entry, index, item)
                            index += 1
                    except KeyError:  # another variable is bound instead
                        entry = rebind(top, place, values, anew=True)
                    append(entry)
                    if layout.secrets:
                        reader.learn(top, values)
            elif kind == "return":
                try:
                    place = facts.returns[frame.f_lasti]
                except KeyError:
                    place = transcript.number(facts.returns, Event.RETURN, frame)
                if arg is None or (type(arg) is int and SMALLEST < arg < LARGEST):
                    append((place, arg))
                else:
                    append((place, reader.returned(arg, facts.name) if facts.is_secret else item_of(arg)))
                if facts.is_resumable:
                    transcript.leave(top, frame)
                else:
                    transcript.top = top.outer
                    if frame is transcript.root:
                        transcript.end(Ending.RETURNED)
            elif kind == "exception":
                transcript.exception(facts, frame, arg)
            if transcript.recording:
                if facts.writes_back:
                    frame.f_locals  # noqa: B018
                return event
        except RecursionError:
            # There is no stack for a function of our own to do this.
            transcript.recording = transcript.waiting = False
            transcript.top, transcript.ending, transcript.note = NOBODY, Ending.DISPLACED, NO_STACK
        except Exception as error:
            transcript.fail(error)
        try:
            return transcript.answer(frame)
        except RecursionError:
            return None

    return event


NOBODY: Any = Activation()  # around the outermost
NOBODY.frame = None
NOBODY.depth = 0
