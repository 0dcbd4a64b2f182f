"""Writing the views of a report that are files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_cwm.report.document import Report, ReportError
from pytest_cwm.views import Output


def write_outputs(report: Report, outputs: Iterable[Output], root: Path, changed: str | None = None) -> list[str]:
    """Write all that can be written; the result says of each other one what went wrong.

    `root` is the folder that files in the report are named from. `changed` limits SARIF to the lines that changed since
    a git revision.
    """
    problems = [_problem_of(report, output, root, changed) for output in outputs]
    return [problem for problem in problems if problem is not None]


def _problem_of(report: Report, output: Output, root: Path, changed: str | None) -> str | None:
    try:
        _write(report, output, root, changed)
    except ReportError as error:
        return str(error)
    except OSError as error:
        return f"can't write {output.path}: {error.strerror or error}"
    return None


def _write(report: Report, output: Output, root: Path, changed: str | None) -> None:
    if output.view == "coverage":
        from pytest_cwm.report.coverage_data import write_coverage

        write_coverage(report, output.path, root, branch=output.branch)
        return
    if output.view == "plot":
        from pytest_cwm.report.plot import write_plot

        write_plot(report, output.path)
        return
    from pytest_cwm.report.storage import replacing

    chunks = _chunks(report, output.view, root, changed)
    output.path.parent.mkdir(parents=True, exist_ok=True)
    if output.append:
        _append(output.path, "".join(chunks).encode("utf-8", "backslashreplace"))
        return
    with replacing(output.path) as packed:
        for chunk in chunks:
            packed.write(chunk.encode("utf-8", "backslashreplace"))


def _append(path: Path, data: bytes) -> None:
    """Add to a file, all or nothing: what a full disk cut short is taken back."""
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            while data:
                data = data[file.write(data) :]
        except OSError:
            file.truncate(size)
            raise


def _chunks(report: Report, view: str, root: Path, changed: str | None) -> Iterator[str]:
    match view:
        case "html":
            from pytest_cwm.report.html import page

            yield from page(report)
        case "markdown":
            from pytest_cwm.report.markdown import to_markdown

            yield to_markdown(report)
        case "sarif":
            from pytest_cwm.report.changed import wanted_lines
            from pytest_cwm.report.sarif import to_sarif

            yield to_sarif(report, wanted_lines(changed, root))
