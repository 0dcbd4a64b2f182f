"""The source lines of running code, as a snapshot that keeps what it first saw of a file, whatever becomes of it."""

from __future__ import annotations

import ast
import linecache
import os
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from cwm_tracer.wire import START_MARKER

T = TypeVar("T")
_DEFINING = ("def", "class", "async")


class SourceLines:
    """Source by file name and 1-based line number, read through `linecache` once per file and then kept.

    A line ends at a newline and nowhere else, as it does for the compiler: a form feed or U+2028 is part of it.
    `texts` gives the source of names that no file stands for, such as programs that are run with `exec`.
    Nothing here raises for what a file holds or lacks: unknown source has no lines. Names like `<generated>` are looked
    up again as long as there is none, since whoever generates code may still hand it to `linecache`.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._lines: dict[str, tuple[str, ...]] = {}
        self._definitions: dict[tuple[str, int], int] = {}
        self._marked: dict[str, frozenset[int]] = {}
        self._trees: dict[str, ast.Module | None] = {}
        self._derived: dict[tuple[Callable[..., Any], str], Any] = {}
        for filename, text in (texts or {}).items():
            self._lines[filename] = _split(text)

    def lines(self, filename: str, module_globals: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """All lines of a file, each with its newline. `module_globals` name the loader of source that no file holds."""
        known = self._lines.get(filename)
        if known is None:
            known = _split(_read(filename, module_globals))
            if known or not filename.startswith("<"):  # else somebody may still tell linecache
                self._lines[filename] = known
        return known

    def line(self, filename: str, lineno: int, module_globals: Mapping[str, Any] | None = None) -> str:
        """One line with its indentation and its newline; the empty string where there is none."""
        lines = self.lines(filename, module_globals)
        return lines[lineno - 1] if 0 < lineno <= len(lines) else ""

    def definition_line(self, filename: str, first_lineno: int) -> int:
        """The line of the `def`, `async def`, `class` or `lambda` of a code object with this `co_firstlineno`.

        The two differ where decorators precede the definition: CPython reports the first of them.
        """
        key = (filename, first_lineno)
        known = self._definitions.get(key)
        if known is None:
            decorated = self.line(filename, first_lineno).lstrip().startswith("@")
            known = _undecorated(self.lines(filename), first_lineno) if decorated else first_lineno
            self._definitions[key] = known
        return known

    def marked_lines(self, filename: str) -> frozenset[int]:
        """The `def` lines whose header carries the comment `# << START_OF_TRACE`."""
        known = self._marked.get(filename)
        if known is None:
            lines = self.lines(filename)
            marked = any(START_MARKER in line for line in lines)
            known = self._marked[filename] = frozenset(_marked(lines)) if marked else frozenset()
        return known

    def tree(self, filename: str) -> ast.Module | None:
        """The parsed file, or None where it has no source or does not parse."""
        if filename not in self._trees:
            self._trees[filename] = parsed("".join(self.lines(filename))) if self.lines(filename) else None
        return self._trees[filename]

    def derived(self, make: Callable[[SourceLines, str], T], filename: str) -> T:
        """What `make(self, filename)` returns, made once: for analyses that last as long as the snapshot."""
        key = (make, filename)
        if key not in self._derived:
            self._derived[key] = make(self, filename)
        result: T = self._derived[key]
        return result


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of a program, or None for one that does not parse; without warnings, whatever the filters say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler has already said what it thinks of this file
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(filename: str, module_globals: Mapping[str, Any] | None) -> str:
    if filename == "<string>":  # of any code without a file; from 3.13 on linecache has that of `python -c` there
        return ""
    try:
        if not filename.startswith("<"):
            linecache.checkcache(filename)
            if module_globals is not None and not os.path.exists(filename):
                source = _from_loader(module_globals)
                if source is not None:
                    return source
        # Whoever put lines into linecache may have split them elsewhere than at newlines.
        return "".join(linecache.getlines(filename))
    except Exception:  # a loader is anybody's code
        return ""


def _from_loader(module_globals: Mapping[str, Any]) -> str | None:
    """What `linecache` would ask a loader for; asked directly, since it splits the answer with `str.splitlines`."""
    spec = module_globals.get("__spec__")
    loader = module_globals.get("__loader__") or getattr(spec, "loader", None)
    name = module_globals.get("__name__")
    get_source = getattr(loader, "get_source", None)
    source = get_source(name) if get_source is not None and isinstance(name, str) else None
    return source if isinstance(source, str) else None


def _split(text: str) -> tuple[str, ...]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        text += "\n"
    return tuple(line + "\n" for line in text.split("\n")[:-1])


def _tokens(lines: Iterable[str]) -> Iterator[tokenize.TokenInfo]:
    """Tokens up to the first thing that is none."""
    pending = iter(lines)
    try:
        yield from tokenize.generate_tokens(lambda: next(pending, ""))
    except (tokenize.TokenError, SyntaxError):
        return


def _undecorated(lines: tuple[str, ...], first_lineno: int) -> int:
    """The line of the definition under the decorators that begin at `first_lineno`; without any, that line itself."""
    begins = True
    decorator = False
    for token in _tokens(lines[first_lineno - 1 :]):
        if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            continue
        if token.type == tokenize.NEWLINE:
            begins = True
            continue
        if begins:
            decorator = token.type == tokenize.OP and token.string == "@"
            if not decorator:
                return first_lineno + token.start[0] - 1 if token.string in _DEFINING else first_lineno
            begins = False
    return first_lineno


def _marked(lines: tuple[str, ...]) -> Iterator[int]:
    """The line of each `def` whose header, up to the line with its colon, has the marker as a comment."""
    definition = 0  # the line of the def that was read last
    header_end = 0  # the line of its colon, once that was read
    depth = 0
    previous: tokenize.TokenInfo | None = None
    for token in _tokens(lines):
        if token.type == tokenize.NAME and token.string == "def":
            start = previous if previous is not None and previous.string == "async" else token
            definition, header_end, depth = start.start[0], 0, 0
        elif token.type == tokenize.OP and not header_end:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0:
                header_end = token.start[0]
        elif token.type == tokenize.COMMENT and token.string.rstrip().endswith(START_MARKER):
            in_header = not header_end or token.start[0] == header_end
            if definition and in_header:
                yield definition
        previous = token
