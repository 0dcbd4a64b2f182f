"""A bound on the time that one call of Python code may take in the current thread."""

from __future__ import annotations

import _thread
import atexit
import ctypes
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TypeVar

from cwm_tracer.signals import is_handler

_get_ident = _thread.get_ident
A = TypeVar("A")
R = TypeVar("R")

_add_pending_call = ctypes.pythonapi.Py_AddPendingCall
_add_pending_call.argtypes = [ctypes.c_void_p, ctypes.py_object]
_set_async_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async_exception.argtypes = [ctypes.c_ulong, ctypes.py_object]
_IS_TRUE = ctypes.cast(ctypes.pythonapi.PyObject_IsTrue, ctypes.c_void_p)

_TICKS = 5  # how often the watchdog looks within the bound
_IDLE_TICKS = 20  # without a call, after which its thread ends


class DeadlineExceeded(BaseException):
    """Raised in a call that takes too long; not an Exception, so that little code catches it."""


class Deadline:
    """Calls functions of one argument, and interrupts those that take longer than about `seconds`.

    The seconds are those in which this process runs: a machine that is busy elsewhere makes no call late.

    It interrupts Python code between two bytecodes and can do nothing about a C function that doesn't return. Signals
    are the user's (pytest-timeout has them) and trace functions don't run inside trace functions, so a watchdog thread
    does it: a bare one, which `threading` doesn't list and which exists only while there are calls to watch.

    In the main thread it queues a pending call, which raises. Where that was swallowed, the next one queues another at
    every check between two bytecodes, so that a handler is interrupted as well, and whoever handles that. In other
    threads it sets an asynchronous exception, again and again.
    """

    _clock = staticmethod(time.monotonic)  # as it is when this module is imported: tests replace it in modules

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._forget_thread()
        _deadlines.add(self)

    def call(self, function: Callable[[A], R], argument: A) -> R:
        """`function(argument)`, or `DeadlineExceeded`. For one thread at a time.

        Takes no lock, and does not ask for the time: it is called for every value that has a repr of its own. Of two
        threads that each say what they do and then look at what the other does, one at least sees the other.
        """
        try:
            self._calls += 1
            self._thread_id = _get_ident()
            self._is_running = True
            if not self._is_watched:
                self._begin_to_watch()
            return function(argument)
        finally:
            # An exception that is set already is raised at the next check between two bytecodes, which may be in here.
            while True:
                try:
                    self._is_running = False
                    if self._is_interrupting:
                        self._end_interrupting()
                    break
                except DeadlineExceeded:
                    continue

    def _end_interrupting(self) -> None:
        with self._lock:
            self._is_interrupting = False
            self._interruptions = 0
        # Taking an exception back (by an asynchronous one of NULL) leaves CPython 3.11 checking ever on.
        for _ in range(100):
            pass

    def _forget_thread(self) -> None:
        self._lock = _thread.allocate_lock()
        self._calls = 0
        self._is_running = self._is_interrupting = self._is_watched = False
        self._thread_id = 0
        self._interruptions = 0
        self._wake = self._gone = _thread.allocate_lock()

    def _begin_to_watch(self) -> None:
        with self._lock:
            if self._is_watched:
                return
            self._wake = _thread.allocate_lock()
            self._gone = _thread.allocate_lock()
            self._wake.acquire()
            self._gone.acquire()
            with suppress(RuntimeError):  # no thread to be had (a limit on memory, say): go without a bound
                _thread.start_new_thread(self._watch, (self._wake, self._gone))
                self._is_watched = True

    def _watch(self, wake: _thread.LockType, gone: _thread.LockType) -> None:
        idle = ticks = 0
        seen, until = -1, 0.0  # a call, and when it should have ended
        stopped = False
        while not stopped:
            stopped = wake.acquire(True, self._seconds / _TICKS)
            with self._lock:
                # Each tick needs the interpreter's lock, so neither comes while the call is not let run.
                ticks += 1
                if self._calls != seen:
                    seen, ticks, until = self._calls, 1, self._clock() + self._seconds * (_TICKS - 1) / _TICKS
                elif self._is_running and ticks >= _TICKS and self._clock() > until:
                    self._interrupt(seen)
                idle = idle + 1 if not self._is_running else 0
                if stopped or idle == _IDLE_TICKS:
                    self._is_watched = False  # a call that begins now sees that, or is seen here
                    stopped = stopped or not self._is_running
                    self._is_watched = not stopped
        gone.release()

    def _interrupt(self, call: int) -> None:
        """Set the exception, unless the thread is in this file's own code or, after a KeyboardInterrupt, beyond it."""
        self._is_interrupting = True
        if not self._is_running or self._calls != call:
            return
        frame = sys._current_frames().get(self._thread_id)
        if frame is not None and frame.f_code.co_filename == __file__:
            return
        if _deadline_around(frame) is not self:
            self._is_running = False
            return
        self._interruptions += 1
        if self._thread_id == threading.main_thread().ident:
            _add_pending_call(_IS_TRUE, _INTERRUPTION)
        else:
            _set_async_exception(self._thread_id, DeadlineExceeded)

    def _stop_watching(self) -> None:
        with self._lock:
            watched, wake, gone = self._is_watched, self._wake, self._gone
        if watched:
            threads = _count_threads()
            wake.release()
            gone.acquire()
            for _ in range(100):  # what is left of it is the interpreter's
                if _count_threads() < threads or not threads:
                    break
                _sleep(0.0005)


class _Interruption:
    """What a pending call asks for its truth: the asking raises where it interrupts a call that is overdue."""

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        if frame.f_code.co_filename != __file__:
            deadline = _deadline_around(frame)
            if deadline is not None and deadline._interruptions:
                if deadline._interruptions > 1:
                    _add_pending_call(_IS_TRUE, self)
                raise DeadlineExceeded
        return False


_INTERRUPTION = _Interruption()  # lives for ever: the queue does not own what is in it


def _deadline_around(frame: FrameType | None) -> Deadline | None:
    """The deadline through which the code of `frame` was called; None in this file's own work and signal handlers."""
    while frame is not None:
        if frame.f_code is Deadline.call.__code__:
            deadline: Deadline = frame.f_locals["self"]
            return deadline
        if frame.f_code.co_filename == __file__ or is_handler(frame):
            return None
        frame = frame.f_back
    return None


_deadlines: weakref.WeakSet[Deadline] = weakref.WeakSet()


def _end_threads() -> None:
    for deadline in list(_deadlines):
        deadline._stop_watching()


def _forget_threads() -> None:
    for deadline in list(_deadlines):
        deadline._forget_thread()


# From 3.12 on a fork warns where other threads run, which may fail a user's test; 3.10 may crash at its end.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_end_threads, after_in_child=_forget_threads)
atexit.register(_end_threads)


def _count_threads(directory: str = "/proc/self/task") -> int:
    """How many threads the system sees in this process; 0 where it doesn't tell."""
    try:
        return len(os.listdir(directory))
    except OSError:
        return 0


def _sleep(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    sleep(seconds)
