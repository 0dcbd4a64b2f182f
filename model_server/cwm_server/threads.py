"""How many threads numpy's products may use: its BLAS asks the environment, once, when it is loaded."""

from __future__ import annotations

import os

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def limit_threads(count: int) -> None:
    """To be called before numpy is imported."""
    os.environ |= dict.fromkeys(_VARIABLES, str(count))
