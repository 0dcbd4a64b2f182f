"""Which code is the user's: what lies under rootdir outside any virtual environment, plus and minus module globs."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Set
from pathlib import Path

_INSTALLED = frozenset({"site-packages", "dist-packages"})


class UserCode:
    """Says of a file name whether code from it is recorded; remembers its answers."""

    def __init__(self, root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> None:
        self._root = os.path.realpath(root)
        self._include = include
        self._exclude = exclude
        self._known: dict[str, bool] = {}
        self._modules: list[int] = []
        self._files: set[str] = set()
        self._environments: dict[str, bool] = {}

    def __call__(self, filename: str) -> bool:
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._decide(filename)
        return known

    def files(self) -> Set[str]:
        """The files of all modules imported so far that are the user's."""
        # Asked before every test, when hundreds of modules are there and none is new. Names are not enough to see that:
        # a name may be imported again from elsewhere.
        modules = [*map(id, list(sys.modules.values()))]
        if modules != self._modules:
            self._modules = modules
            for module in list(sys.modules.values()):
                file = getattr(module, "__file__", None)
                if isinstance(file, str) and file.endswith(".py") and self(file):
                    self._files.add(file)
        return self._files

    def _decide(self, filename: str) -> bool:
        if filename.startswith("<"):
            return False
        path = os.path.realpath(filename)
        user = path.startswith(self._root + os.sep) and not self._is_installed(path)
        if not (self._include or self._exclude):
            return user
        names = _module_names(path, self._root)
        user = user or any(fnmatch.fnmatchcase(name, glob) for name in names for glob in self._include)
        return user and not any(fnmatch.fnmatchcase(name, glob) for name in names for glob in self._exclude)

    def _is_installed(self, path: str) -> bool:
        directory = os.path.dirname(path)
        passed = []
        while len(directory) > len(self._root):
            if directory in self._environments:
                break
            passed.append(directory)
            if os.path.basename(directory) in _INSTALLED or os.path.exists(os.path.join(directory, "pyvenv.cfg")):
                self._environments[directory] = True
                break
            directory = os.path.dirname(directory)
        found = self._environments.get(directory, False)
        for each in passed:
            self._environments[each] = found
        return found


def _module_names(path: str, root: str) -> list[str]:
    """The names under which a file is imported, else the one it would have from the root."""
    names = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.realpath(file) == path:
            names.append(name)
    if not names and path.startswith(root + os.sep):
        names = [os.path.splitext(path[len(root) + 1 :])[0].replace(os.sep, ".")]
    return names
