"""One program in, one document out: run it under the recorder, in a sandbox, and write what was seen as segments."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import linecache
import random
from collections.abc import Sequence

from cwm_server.training import loading
from cwm_server.training.assertions import rewritten
from cwm_server.training.loading import File
from cwm_server.training.openings import filled
from cwm_server.training.programs import normal
from cwm_server.training.programs.base import Program
from cwm_server.training.sandbox import Rejected, Sandbox, TimeUp
from cwm_tracer.context import build_context
from cwm_tracer.model import Ending, Frame
from cwm_tracer.recorder import Entry, Recording, make_recorder
from cwm_tracer.values import Renderer
from cwm_tracer.wire import START, START_MARKER, Segment, Special, encode_context, encode_frame

MIN_FRAMES = 3
MAX_FRAMES = 400
MAX_TRACE_CHARACTERS = 6_000
MAX_CONTEXT_CHARACTERS = 4_000
MAX_VALUE_CHARACTERS = 400
KEPT_PREFIXES = 0.35
BUILT_CONTEXTS = 0.6
SEPARATE_FILES = 0.35
_MODULES = (
    "shop",
    "utils",
    "core",
    "app",
    "helpers",
    "models",
    "text",
    "tools",
    "lib.core",
    "solution",
    "parser",
    "program",
)
_RENDERER = Renderer()  # its bound on `__repr__` costs a thread
_SPECIALS = {special: number for number, special in enumerate(Special)}


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What became of one program: segments as JSON has them (an int i is `list(Special)[i]`), or why there are none.

    `key` is equal for documents that show the same; `subject` is the fingerprint of the function that it is about.
    """

    segments: tuple[int | str, ...] = ()
    key: str = ""
    subject: str = ""
    frames: int = 0
    characters: int = 0
    complete: bool = False
    rejected: str = ""


def record(program: Program, sandbox: Sandbox) -> Result:
    """Run one program and make its document. Deterministic, but for programs that run into the limits."""
    try:
        return _record(program, sandbox)
    except Rejected as reason:
        return Result(rejected=str(reason))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return Result(rejected=f"does not compile: {type(error).__name__}")


def _record(program: Program, sandbox: Sandbox) -> Result:
    digest = hashlib.blake2b(
        f"{program.text}\0{program.call}".encode("utf-8", "surrogatepass"), digest_size=8
    ).hexdigest()
    rng = random.Random(digest)
    text, call = filled(program, sandbox, rng)
    tree = ast.parse(text)
    subject = loading.definition(tree, program.subject or program.entry)
    key = normal.fingerprint(ast.parse(f"{text}\n{call}"))
    files = _files(rng, text, program.entry)
    recording = _traced(files, program, call, sandbox)
    frames = recording.frames
    if len(frames) < MIN_FRAMES:
        raise Rejected("too few frames")
    if recording.meta.ending not in (Ending.RETURNED, Ending.TRUNCATED):
        raise Rejected(f"recording ended: {recording.meta.ending.value}")
    segments: list[Segment] = encode_context(_context(rng, files, recording, tree, program.entry))
    kept = _append(frames, segments)
    complete = kept == len(frames) and recording.meta.ending is Ending.RETURNED
    if complete:
        segments.append(Special.END)
    elif rng.random() >= KEPT_PREFIXES:
        raise Rejected("too long")
    characters = sum(len(segment) for segment in segments if isinstance(segment, str))
    plain = tuple(_SPECIALS[segment] if isinstance(segment, Special) else segment for segment in segments)
    return Result(plain, key, normal.fingerprint(subject), kept, characters, complete)


def _append(frames: Sequence[Frame], segments: list[Segment]) -> int:
    """Append frames to `segments` up to the bound on characters; says how many."""
    cursor, characters = START, 0
    for index, frame in enumerate(frames):
        encoded = encode_frame(frame, cursor)
        longest = max(map(len, [frame.argument or "", *(frame.locals or {}).values()]))
        if longest > MAX_VALUE_CHARACTERS:
            raise Rejected("long values")
        characters += sum(len(segment) if isinstance(segment, str) else 1 for segment in encoded)
        if characters > MAX_TRACE_CHARACTERS or index >= MAX_FRAMES:
            return index
        segments += encoded
        cursor = cursor.after(frame)
    return len(frames)


def _files(rng: random.Random, text: str, entry: str) -> tuple[File, ...]:
    """The program as files, the one with the entry last: tests stand in a file of their own now and then."""
    name = rng.choice(_MODULES)
    is_test = "test_" in entry
    path = "/program/" + name.replace(".", "/") + ".py"
    if is_test and rng.random() < SEPARATE_FILES and (parts := loading.split(text, entry, name)) is not None:
        test = "test_" + name.rpartition(".")[2]
        return File(name, path, parts[0]), File(test, f"/program/tests/{test}.py", parts[1])
    if is_test and rng.random() < 0.7:
        name = "test_" + name.rpartition(".")[2]
        path = f"/program/{name}.py"
    elif rng.random() < 0.3:
        name = "__main__"
    return (File(name, path, text),)


def _traced(files: Sequence[File], program: Program, call: str, sandbox: Sandbox) -> Recording:
    """Load the files, call the program's call, and hand out what the recorder saw."""
    names = {file.filename for file in files}
    for file in files:
        linecache.cache[file.filename] = (len(file.text), None, file.text.splitlines(keepends=True), file.filename)
    test = files[-1]
    tree = rewritten(test.text) if program.rewritten else None
    recorder = None
    try:
        with sandbox.program(), loading.importable():
            try:
                for file in files[:-1]:
                    loading.load(file.text, file.name, file.filename)
                module = loading.load(test.text, test.name, test.filename, tree)
            except Exception as error:
                raise Rejected(f"module raises {type(error).__name__}") from None
            code = loading.entry_code(module, program.entry)
            expression = compile(call, "<call>", "eval")
            recorder = make_recorder(
                Entry(code=code), names.__contains__, max_frames=MAX_FRAMES + 1, renderer=_RENDERER
            )
            recorder.start()
            try:
                with contextlib.suppress(Exception):  # an entry that raises makes a trace like any other
                    eval(expression, {**module.__dict__, "fixture_value": loading.fixture_value})
            finally:
                recording = recorder.stop()
            if recording.note.startswith("recording stopped by an internal error"):
                raise Rejected(recording.note)
            return recording
    except Rejected:
        raise
    except TimeUp:
        if recorder is not None:
            recording = recorder.stop()
            if recording.meta.ending is Ending.TRUNCATED:
                return recording
        raise Rejected("ran too long") from None
    except BaseException as error:
        raise Rejected(f"stopped by {type(error).__name__}") from None
    finally:
        for filename in names:
            linecache.cache.pop(filename, None)


def _context(rng: random.Random, files: Sequence[File], recording: Recording, tree: ast.Module, entry: str) -> str:
    """The source before the trace: as the plugin chooses it, or the whole file as CWM's own prompts have it."""
    if len(files) > 1 or len(files[0].text) > MAX_CONTEXT_CHARACTERS // 2 or rng.random() < BUILT_CONTEXTS:
        names = {file.filename for file in files}
        budget = rng.choice((1024, 1024, 1024, 512, 300))
        built = build_context(
            recording.frames, recording.entry, recording.sources, budget=budget, may_read=names.__contains__
        )
        text = built.text
    else:
        lines = files[0].text.split("\n")
        lines[loading.definition(tree, entry).lineno - 1] += f"  {START_MARKER}"
        text = "\n".join(lines)
    if len(text) > MAX_CONTEXT_CHARACTERS:
        raise Rejected("long context")
    return text
