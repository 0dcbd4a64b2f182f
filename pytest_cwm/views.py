"""The views of a report that are files: their names, and reading where one is to go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# By name: what the view is, in the words of `--help`.
VIEWS = {
    "html": "one HTML file to look through, without network",
    "markdown": "a summary in Markdown; append:PATH adds it to a file, e.g. append:$GITHUB_STEP_SUMMARY",
    "sarif": "divergences as SARIF 2.1.0, for code hosts",
    "coverage": "which lines were predicted, as data of coverage.py in the contexts cwm:match and cwm:diverge; "
    "branch:PATH: jumps between lines, as of a run with --branch",
    "plot": "accuracy over steps and lengths of traces, and from run to run, as .png, .svg or .pdf (needs matplotlib)",
}
# What may stand before a path: by view, its name.
_OPTIONS = {"markdown": "append", "coverage": "branch"}


@dataclass(frozen=True, slots=True)
class Output:
    """A view as a file. `append`: it comes after what is in the file; `branch`: it holds jumps, not lines."""

    view: str
    path: Path
    append: bool = False
    branch: bool = False


def parse_output(view: str, text: str, folder: Path) -> Output:
    """Read a PATH from `folder` on, perhaps after a view's option. Raises ValueError with a line for the user."""
    option = _OPTIONS.get(view, "")
    given = bool(option) and text.startswith(f"{option}:")
    name = text[len(option) + 1 :] if given else text
    if not name:
        raise ValueError(f"{text!r} names no file" + (" (is the variable set?)" if given else ""))
    if view == "plot":
        from pytest_cwm.plotting import PlotError, check

        try:
            check(name)
        except PlotError as error:
            raise ValueError(str(error)) from None
    return Output(view, folder / name, **({option: True} if given else {}))
