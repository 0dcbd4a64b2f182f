"""The garbage collector while the plugin works between tests."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is collected inside the block.

    What the plugin makes is freed without the collector. Going through all objects of the program for the sake of it
    would take a tenth of a run, and would run the program's finalizers where it would not have run them itself.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
