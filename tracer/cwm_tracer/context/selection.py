"""Which pieces of the source a reader needs: the functions that ran, and the definitions that their names stand for."""

from __future__ import annotations

import ast
import builtins
import enum
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cwm_tracer.context.names import imported
from cwm_tracer.context.outline import Kind, Outline, Piece, outline
from cwm_tracer.source import SourceLines


class Detail(enum.IntEnum):
    """How much is shown. Each step shows less than the one before it."""

    FULL = 0
    UNDOCUMENTED = 1  # no docstrings, no lines that are comments
    NEEDED = 2  # nor what only annotations mention, nor unused members
    ELIDED = 3  # nor the bodies of long literals


@dataclass(slots=True)
class Modules:
    """Finds the file that an import means among files that may be shown.

    `known` are files that frames stand in; `may_read` allows others.
    """

    sources: SourceLines
    known: frozenset[str]
    may_read: Callable[[str], bool] | None = None
    _files: dict[tuple[str, str, int], str | None] = field(default_factory=dict)

    def outline(self, file: str) -> Outline | None:
        """The outline of a file."""
        return self.sources.derived(outline, file)

    def find(self, importer: str, module: str, level: int) -> str | None:
        """The file of `module`, `level` packages up from `importer` where that is not 0."""
        key = (importer, module, level)
        if key not in self._files:
            self._files[key] = next((f for f in self._candidates(importer, module, level) if self._usable(f)), None)
        return self._files[key]

    def _candidates(self, importer: str, module: str, level: int) -> Iterable[str]:
        if level:
            folder = importer
            for _ in range(level):
                folder = os.path.dirname(folder)
            folders = [folder]
        elif module.partition(".")[0] in sys.stdlib_module_names:
            folders = []
        else:
            folders = list(dict.fromkeys(folder for file in (importer, *sorted(self.known)) for folder in _above(file)))
        parts = module.split(".") if module else []
        for folder in folders:
            path = os.path.join(folder, *parts)
            if parts:
                yield path + ".py"
            yield os.path.join(path, "__init__.py")

    def _usable(self, file: str) -> bool:
        if file in self.known:
            return True
        if self.may_read is None or not os.path.isfile(file):
            return False
        return self.may_read(file)


def _above(file: str) -> list[str]:
    """The folders that a file lies in, the nearest first."""
    folders = []
    folder = os.path.dirname(file)
    while folder not in folders:
        folders.append(folder)
        folder = os.path.dirname(folder)
    return folders


def select(modules: Modules, ran: Iterable[Piece], detail: Detail) -> dict[str, set[Piece]]:
    """All pieces to show, by file: `ran`, and what their names need, and what those need."""
    selection = _Selection(modules, detail)
    for piece in ran:
        selection.add(piece)
    selection.run()
    return selection.chosen


@dataclass(slots=True)
class _Selection:
    modules: Modules
    detail: Detail
    chosen: dict[str, set[Piece]] = field(default_factory=dict)
    _pending: list[Piece] = field(default_factory=list)
    _needed: set[tuple[str, str]] = field(default_factory=set)
    _reached: set[tuple[str, str]] = field(default_factory=set)
    _attributes: set[str] = field(default_factory=set)
    _waiting: dict[str, list[Piece]] = field(default_factory=dict)  # by the attribute that would make them needed
    _namespaces: list[Outline] = field(default_factory=list)  # modules that are used as `module.name`

    def add(self, piece: Piece) -> None:
        chosen = self.chosen.setdefault(piece.file, set())
        if piece not in chosen:
            chosen.add(piece)
            self._pending.append(piece)
            if piece.parent is not None:
                self.add(piece.parent)

    def run(self) -> None:
        while self._pending:
            piece = self._pending.pop()
            found = self.modules.outline(piece.file)
            if found is None:
                continue
            for attribute in piece.uses.attributes - self._attributes:
                self._attributes.add(attribute)
                for waiting in self._waiting.pop(attribute, ()):
                    self.add(waiting)
                for namespace in self._namespaces:
                    self._reach(namespace, attribute)
            names = piece.uses.names
            if self.detail < Detail.NEEDED:
                names |= piece.uses.annotations
            for name in names:
                self._need(found, name)
            siblings = piece.parent.children if piece.parent is not None else ()
            for sibling in siblings:
                if sibling.kind is not Kind.FUNCTION and sibling.binds & names:
                    self.add(sibling)
            if piece.kind is Kind.CLASS:
                self._open(piece)

    def _open(self, piece: Piece) -> None:
        """Take from a class body what is needed of it now, and note what would be."""
        members = piece.lists_members and self.detail < Detail.NEEDED
        for child in piece.children:
            if child.kind is Kind.FUNCTION:
                continue
            declared = isinstance(child.node, ast.AnnAssign)
            if child.binds and (members or declared or child.binds & self._attributes):
                self.add(child)
            for name in child.binds:
                self._waiting.setdefault(name, []).append(child)

    def _need(self, found: Outline, name: str) -> None:
        """Take what gives `name` its meaning in a module."""
        if (found.file, name) in self._needed:
            return
        self._needed.add((found.file, name))
        pieces = found.bindings.get(name, [])
        if not pieces and not hasattr(builtins, name):
            pieces = found.bindings.get("*", [])
        for piece in pieces:
            if piece.kind is not Kind.FUNCTION:
                self.add(piece)
            if isinstance(piece.node, (ast.Import, ast.ImportFrom)):
                self._follow(found, piece.node, name)

    def _follow(self, found: Outline, node: ast.Import | ast.ImportFrom, name: str) -> None:
        """Take what an import of `name` means from the module that it names, where that may be shown."""
        for alias, bound in zip(node.names, imported(node), strict=True):
            if bound not in (name, "*"):
                continue
            if isinstance(node, ast.Import):
                self._use(self.modules.find(found.file, alias.name, 0))
                continue
            module, level = node.module or "", node.level
            origin = self.modules.find(found.file, module, level)
            target = self.modules.outline(origin) if origin is not None else None
            meant = name if bound == "*" else alias.name
            if target is not None and (meant in target.bindings or "*" in target.bindings):
                self._reach(target, meant)
            if bound != "*" and (target is None or meant not in target.bindings):
                self._use(self.modules.find(found.file, f"{module}.{meant}".lstrip("."), level))

    def _reach(self, target: Outline, name: str) -> None:
        """As `_need`, from another module: what that one only passes on is not shown there."""
        if (target.file, name) in self._reached:
            return
        self._reached.add((target.file, name))
        pieces = target.bindings.get(name) or target.bindings.get("*", [])
        if pieces and not any(piece.kind is Kind.IMPORT for piece in pieces):
            self._need(target, name)
        for piece in pieces:
            if isinstance(piece.node, (ast.Import, ast.ImportFrom)):
                self._follow(target, piece.node, name)

    def _use(self, file: str | None) -> None:
        """Take from a module what is read of it as an attribute."""
        target = self.modules.outline(file) if file is not None else None
        if target is not None and target not in self._namespaces:
            self._namespaces.append(target)
            for attribute in self._attributes:
                self._reach(target, attribute)
