"""Plots as files, drawn by matplotlib, which only those need who ask for one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cwm.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png", ".pdf")


class PlotError(Exception):
    """A plot that can't be drawn; its text is one line for the user."""


def check(path: str | Path) -> None:
    """Raises PlotError before time is spent on what can't be drawn."""
    if Path(path).suffix not in SUFFIXES:
        raise PlotError(f"{path}: a plot ends in {', '.join(SUFFIXES)}")
    if find_spec("matplotlib") is None:
        raise PlotError("drawing needs matplotlib: pip install 'pytest-cwm[plots]'")


def save(figure: Figure, path: str | Path) -> None:
    """Write the file, as a whole; the same figure gives the same bytes. Raises PlotError."""
    import matplotlib

    path = Path(path)
    # Neither dates nor random ids.
    without_date = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file, matplotlib.rc_context({"svg.hashsalt": "pytest-cwm"}):
            figure.savefig(file, dpi=150, format=path.suffix[1:], metadata=without_date)
    except OSError as error:
        raise PlotError(f"can't write {path}: {error.strerror or error}") from None
