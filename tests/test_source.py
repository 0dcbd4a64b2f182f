"""Source snapshots: what a line is, where a definition begins, what is marked."""

from __future__ import annotations

import linecache
import types
import warnings
import zipfile
from pathlib import Path

import pytest

from cwm_tracer.source import SourceLines


def test_a_line_ends_with_a_newline_and_is_numbered_from_one(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("a = 1\n\n  b = 2")
    sources = SourceLines()
    assert sources.lines(str(file)) == ("a = 1\n", "\n", "  b = 2\n")
    assert sources.line(str(file), 3) == "  b = 2\n"


@pytest.mark.parametrize("lineno", [-1, 0, 2])
def test_a_line_outside_the_file_is_empty(lineno: int) -> None:
    assert SourceLines({"m.py": "a = 1\n"}).line("m.py", lineno) == ""


@pytest.mark.parametrize("name", ["<string>", "<frozen importlib._bootstrap>", "/no/such/file.py", ""])
def test_code_without_source_has_no_lines(name: str) -> None:
    sources = SourceLines()
    assert sources.lines(name) == ()
    assert sources.line(name, 1) == ""
    assert sources.tree(name) is None
    assert sources.marked_lines(name) == frozenset()


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_only_newlines_end_a_line(tmp_path: Path, character: str) -> None:
    file = tmp_path / "m.py"
    file.write_text(f"a = '{character}'\nb = 2\n", encoding="utf-8")
    sources = SourceLines()
    assert sources.line(str(file), 1) == f"a = '{character}'\n"
    assert sources.line(str(file), 2) == "b = 2\n"


def test_lines_that_somebody_split_elsewhere_are_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a = '\f'\r\nb = 2\r\n"
    monkeypatch.setitem(linecache.cache, "<cell>", (len(text), None, text.splitlines(True), "<cell>"))
    assert SourceLines().lines("<cell>") == ("a = '\f'\n", "b = 2\n")


def test_a_snapshot_keeps_what_it_first_saw(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("a = 1\n")
    sources = SourceLines()
    sources.lines(str(file))
    file.write_text("changed = 2\n")
    assert sources.line(str(file), 1) == "a = 1\n"
    assert SourceLines().line(str(file), 1) == "changed = 2\n"


def test_a_loader_gives_the_source_of_a_module_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "lib.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_module.py", "a = '\f'\ndef f(): pass\n")
    monkeypatch.syspath_prepend(str(archive))
    module = __import__("zipped_module")
    assert SourceLines().lines(module.f.__code__.co_filename, vars(module)) == ("a = '\f'\n", "def f(): pass\n")


def test_a_loader_that_raises_means_no_source() -> None:
    class Loader:
        def get_source(self, name: str) -> str:
            raise RuntimeError(name)

    module = types.ModuleType("m")
    module.__loader__ = Loader()  # type: ignore[assignment]
    assert SourceLines().lines("/no/such/m.py", vars(module)) == ()


DECORATED = """\
@first
# a comment
@second(
    "def",
)
def f(
    x=lambda: 1,
): pass

class C:
    @property

    async def g(self): return lambda: 2

    @staticmethod
    class D: pass

y = (1
  @ (lambda: 3)())
"""


@pytest.mark.parametrize(
    ("first", "line"),
    [(1, 6), (6, 6), (7, 7), (10, 10), (11, 13), (13, 13), (15, 16), (19, 19)],
    ids=["two decorators", "def", "lambda", "class", "blank line", "async def", "decorated class", "matrix product"],
)
def test_the_definition_stands_below_its_decorators(first: int, line: int) -> None:
    assert SourceLines({"m.py": DECORATED}).definition_line("m.py", first) == line


def test_definition_lines_agree_with_the_compiler() -> None:
    sources = SourceLines({"m.py": DECORATED})
    pending = [compile(DECORATED, "m.py", "exec")]
    starts = {}
    while pending:
        code = pending.pop()
        pending += [const for const in code.co_consts if isinstance(const, types.CodeType)]
        starts[code.co_name] = sources.line("m.py", sources.definition_line("m.py", code.co_firstlineno)).strip()
    assert starts["f"] == "def f("
    assert starts["g"].startswith("async def g")
    assert starts["D"] == "class D: pass"


MARKED = '''\
def plain(): pass
def f(x):  # << START_OF_TRACE
    y = "def g():  # << START_OF_TRACE"
    # << START_OF_TRACE
    return y
async def h(
    x,
):  # noqa  # << START_OF_TRACE
    text = """
def inside():  # << START_OF_TRACE
"""
x = 1  # << START_OF_TRACE
'''


def test_a_marker_is_a_comment_on_the_header_of_a_def() -> None:
    assert SourceLines({"m.py": MARKED}).marked_lines("m.py") == {2, 6}


def test_markers_before_a_syntax_error_are_found() -> None:
    assert SourceLines({"m.py": MARKED + "x = (((\n'''"}).marked_lines("m.py") == {2, 6}


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\x00'\n", "(" * 5000 + "\n"])
def test_what_does_not_parse_has_no_tree(text: str) -> None:
    assert SourceLines({"m.py": text}).tree("m.py") is None


def test_parsing_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SourceLines({"m.py": "x = '\\d' is 1\n"}).tree("m.py") is not None


def test_an_analysis_is_made_once_for_each_file() -> None:
    made = []

    def count(sources: SourceLines, filename: str) -> int:
        made.append(filename)
        return len(sources.lines(filename))

    sources = SourceLines({"a.py": "1\n", "b.py": "1\n2\n"})
    assert [sources.derived(count, name) for name in ("a.py", "b.py", "a.py")] == [1, 2, 1]
    assert made == ["a.py", "b.py"]
