"""Golden traces: what the recorder makes of the programs in `fixtures/traces`, in CWM's text.

`python -m tests.golden`, from the repository's root, writes those of the running interpreter; do so on 3.11 first. A
program has one golden file, and another for a Python version only where its frames differ from those before.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import types
from pathlib import Path

from cwm_tracer import wire
from cwm_tracer.model import Context, Trace
from cwm_tracer.recorder import DEFAULT_MAX_FRAMES, Entry, Recording, make_recorder
from cwm_tracer.source import SourceLines

FOLDER = Path(__file__).parent.parent / "fixtures" / "traces"
PROGRAMS = sorted(FOLDER.glob("*.py"))
VERSION = sys.version_info[:2]
_FIRST = (3, 11)


def record(source: str, filename: str = "program.py", max_frames: int = DEFAULT_MAX_FRAMES) -> Recording:
    """Run the `main` of a program and record it. What the program raises is dropped."""
    module = sys.modules["program"] = types.ModuleType("program")
    exec(compile(source, filename, "exec"), module.__dict__)
    main = module.main
    sources = SourceLines({filename: source})
    recorder = make_recorder(Entry(main.__code__), filename.__eq__, max_frames=max_frames, sources=sources)
    if inspect.iscoroutinefunction(main):
        asyncio.run(asyncio.sleep(0))  # what happens only once in a process is not the program's
    recorder.start()
    try:
        result = main()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    except Exception:
        pass
    finally:
        recording = recorder.stop()
    return recording


def text_of(program: Path) -> str:
    """The trace of a program, one frame to a paragraph."""
    recording = record(program.read_text(encoding="utf-8"))
    trace = Trace(recording.frames, Context(""), recording.meta)
    return wire.to_text(wire.encode(trace)).replace("<|frame_sep|>", "<|frame_sep|>\n") + "\n"


def golden_of(program: Path, version: tuple[int, int] = VERSION) -> Path:
    """The golden file that counts for a Python version: its own, or else that of the nearest before it down to 3.11."""
    for minor in [version[1], *range(version[1] - 1, _FIRST[1], -1)]:
        path = program.with_name(f"{program.stem}-3.{minor}.txt")
        if path.exists():
            return path
    return program.with_suffix(".txt")


def _write(program: Path) -> None:
    text = text_of(program)
    path = golden_of(program)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    own = f"-{VERSION[0]}.{VERSION[1]}" if VERSION != _FIRST else ""
    path = program.with_name(f"{program.stem}{own}.txt")
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path.relative_to(FOLDER.parent.parent)}")


if __name__ == "__main__":
    for program in PROGRAMS:
        _write(program)
