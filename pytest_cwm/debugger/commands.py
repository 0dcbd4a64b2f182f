"""The debugger's command line: pdb's commands over a predicted execution."""

from __future__ import annotations

import cmd
import sys
import time
from collections.abc import Callable, Iterable
from typing import IO

from pytest_cwm.debugger import views
from pytest_cwm.debugger.text import printable, shorten
from pytest_cwm.debugger.timeline import Move, Stop, Timeline
from pytest_cwm.predictors.base import PredictionError

_HELP = {
    "step": ("s", "go to the next frame; into a function that is called"),
    "next": ("n", "go to the next frame of this function, over calls"),
    "out": ("o, r, return", "go on until this function returns"),
    "back": ("b", "undo the last move; predicted frames are kept"),
    "print": ("p", "print all locals, or `print NAME` one of them in full"),
    "list": ("l", "show the source around the current line"),
    "diff": ("", "show how the prediction differs from what really happened"),
    "reset": ("", "start again: the model invents another call, or the given one"),
    "help": ("h, ?", "show this, or `help COMMAND`"),
    "quit": ("q, exit, EOF", "leave the debugger"),
}
_ALIASES = {
    "s": "step",
    "n": "next",
    "o": "out",
    "r": "out",
    "return": "out",
    "b": "back",
    "p": "print",
    "l": "list",
    "h": "help",
    "q": "quit",
    "exit": "quit",
}
_QUIET_SECONDS = 1.0


class DebuggerShell(cmd.Cmd):
    """Reads commands, moves the timeline, prints views of it. No model text is evaluated or printed raw."""

    prompt = "(cwm) "

    def __init__(self, timeline: Timeline, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.timeline = timeline
        # Line editing needs the process's own terminal; anything else is read and written as the streams given.
        self.use_rawinput = self.stdin is sys.stdin and self.stdout is sys.stdout and self.stdin.isatty()

    def run(self) -> None:
        """Show the start, then obey until `quit` or the end of input. Ctrl-C at the prompt drops the line."""
        if self.timeline.frame is None:
            self._move(self._reset)
        else:
            self._show(views.location(self.timeline))
        interrupted = False
        while not self._obey(interrupted):
            interrupted = True

    def _obey(self, interrupted: bool) -> bool:
        """Read commands until the session is over; False when Ctrl-C broke it off."""
        try:
            if interrupted:
                self._show(["", "interrupted; quit leaves"])
            self.cmdloop()
        except KeyboardInterrupt:
            return False
        return True

    def do_step(self, arg: str) -> None:
        self._move(self._forward(self.timeline.step))

    def do_next(self, arg: str) -> None:
        self._move(self._forward(self.timeline.next))

    def do_out(self, arg: str) -> None:
        self._move(self._forward(self.timeline.out))

    def do_back(self, arg: str) -> None:
        def undo() -> Iterable[str]:
            if not self.timeline.back():
                return ["*** nothing to undo"]
            return views.location(self.timeline)

        self._move(undo)

    def do_reset(self, arg: str) -> None:
        self._move(self._reset)

    def do_print(self, arg: str) -> None:
        self._show(views.values(self.timeline, arg.strip()))

    def do_list(self, arg: str) -> None:
        self._show(views.listing(self.timeline))

    def do_diff(self, arg: str) -> None:
        self._show(views.differences(self.timeline))

    def do_help(self, arg: str) -> None:
        name = _ALIASES.get(arg.strip(), arg.strip())
        if name and name not in _HELP:
            self._show([f"*** no command `{printable(name)}`"])
            return
        for each in [name] if name else _HELP:
            short, what = _HELP[each]
            self._show([f"{each:<6} {'(' + short + ')' if short else '':<15} {what}"])
        if not name:
            self._show(["An empty line repeats the last command."])

    def do_quit(self, arg: str) -> bool:
        return True

    def do_EOF(self, arg: str) -> bool:
        self._show([""])
        return True

    def completenames(self, text: str, *ignored: object) -> list[str]:
        return [name for name in _HELP if name.startswith(text)]

    def complete_print(self, text: str, *ignored: object) -> list[str]:
        return [name for name in self.timeline.locals if name.startswith(text)]

    def complete_help(self, text: str, *ignored: object) -> list[str]:
        return self.completenames(text)

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        command, arg, line = super().parseline(line)
        return _ALIASES.get(command, command) if command else command, arg, line

    def default(self, line: str) -> None:
        self._show([f"*** no command `{shorten(printable(line), 60)}`; help lists them"])

    def _reset(self) -> Iterable[str]:
        self.timeline.reset()
        return views.location(self.timeline)

    def _forward(self, move: Callable[[], Move]) -> Callable[[], Iterable[str]]:
        def go() -> Iterable[str]:
            made = move()
            lines = list(views.location(self.timeline))
            if made.stop is Stop.BOUND:
                lines.append(f"*** stopped after {made.frames} frames, the most that one command predicts")
            return lines

        return go

    def _move(self, move: Callable[[], Iterable[str]]) -> None:
        """Move and show, or say in one line why not."""
        self.timeline.on_frame = progress = _Progress(self.stdout)
        try:
            lines = move()
        except PredictionError as error:
            lines = [f"*** {shorten(printable(' '.join(str(error).split())), 500)}"]
        except KeyboardInterrupt:
            lines = ["*** interrupted; the position is unchanged"]
        finally:
            self.timeline.on_frame = None
            progress.clear()
        self._show(lines)

    def _show(self, lines: Iterable[str]) -> None:
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        for line in lines:
            self.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self.stdout.flush()


class _Progress:
    """Counts the frames of a long move on a terminal, in a line that is wiped afterwards."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._quiet_until = time.monotonic() + _QUIET_SECONDS
        self._shown = False

    def __call__(self, frames: int) -> None:
        if time.monotonic() >= self._quiet_until and self._stream.isatty():
            self._stream.write(f"\r{frames} frames predicted (Ctrl-C stops)")
            self._stream.flush()
            self._shown = True

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def run_debugger(timeline: Timeline, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
    """A debugging session over `timeline`, on the process's own streams unless others are given."""
    DebuggerShell(timeline, stdin, stdout).run()
