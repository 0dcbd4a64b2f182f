"""When the server's process ends: with its parent, if it belongs to one."""

from __future__ import annotations

import os
import threading
import time


def die_with_parent() -> None:
    """Exit at once when stdin ends or the process has a new parent: a killed parent can't say goodbye."""
    parent = os.getppid()

    def watch_input() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    def watch_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(0)

    for watch in (watch_input, watch_parent):
        threading.Thread(target=watch, daemon=True).start()
