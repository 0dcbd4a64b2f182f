"""The two functions that are called at every event of a program, made for speed: a recording costs what they cost."""

from __future__ import annotations

from collections.abc import Callable
from marshal import dumps
from tracemalloc import is_tracing
from types import FrameType
from typing import TYPE_CHECKING, Any

from cwm_tracer.model import Ending, Event
from cwm_tracer.recorder.bytecode import WRITES_UNREAD, begins
from cwm_tracer.recorder.looking import (
    CHANGING,
    CONSTANT,
    LARGEST,
    LONGEST,
    SMALLEST,
    UNFIT,
    are_atoms,
    fingerprint,
    fingerprint_of_nested,
)
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
    append, fetch, measured = entries.append, reader.fetch, transcript.measured
    again, changed, nothing = reader.looker.again, reader.looker.changed, reader.nothing

    def call(frame: FrameType) -> bool:
        facts = all_facts.get(id(frame.f_code))
        if (
            facts is None
            or not facts.is_known
            or not transcript.recording
            or transcript.muted is not None
            or is_tracing() is not measured
            or (size := len(entries)) >= transcript.limit
        ):
            return transcript.enter(frame)
        activation = None
        place = facts.start_place
        if facts.is_resumable:
            place = facts.calls.get(frame.f_lasti, -1)
            if place < 0:
                return transcript.enter(frame)
            activation = left.pop(id(frame), None)
            if activation is not None and begins(frame):  # what is known is of another that had its address
                activation = None
        elif left:
            left.pop(id(frame), None)
        layout = facts.start
        known: list[Any] | None = None
        if activation is None:
            activation = Activation()
            activation.facts = facts
            activation.told = size + 1 if facts.starts_still else 0
            activation.layout = nothing
        else:
            layout, known = activation.layout, activation.known
        activation.frame = frame
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
        if (
            layout is not None
            and len(values) == layout.size
            and not (facts.unbinds and layout.names != reader.bound(activation))
        ):
            keys = layout.keys
            last: list[Any] = [CHANGING] * len(keys)
            if known is None:
                known = looked_before(facts, layout) if facts.looked is not None else [None] * len(keys)
            items: list[Any] = [place, ~layout.number]
            index = 0
            has_changed = False
            try:
                for key in keys:
                    value = values[key]
                    of = type(value)
                    seen: Any = known[index]
                    if seen is not None and seen[0] is of:
                        find = seen[1]
                        if find is fingerprint:  # in line: a call takes as long as it does itself
                            try:
                                if not value or are_atoms(map(type, value.values() if of is dict else value)):
                                    found = dumps(value, 2)
                                else:
                                    found = fingerprint_of_nested(value)
                            except ValueError:  # a key of another type
                                found = UNFIT
                        else:
                            found = find(value)
                        if found == seen[2]:
                            item = seen[3]
                        else:
                            item = changed(last, known, index, value, found)
                            if item is None:
                                item = seen[3]
                            else:
                                has_changed = True
                    elif seen is not None and seen[1] is CONSTANT and seen[2] is value:
                        last[index] = value
                        item = seen[3]
                    elif (
                        (of is int and SMALLEST < value < LARGEST)
                        or (of is str and len(value) <= LONGEST)
                        or value is None
                        or of is bool
                        or of is float
                    ):
                        last[index] = item = value
                    else:
                        item = again(last, known, index, value)
                        if item is None:
                            item = seen[3]
                        else:
                            has_changed = True
                    items.append(item)
                    index += 1
                if layout.secrets:
                    reader.learn(layout, values)
            except KeyError:  # other variables are bound
                append(reader.begin(activation, frame, place))
            else:
                activation.layout, activation.last, activation.known = layout, last, known
                if has_changed:
                    facts.looked = layout, known.copy()
                append(tuple(items))
        else:
            append(reader.begin(activation, frame, place))
        activation.outer = outer = transcript.top
        activation.depth = outer.depth + 1
        if activation.depth > DEEP:
            need_stack()
        transcript.top = activation
        return True

    return call


