"""Which code a trace comes from: digests of the files it ran in and of all project files that those import."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_SHOWN = 16  # hex digits that are kept of a digest


class CodeDigests:
    """Reads each file once; the same object serves a whole run.

    Imports are read from the source, not from the running modules, since tests may run in other processes. What a name
    stands for is looked for below the folders of the importing file, up to the root, and below `src`: a file that
    is not found there is no project file, and one too many does no harm.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[str, tuple[str, ...]] | None] = {}

    def of(self, files: Iterable[str]) -> dict[str, str]:
        """Digest by file, relative to the root with forward slashes; the conftest files on the way count too."""
        found: dict[str, str] = {}
        pending = sorted({file for each in files for file in (each, *self._conftests(each))})
        while pending:
            file = pending.pop()
            if file in found:
                continue
            known = self._read(file)
            if known is not None:
                found[file], imported = known
                pending += imported
        return dict(sorted(found.items()))

    def changed(self, known: Mapping[str, str]) -> list[str]:
        """The files whose digest is not what it was, those that are gone included."""
        now = {file: self._read(file) for file in known}
        return [file for file, digest in known.items() if (found := now[file]) is None or found[0] != digest]

    def lines(self, file: str) -> list[str]:
        """The lines of a file as it is now, none where there is no such file."""
        try:
            return (self._root / file).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return []

    def _conftests(self, file: str) -> Iterator[str]:
        for folder in Path(file).parents:
            yield (folder / "conftest.py").as_posix()

    def _read(self, file: str) -> tuple[str, tuple[str, ...]] | None:
        """The digest of a file and the project files it imports; None where there is no such file."""
        if file not in self._known:
            try:
                data = (self._root / file).read_bytes()
            except OSError:
                self._known[file] = None
            else:
                digest = hashlib.sha256(data).hexdigest()[:_SHOWN]
                self._known[file] = digest, tuple(sorted(self._imports(file, data)))
        return self._known[file]

    def _imports(self, file: str, data: bytes) -> set[str]:
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return set()
        found: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found.update(self._files_of(file, alias.name.split(".")))
            elif isinstance(node, ast.ImportFrom):
                parts = (node.module or "").split(".") if node.module else []
                for alias in node.names:
                    found.update(self._files_of(file, [*parts, alias.name], node.level))
        return found

    def _files_of(self, file: str, parts: list[str], level: int = 0) -> Iterator[str]:
        """The files that importing a dotted name may run: those of its packages and its own."""
        folders = list(Path(file).parents)
        bases = folders[level - 1 : level] if level else [*folders, Path("src")]
        for base in bases:
            for end in range(1, len(parts) + 1):
                place = base.joinpath(*parts[:end])
                for candidate in (place.with_name(place.name + ".py"), place / "__init__.py"):
                    if (self._root / candidate).is_file():
                        yield candidate.as_posix()
