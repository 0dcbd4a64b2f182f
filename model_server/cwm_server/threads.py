"""How many threads numpy's engine has, and how many its products: BLAS asks the environment when it is loaded."""

from __future__ import annotations

import os

_MOST = 4  # side by side; the parts of a prompt that are read at once get no larger
_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def limit_threads(count: int) -> None:
    """Of products, and of torch. To be called before either is imported."""
    os.environ |= dict.fromkeys(_VARIABLES, str(count))


def usable() -> int:
    """One for each processor that this process may use, up to a few."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST, count)