def make_event(transcript: Transcript) -> Callable[[FrameType, str, Any], Any]:
    """What `Transcript.event` does."""
    entries, reader = transcript.log.entries, transcript.reader
    append, rebind, learn, fetch = entries.append, reader.rebind, reader.learn, reader.fetch
    again, changed, item_of = reader.looker.again, reader.looker.changed, reader.looker.item
    probe, present = transcript.presence
    measured = transcript.measured

    def event(frame: FrameType, kind: str, arg: Any) -> Any:
        try:
            top: Any = transcript.top
            if (
                top.frame is not frame
                or (probe is not None and probe() is not present)
                or is_tracing() is not measured
                or (size := len(entries)) >= transcript.limit
            ):
                size = -1
                top = transcript.admitted(frame, kind)
                if top is None:
                    return transcript.answer(frame)
            facts = top.facts
            if kind == "line":
                at = frame.f_lasti
                try:
                    place = facts.lines[at]
                except KeyError:
                    place = transcript.number(facts.lines, Event.LINE, frame)
                    if place < 0:  # an instruction of the compiler's own
                        return transcript.answer(frame)
                if size == top.told:  # nothing of the program has run since its state was told
                    append(place)
                    if facts.still is not None and at in facts.still:
                        top.told = size + 1
                    if WRITES_UNREAD and facts.writes_back:
                        frame.f_locals  # noqa: B018
                    return event
                read = top.read
                values = read() if read is not None else frame.f_locals if fetch is None else fetch(frame)
                layout = top.layout
                entry: Any = place
                if len(values) != layout.size or (facts.unbinds and layout.names != reader.bound(top)):
                    entry = rebind(top, place, values)
                    layout = top.layout
                while True:
                    last, known = top.last, top.known
                    try:
                        for index, key in layout.pairs:
                            value = values[key]
                            old = last[index]
                            if value is old:
                                continue
                            of = type(value)
                            if old is CHANGING and (seen := known[index]) is not None and seen[0] is of:
                                find = seen[1]
                                if find is fingerprint:
                                    try:
                                        if not value or are_atoms(map(type, value.values() if of is dict else value)):
                                            found = dumps(value, 2)
                                        else:
                                            found = fingerprint_of_nested(value)
                                    except ValueError:  # a key of another type
                                        found = UNFIT
                                else:
                                    found = find(value)
                                if found == seen[2]:
                                    continue
                                item = changed(last, known, index, value, found)
                                if item is None:
                                    continue
                            elif (
                                (of is int and SMALLEST < value < LARGEST)
                                or (of is str and len(value) <= LONGEST)
                                or value is None
                                or of is bool
                                or of is float
                            ):
                                last[index] = item = value
                            else:
                                item = again(last, known, index, value)
                                if item is None:
                                    continue
                            entry = (place, index, item) if entry is place else (*entry, index, item)
                        if layout.secrets:
                            learn(layout, values)
                        break
                    except KeyError:  # another variable is bound instead
                        entry = rebind(top, place, values, anew=True)
                        layout = top.layout
                append(entry)
                if facts.still is not None and at in facts.still:
                    top.told = len(entries)
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


def make_left(transcript: Transcript) -> Callable[[FrameType, object], Any]:
    """`Transcript.event` for returns, for the innermost, sooner where a function returns a number or the like."""
    entries, event, measured = transcript.log.entries, transcript.event, transcript.measured
    append = entries.append

    def left(frame: FrameType, arg: Any) -> Any:
        top: Any = transcript.top
        facts = top.facts
        kind = type(arg)
        if (
            facts.is_resumable
            or facts.is_secret
            or not (arg is None or (kind is int and SMALLEST < arg < LARGEST) or kind is bool or kind is float)
            or is_tracing() is not measured
            or len(entries) >= transcript.limit
        ):
            return event(frame, "return", arg)
        place = facts.returns.get(frame.f_lasti)
        if place is None:
            return event(frame, "return", arg)
        append((place, arg))
        transcript.top = top.outer
        if frame is transcript.root:
            transcript.end(Ending.RETURNED)
            return transcript.answer(frame)
        return event

    return left


NOBODY: Any = Activation()  # around the outermost
NOBODY.frame = NOBODY  # no frame, nor the None that is around the outermost
NOBODY.depth = NOBODY.told = 0
