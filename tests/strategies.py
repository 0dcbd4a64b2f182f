"""Hypothesis strategies for frames, traces and what a model may say instead of one."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from cwm_tracer.model import Context, Ending, Event, Frame, Meta, Trace
from cwm_tracer.wire import START_MARKER, UNCHANGED, Segment, Special

SPECIAL_NAMES = st.sampled_from([special.value for special in Special])


# Lone surrogates, control characters, and special tokens by their names.
TEXT = st.lists(
    st.text(st.characters(), max_size=6)
    | st.sampled_from(['"', "\\", "\n", "\r", "\x00", "\x85", "\u2028", "\ud800", "\udfff", "😀", "..", "...", "{}"])
    | SPECIAL_NAMES,
    max_size=3,
).map("".join)
# In JSON a high surrogate before a low one comes back as the one character that they make.
WIRE_TEXT = TEXT.filter(lambda text: not re.search("[\ud800-\udbff][\udc00-\udfff]", text))
NAMES = st.sampled_from(["x", "y", "z", ".0", "__x", "é"]) | WIRE_TEXT
# `..` is the wire's own word for a value that didn't change; no recorded value is rendered so.
VALUES = st.sampled_from(["1", "2", "'a'", "'..'", "..."]) | WIRE_TEXT.filter(lambda text: text != UNCHANGED)
# A source line ends with its only newline; code without source has none.
SOURCES = st.just("") | st.tuples(
    st.sampled_from(["    x = 1", "return x", "\tyield", f"def f():  {START_MARKER}"])
    | WIRE_TEXT.map(lambda text: text.replace("\n", "")),
    st.just("\n"),
).map("".join)
STATES = st.dictionaries(NAMES, VALUES, max_size=4)


@st.composite
def traces(draw: st.DrawFn, max_frames: int = 12) -> Trace:
    """Well-nested frames: the entry's call first, a line or an exception in the innermost scope, whole or cut short.

    They are what the wire carries: scopes are numbered in the order of their calls, files and lines are missing.
    """
    frames: list[Frame] = []
    scopes: list[int] = []
    states: list[dict[str, str]] = []
    opened = 0
    returned = False
    for _ in range(draw(st.integers(0, max_frames))):
        event = draw(st.sampled_from(Event)) if scopes else Event.CALL
        source = draw(SOURCES)
        if event is Event.CALL:
            scopes.append(opened)
            states.append(draw(STATES))
            frames.append(Frame(event, source, states[-1], scope=opened))
            opened += 1
        elif event is Event.LINE:
            states[-1] = draw(st.just(states[-1]) | STATES.map(states[-1].__or__) | STATES)
            frames.append(Frame(event, source, states[-1], scope=scopes[-1]))
        else:
            frames.append(Frame(event, source, argument=draw(VALUES | WIRE_TEXT), scope=scopes[-1]))
            if event is Event.RETURN:
                scopes.pop()
                states.pop()
        if not scopes:
            returned = True
            break
    ending = Ending.RETURNED if returned else draw(st.sampled_from([Ending.TRUNCATED, Ending.OPEN, Ending.DISPLACED]))
    return Trace(tuple(frames), Context(""), Meta("3.11", ending))


PIECES: st.SearchStrategy[Segment] = (
    st.sampled_from(list(Special))
    | st.sampled_from(['{"x": "1"}', '{"x": ".."}', "{", "[]", '"1"', "1", "null", "    x = 1\n", ""])
    | TEXT
)
STREAMS = st.lists(PIECES, max_size=30)


@st.composite
def mutations(draw: st.DrawFn, segments: list[Segment]) -> list[Segment]:
    """The segments with some deleted, doubled, swapped, cut short or replaced."""
    changed = list(segments)
    for _ in range(draw(st.integers(1, 3))):
        if not changed:
            break
        at = draw(st.integers(0, len(changed) - 1))
        other = draw(st.integers(0, len(changed) - 1))
        kind = draw(st.sampled_from(["delete", "double", "swap", "end", "cut", "replace"]))
        piece = changed[at]
        if kind == "delete":
            del changed[at]
        elif kind == "double":
            changed.insert(at, piece)
        elif kind == "swap":
            changed[at], changed[other] = changed[other], changed[at]
        elif kind == "end":
            del changed[at:]
        elif kind == "cut" and isinstance(piece, str):
            changed[at] = piece[: draw(st.integers(0, len(piece)))]
        else:
            changed[at] = draw(PIECES)
    return changed


_VARIABLES = ["a", "b", "c", "d"]
_ATOMS = st.sampled_from([*_VARIABLES, "0", "1", "2", "-1", "'s'", "'tu'", "[]", "[1, 2]", "None", "True"])
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%", "<", "==", "and", "or"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        )
        | st.tuples(inner, inner).map(lambda pair: f"({pair[0]}, {pair[1]})")
        | inner.map(lambda value: f"str({value})[:9]")
        | inner.map(lambda value: f"[item for item in [{value}, 2] if item]")
        | inner.map(lambda value: f"{{key: {value} for key in range(2)}}")
        | inner.map(lambda value: f"(sum(item + 1 for item in range(2)) if {value} else 0)")
        | inner.map(lambda value: f"(lambda d: [d, {value}])(1)")
    ),
    max_leaves=3,
)


@st.composite
def _blocks(draw: st.DrawFn, callees: list[str], depth: int, loops: bool, generator: bool) -> list[str]:
    """Statements as lines, which may use the variables and call the functions named."""
    lines: list[str] = []
    simple = ["assign", "assign", "augment", "pair", "delete", "raise", "return"]
    kinds = simple + ["call"] * bool(callees) + ["yield", "yield"] * generator + ["break", "continue"] * loops
    if depth:
        kinds += ["if", "for", "while", "try", "closure", "with"]

    def block(inside_loop: bool) -> list[str]:
        return ["    " + line for line in draw(_blocks(callees, depth - 1, inside_loop, generator))]

    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(kinds))
        name = draw(st.sampled_from(_VARIABLES))
        if kind == "assign":
            lines.append(f"{name} = {draw(_EXPRESSIONS)}")
        elif kind == "augment":
            lines.append(f"{name} += {draw(_ATOMS)}")
        elif kind == "pair":
            lines.append(f"{name}, d = {draw(_EXPRESSIONS)}, {name}")
        elif kind == "delete":
            lines.append(f"del {name}")
        elif kind == "call":
            callee = draw(st.sampled_from(callees))
            call = f"{callee}({draw(_ATOMS)}, {draw(_ATOMS)})"
            if callee.startswith("g"):  # to its end, or dropped where it stands
                call = draw(st.sampled_from([f"list({call})", f"next({call}, None)"]))
            lines.append(f"{name} = {call}")
        elif kind == "yield":
            lines.append(draw(st.sampled_from([f"yield {name}", f"{name} = yield", "yield from [1, 2]"])))
        elif kind == "raise":
            lines.append(f"if {draw(_ATOMS)}: raise ValueError({name})")
        elif kind == "return":
            lines.append(f"if {draw(_ATOMS)}: return {name}")
        elif kind in ("break", "continue"):
            lines.append(f"if {draw(_ATOMS)}: {kind}")
        elif kind == "if":
            lines += [f"if {draw(_EXPRESSIONS)}:", *block(loops), "else:", *block(loops)]
        elif kind == "for":
            lines += [f"for {name} in {draw(st.sampled_from(['range(2)', '[1, 2]', f'tuple({name})']))}:", *block(True)]
        elif kind == "while":
            counter = f"n{depth}"
            lines += [f"{counter} = 0", f"while {counter} < 2:", f"    {counter} += 1", *block(True)]
        elif kind == "try":
            lines += ["try:", *block(loops), "except (TypeError, ValueError) as error:", *block(loops)]
            lines += draw(st.sampled_from([[], ["else:", f"    {name} = 1"]]))
            lines += draw(st.sampled_from([[], ["finally:", f"    {name} = 'end'"]]))
        elif kind == "closure":
            lines += [f"def inner({name}):", f"    return {name}, b", f"c = inner({draw(_ATOMS)})"]
        else:
            lines += ["with suppress(TypeError):", *block(loops)]
    return lines


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Small programs that end: each function calls only those before it, and no loop runs over what it may change."""
    callees: list[str] = []
    functions: list[str] = []
    for number in range(draw(st.integers(0, 2))):
        generator = draw(st.booleans())
        name = f"g{number}" if generator else f"f{number}"
        body = draw(_blocks(callees, 1, False, generator))
        ending = "yield c" if generator else "return c"
        functions += [f"def {name}(a, b=2):", "    c = d = 0", *("    " + line for line in body), f"    {ending}", ""]
        callees.append(name)
    body = draw(_blocks(callees, 2, False, False))
    functions += [
        "def main():",
        "    a, b = 1, [2]",
        "    c = d = ''",
        *("    " + line for line in body),
        "    return a",
    ]
    return "\n".join(["from contextlib import suppress", "", *functions, "    return a", ""])
