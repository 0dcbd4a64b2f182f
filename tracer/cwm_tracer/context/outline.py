"""A source file as the pieces that a context takes or leaves: imports, statements, classes' headers, functions."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cwm_tracer.context.literals import Span, elidable
from cwm_tracer.context.names import Uses, binds, uses
from cwm_tracer.source import SourceLines
from cwm_tracer.wire import strip_marker

_MEMBERS = ("Enum", "Flag", "NamedTuple", "TypedDict")


class Kind(enum.Enum):
    """What a piece is."""

    IMPORT = "import"
    STATEMENT = "statement"
    CLASS = "class"
    FUNCTION = "function"


@dataclass(slots=True, eq=False)
class Piece:
    """A statement of a module or of a class body, with 1-based line numbers, both ends included.

    `start` is the first decorator's line, `comments` that of the comment lines right above it, or `start` again. A
    function is one piece with all that is nested in it. A class is its header, up to `end`, and its `children`.
    """

    file: str
    node: ast.stmt
    kind: Kind
    start: int
    end: int
    comments: int
    parent: Piece | None
    binds: frozenset[str]
    children: tuple[Piece, ...] = ()
    _uses: Uses | None = field(default=None, repr=False)
    _docstrings: tuple[Span, ...] | None = field(default=None, repr=False)
    _elidable: tuple[Span, ...] | None = field(default=None, repr=False)
    _least: str | None = field(default=None, repr=False)

    @property
    def uses(self) -> Uses:
        """What it needs; of a class its decorators and bases."""
        if self._uses is None:
            node = self.node
            if isinstance(node, ast.ClassDef):
                self._uses = uses(*node.decorator_list, *node.bases, *node.keywords)
            else:
                self._uses = uses(node)
        return self._uses

    @property
    def docstrings(self) -> tuple[Span, ...]:
        """The docstrings of a function and of all that is nested in it, but for those that are a whole body."""
        if self._docstrings is None:
            self._docstrings = tuple(_docstrings(self.node)) if self.kind is Kind.FUNCTION else ()
        return self._docstrings

    def elidable(self, lines: Sequence[str]) -> tuple[Span, ...]:
        """The bodies of long literals, given the lines of its file."""
        if self._elidable is None:
            self._elidable = tuple(elidable(self.node, lines)) if self.kind is not Kind.CLASS else ()
        return self._elidable

    def least(self, outline: Outline) -> str:
        """Its lines without docstrings, comments, blank lines and the bodies of long literals."""
        if self._least is None:
            hidden = {
                lineno
                for first, last in (*self.docstrings, *self.elidable(outline.lines))
                for lineno in range(first, last + 1)
            }
            self._least = "".join(
                strip_marker(outline.lines[lineno - 1])
                for lineno in range(self.start, self.end + 1)
                if not (lineno in hidden or outline.blank(lineno) or outline.comment(lineno))
            )
        return self._least

    @property
    def lists_members(self) -> bool:
        """Whether this is a class whose every assignment is a member, as an enumeration's is."""
        bases = self.node.bases if isinstance(self.node, ast.ClassDef) else []
        names = (base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in bases)
        return any(name.endswith(_MEMBERS) for name in names)

    @property
    def filler(self) -> Piece | None:
        """The child that makes up a class body in which nothing is defined: `pass`, `...`, a lone docstring."""
        trivial = all(
            isinstance(child.node, ast.Pass)
            or (isinstance(child.node, ast.Expr) and isinstance(child.node.value, ast.Constant))
            for child in self.children
        )
        return self.children[-1] if trivial else None


@dataclass(slots=True, eq=False)
class Outline:
    """All pieces of a file in file order, and who owns each line.

    `text_lines` are the lines that begin inside a string literal.
    """

    file: str
    lines: Sequence[str]
    pieces: tuple[Piece, ...]
    bindings: dict[str, list[Piece]]
    owners: dict[int, Piece]
    text_lines: frozenset[int]

    def blank(self, lineno: int) -> bool:
        """Whether a line is empty, and not a string's."""
        return lineno not in self.text_lines and not self.lines[lineno - 1].strip()

    def comment(self, lineno: int) -> bool:
        """Whether a line holds a comment and nothing else."""
        return lineno not in self.text_lines and self.lines[lineno - 1].lstrip().startswith("#")


def outline(sources: SourceLines, file: str) -> Outline | None:
    """The outline of a file, or None where it has no source or does not parse. Cached by `sources.derived`."""
    tree = sources.tree(file)
    if tree is None:
        return None
    result = Outline(file, sources.lines(file), (), {}, {}, frozenset(_text_lines(tree)))
    result.pieces = tuple(_pieces(tree.body, None, result))
    for piece in result.pieces:
        for name in piece.binds:
            result.bindings.setdefault(name, []).append(piece)
    _own(result.pieces, result.owners)
    return result


def start_of(node: ast.stmt) -> int:
    """The first line of a statement, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def end_of(node: ast.stmt | ast.expr) -> int:
    """The last line of a node."""
    return node.end_lineno or node.lineno


def _pieces(body: Iterable[ast.stmt], parent: Piece | None, result: Outline) -> Iterator[Piece]:
    previous_end = parent.end if parent is not None else 0
    for node in body:
        start = start_of(node)
        kind = _kind(node)
        comments = start
        while kind is not Kind.IMPORT and comments - 1 > previous_end and result.comment(comments - 1):
            comments -= 1
        end = end_of(node)
        piece = Piece(result.file, node, kind, start, end, comments, parent, binds(node))
        if isinstance(node, ast.ClassDef):
            piece.end = _header_end(node, result)
            piece.children = tuple(_pieces(node.body, piece, result))
        previous_end = end
        yield piece


def _kind(node: ast.stmt) -> Kind:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Kind.FUNCTION
    if isinstance(node, ast.ClassDef):
        return Kind.CLASS
    return Kind.IMPORT if isinstance(node, (ast.Import, ast.ImportFrom)) else Kind.STATEMENT


def _header_end(node: ast.ClassDef, result: Outline) -> int:
    """The line of the colon; also when the body begins on it."""
    first = node.body[0]
    if result.lines[first.lineno - 1].encode()[: first.col_offset].strip():
        return first.lineno
    end = start_of(first) - 1
    while end > node.lineno and (result.blank(end) or result.comment(end)):
        end -= 1
    return end


def _own(pieces: Iterable[Piece], owners: dict[int, Piece]) -> None:
    for piece in pieces:
        for lineno in range(piece.start, piece.end + 1):
            owners[lineno] = piece
        _own(piece.children, owners)


def _text_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.JoinedStr, ast.Constant)):
            yield from range(node.lineno + 1, end_of(node) + 1)


def _docstrings(root: ast.AST) -> Iterator[Span]:
    for node in ast.walk(root):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and ast.get_docstring(node, False):
            text, *rest = node.body
            if rest and rest[0].lineno > end_of(text):
                yield text.lineno, end_of(text)
