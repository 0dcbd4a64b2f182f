"""The figures of many runs in one SQLite database, for those who ask for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_tracer.compare import Mean, Metric, Rate
from pytest_cwm.report.encoding import number_from_json, number_to_json

if TYPE_CHECKING:
    from pytest_cwm.report.document import Report

VERSION = 1
COURSE = 100
_APPLICATION = 0x63776D31  # "cwm1": tells the file from other SQLite databases
_TABLES = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, finished TEXT NOT NULL, commit_id TEXT NOT NULL, model TEXT NOT NULL, weights TEXT NOT NULL,
  python TEXT NOT NULL, tests INTEGER NOT NULL, UNIQUE (finished, commit_id, model, tests)
);
CREATE TABLE metrics (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, metric TEXT NOT NULL, is_rate INTEGER NOT NULL,
  sum NUMERIC NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (run, metric)
) WITHOUT ROWID;
"""


class HistoryError(Exception):
    """A history that can't be read or written; its text is one line that names the file."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run: `finished` is an ISO date, `tests` how many were recorded; what is unknown is the empty text."""

    finished: str
    commit: str
    model: str
    weights: str
    python: str
    tests: int
    metrics: Mapping[str, Metric]


def point_of(report: Report) -> Point:
    """What a history keeps of a run."""
    model, run = report.model, report.run
    return Point(
        str(run.get("finished") or ""),
        str(run.get("commit") or ""),
        str(model.get("name") or ""),
        str(model.get("weights") or ""),
        str(report.environment.get("python") or ""),
        len(report.tests),
        report.totals,
    )


def add(path: Path, point: Point) -> None:
    """Add a run; one that is there already is not added twice. Raises `HistoryError`."""
    with _opened(path, "added to") as connection, connection:
        cursor = connection.execute(
            "INSERT OR IGNORE INTO runs (finished, commit_id, model, weights, python, tests) VALUES (?, ?, ?, ?, ?, ?)",
            (point.finished, point.commit, point.model, point.weights, point.python, point.tests),
        )
        if cursor.rowcount:
            rows = ((cursor.lastrowid, name, *_sums(metric)) for name, metric in point.metrics.items())
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", rows)


def read(path: Path) -> list[Point]:
    """All runs, oldest first. Raises `HistoryError`."""
    if not path.is_file():
        raise HistoryError(f"there is no history {path}: write one with pytest --cwm-history {path}")
    with _opened(path, "read") as connection:
        metrics: dict[int, dict[str, Metric]] = {}
        for run, name, is_rate, total, count in connection.execute("SELECT * FROM metrics ORDER BY run, metric"):
            made = Rate(total, count) if is_rate else Mean(number_from_json(total) or 0.0, count)
            metrics.setdefault(run, {})[name] = made
        rows = connection.execute(
            "SELECT id, finished, commit_id, model, weights, python, tests FROM runs ORDER BY finished, id"
        )
        return [
            Point(finished, commit, model, weights, python, tests, metrics.get(run, {}))
            for run, finished, commit, model, weights, python, tests in rows
        ]


def course(points: Sequence[Point]) -> list[list[Any]]:
    """The last runs as JSON, for a report: date, commit, model, and the values of the rates."""
    return [
        [
            point.finished,
            point.commit,
            f"{point.model} {point.weights[:6]}".strip(),
            {
                name: round(rate.value, 6)
                for name, rate in point.metrics.items()
                if isinstance(rate, Rate) and rate.value is not None
            },
        ]
        for point in points[-COURSE:]
    ]


def _sums(metric: Metric) -> tuple[bool, float | str | None, int]:
    if isinstance(metric, Rate):
        return True, metric.correct, metric.total
    return False, number_to_json(metric.sum), metric.count


@contextmanager
def _opened(path: Path, purpose: str) -> Iterator[sqlite3.Connection]:
    """A connection to a history of this version; another process that writes is waited for."""
    reading = purpose == "read"
    existed = path.exists()
    try:
        if not reading:
            path.parent.mkdir(parents=True, exist_ok=True)
        address = f"{path.absolute().as_uri()}?mode={'ro' if reading else 'rwc'}"
        with closing(sqlite3.connect(address, uri=True, timeout=30, isolation_level="IMMEDIATE")) as connection:
            if not reading:
                _create(connection)
            _check(connection, path)
            yield connection
    except (OSError, sqlite3.Error) as error:
        if not existed and path.is_file() and not path.stat().st_size:
            path.unlink()
        raise HistoryError(f"the history {path} can't be {purpose}: {error}") from None


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables, if the file is new."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES.split(";")[:-1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise HistoryError(f"{path} is no history of pytest-cwm, but another SQLite database")
    if version > VERSION:
        raise HistoryError(f"the history {path} was written by a newer pytest-cwm: upgrade it")
