"""All cassettes of a project: find an answer, say why there is none, add one, drop those that nothing asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cwm.cassettes import files
from pytest_cwm.cassettes.entry import Asked, Entry, Known, differences
from pytest_cwm.cassettes.files import CassetteError
from pytest_cwm.files import path_of

Json = Any


@dataclass(frozen=True, slots=True)
class Miss:
    """No answer; `reason` says what the nearest recorded one differs in."""

    reason: str


class Library:
    """The cassettes in a directory, for the model of which `known` is known. Used by one thread at a time."""

    def __init__(self, directory: Path, known: Known) -> None:
        self.directory = directory
        self.known = known
        self._read: dict[str, tuple[Entry, ...]] = {}
        self._used: dict[str, set[str]] = {}
        self._failed: set[str] = set()
        self._everywhere: dict[str, list[Path]] | None = None

    def find(self, nodeid: str, asked: Asked) -> Entry | Miss:
        """The recorded answer, wherever it was recorded: a renamed test keeps its own. Raises `CassetteError`."""
        own = self._entries(nodeid)
        fitting = [entry for entry in own if self._fits(asked, entry)]
        if not fitting:
            fitting = [entry for entry in self._elsewhere(asked) if self._fits(asked, entry)]
        if not fitting:
            return Miss(self._nearest(asked, own))
        found = fitting[0]
        if len(fitting) > 1:
            models = sorted({entry.identity.model for entry in fitting})
            if len(models) > 1:
                return Miss(f"{len(models)} models are recorded ({', '.join(models)}): name one with --cwm-model")
            found = min(fitting, key=lambda entry: not entry.identity.decoding.get("constrained"))
        self._used.setdefault(nodeid, set()).add(found.key)
        return found

    def add(self, nodeid: str, entry: Entry) -> None:
        """Keep an answer, in place of those to the same question by older weights. Raises `CassetteError`."""
        files.change(
            self.directory,
            nodeid,
            lambda entries: [*(each for each in entries if not _supersedes(entry, each)), entry],
        )
        self._read.pop(nodeid, None)
        self._used.setdefault(nodeid, set()).add(entry.key)

    def adopt(self, nodeid: str, entry: Entry) -> None:
        """Keep an answer that was found under another test's name. Raises `CassetteError`."""
        if all(entry.key != each.key for each in self._entries(nodeid)):
            self.add(nodeid, entry)

    def failed(self, nodeid: str) -> None:
        """An answer could not be had: what is recorded for this test is kept whatever else happens."""
        self._failed.add(nodeid)

    def prune(self, collected: Collection[str]) -> int:
        """Drop what a complete run did not ask for; the result is how many answers those were.

        That is everything of tests that are no more (not in `collected`), and of tests that ran the answers of the same
        model to the same kind of question on the same Python. Raises `CassetteError`.
        """
        existing = frozenset(collected)
        dropped = 0
        for path in self._paths():
            with suppress(CassetteError):  # named when its test is run; never deleted
                cassette = files.read(path)
                if cassette is None:
                    continue
                stale = self._stale(cassette.nodeid, cassette.entries, existing)
                if stale:
                    dropped += len(stale)
                    files.change(self.directory, cassette.nodeid, _without(stale))
        return dropped

    def _stale(self, nodeid: str, entries: tuple[Entry, ...], existing: frozenset[str]) -> set[str]:
        if nodeid not in existing:
            return {entry.key for entry in entries}
        used = self._used.get(nodeid)
        if not used or nodeid in self._failed:
            return set()
        kinds = {_kind(entry) for entry in entries if entry.key in used}
        return {entry.key for entry in entries if entry.key not in used and _kind(entry) in kinds}

    def _fits(self, asked: Asked, entry: Entry) -> bool:
        return entry.asked.question == asked.question and next(differences(asked, self.known, entry), None) is None

    def _nearest(self, asked: Asked, own: tuple[Entry, ...]) -> str:
        alike = [[*differences(asked, self.known, entry)] for entry in own if entry.asked.question == asked.question]
        if not alike:
            return "nothing is recorded for this test" + (" and this question" if own else "")
        return "; ".join(_worded(*difference) for difference in min(alike, key=len))

    def _entries(self, nodeid: str) -> tuple[Entry, ...]:
        if nodeid not in self._read:
            cassette = files.read(path_of(self.directory, nodeid))
            self._read = {nodeid: cassette.entries if cassette is not None else ()}  # tests come one after another
        return self._read[nodeid]

    def _elsewhere(self, asked: Asked) -> list[Entry]:
        if self._everywhere is None:
            self._everywhere = {}
            for path in self._paths():
                for digest in files.executions(path):
                    self._everywhere.setdefault(digest, []).append(path)
        found: list[Entry] = []
        for path in self._everywhere.get(asked.digests.execution, ()):
            with suppress(CassetteError):  # of another test: not this one's error
                cassette = files.read(path)
                found += cassette.entries if cassette is not None else ()
        return [entry for entry in found if _place(entry.asked) == _place(asked)]

    def _paths(self) -> Iterator[Path]:
        return iter(sorted(path for path in self.directory.rglob("*.json") if not path.name.startswith(".")))


def _place(asked: Asked) -> tuple[str, str, str]:
    return asked.question, asked.digests.source, asked.digests.execution


def _kind(entry: Entry) -> tuple[str, str, str | None]:
    return entry.identity.model, entry.asked.question, entry.asked.python


def _supersedes(new: Entry, old: Entry) -> bool:
    return old.key == new.key or (
        old.asked == new.asked
        and old.identity.model == new.identity.model
        and dict(old.identity.decoding) == dict(new.identity.decoding)
    )


def _without(keys: set[str]) -> Callable[[tuple[Entry, ...]], list[Entry]]:
    return lambda entries: [entry for entry in entries if entry.key not in keys]


def _worded(name: str, recorded: Json, asked: Json) -> str:
    if name == "source":
        return "the source that runs is not what was recorded"
    if name == "execution":
        return "the source is what was recorded, the values or the path through it are not"
    verb = "differ" if name == "weights" else "differs"
    return f"the {name} {verb} (recorded {_short(recorded)}, asked for {_short(asked)})"


def _short(value: Json) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
