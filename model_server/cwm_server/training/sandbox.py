"""Limits on what a program of unknown origin can do to the process it runs in and to the machine."""

from __future__ import annotations

import builtins
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

FORBIDDEN = (
    "os.",
    "shutil.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "pty.",
    "webbrowser.",
    "http.",
    "urllib.",
    "ftplib.",
)
HARMLESS = frozenset(
    {
        *("socket.gethostname", "os.listdir", "os.scandir", "os.getxattr", "os.listxattr"),
        *("ctypes.cdata", "ctypes.string_at"),  # so the recorder reads where a list's items are, and a dict's version
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Rejected(Exception):
    """A program that makes no document; its text is the reason, a few words that can be counted."""


class TimeUp(BaseException):
    """The program has used its CPU time; not an Exception, so that little code catches it."""


class Forbidden(PermissionError):
    """The program tried to change something outside itself."""


class Sandbox:
    """Confines programs that run inside `with sandbox.program():`; meant for a worker process that does nothing else.

    Bounds: `cpu_seconds` for one program, `memory` bytes of address space for the process. Audit events for writing,
    deleting, starting processes and the network raise `Forbidden`; output is discarded, input is at its end, sleeping
    takes no time. What slips through (a loop inside a C function, a fatal signal) hangs the process or takes it down;
    whoever started it must watch it. This stops accidents of sampled programs, not an attacker.
    """

    def __init__(self, cpu_seconds: float = 0.6, memory: int = 1 << 30) -> None:
        self._cpu_seconds = cpu_seconds
        self._guarding = False
        self._null = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
        self._folder = tempfile.mkdtemp(prefix="cwm-program-")
        os.chdir(self._folder)
        with contextlib.suppress(ImportError, ValueError, OSError):
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))
        signal.signal(signal.SIGPROF, _time_up)
        sys.addaudithook(self._audit)
        setattr(time, "sleep", lambda seconds: None)  # noqa: B010
        setattr(os, "_exit", _exit)  # noqa: B010
        setattr(os, "abort", _exit)  # noqa: B010
        setattr(builtins, "input", _no_input)  # noqa: B010
        setattr(builtins, "breakpoint", lambda *args, **kwargs: None)  # noqa: B010

    @contextlib.contextmanager
    def program(self) -> Iterator[None]:
        """Run one program; `TimeUp` is raised in it when its time is used up."""
        state = sys.stdin, sys.stdout, sys.stderr, sys.getrecursionlimit()
        sys.stdin = sys.stdout = sys.stderr = self._null
        random.seed(0)
        signal.setitimer(signal.ITIMER_PROF, self._cpu_seconds, 0.1)
        self._guarding = True
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._guarding = False
            sys.stdin, sys.stdout, sys.stderr = state[:3]
            sys.setrecursionlimit(state[3])

    def close(self) -> None:
        """Remove the programs' working directory."""
        with contextlib.suppress(OSError):
            os.chdir("/")
            os.rmdir(self._folder)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._guarding:
            return
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING):
                raise Forbidden(f"open for writing: {arguments[0]}")
        elif event.startswith(FORBIDDEN) and event not in HARMLESS:
            raise Forbidden(event)


def _time_up(signum: int, frame: FrameType | None) -> NoReturn:
    raise TimeUp


def _exit(status: int = 1) -> NoReturn:
    raise SystemExit(status)


def _no_input(prompt: object = "") -> NoReturn:
    raise EOFError("EOF when reading a line")
