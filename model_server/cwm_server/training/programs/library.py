# ruff: noqa: E501
"""Real functions of many authors: those of installed packages and of the standard library, with inputs from their docstrings.

Of the packages in `PACKAGES` those are used that are installed beside the trainer; a corpus made without them is
smaller, not wrong. Functions are called with the arguments of their own examples, and with arguments near those.
"""

from __future__ import annotations

import ast
import doctest
import functools
import importlib.util
import inspect
import random
import re
from collections.abc import Iterator
from pathlib import Path

from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.literals import text as any_text
from cwm_server.training.programs.literals import word
from cwm_server.training.programs.mutation import mutated
from cwm_server.training.programs.style import without_docstrings
from cwm_server.training.programs.templates import filled

PACKAGES = ("algorithms", "boltons")  # MIT, BSD
MAX_TEXT = 60_000
# Modules of the standard library, and calls whose places are filled as in `templates`.
STANDARD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("posixpath", ("join('«noun»', '«noun»|/«noun»|»')", "normpath('«noun»/../«noun»/./«noun»«/|»')", "split('/«noun»/«noun».txt')", "splitext('«noun».«txt|tar.gz|py»')", "basename('«noun»/«noun»«.txt|/»')", "dirname('/«noun»/«noun»')", "isabs('«/|»«noun»')", "commonprefix(['«noun»', '«noun»', '«noun»'])", "commonpath(['/«noun»/a', '/«noun»/b'])", "relpath('/a/«noun»/c', '/a/«noun»')")),
    ("heapq", ("heapify(«list[int]»)", "heappush(sorted(«list[int]»), «#0-9»)", "heappop([«#0-3», «#4-6», «#5-9», «#7-12»])", "nsmallest(«#1-3», «list[int]»)", "nlargest(«#1-3», «list[int]»)", "heappushpop([«#0-3», «#4-6», «#5-9»], «#0-9»)", "heapreplace([«#0-3», «#4-6», «#5-9»], «#0-9»)")),
    ("bisect", ("bisect_left(sorted(«list[int]»), «#0-10»)", "bisect_right(sorted(«list[int]»), «#0-10»)", "insort(sorted(«list[int]»), «#0-10»)")),
    ("statistics", ("median(«[3, 1, 2]|[4, 1, 9, 2]|[5]|[7, 7, 1]»)", "median_low([«#0-9», «#0-9», «#0-9», «#0-9»])", "median_high([«#0-9», «#0-9», «#0-9», «#0-9»])")),
    ("calendar", ("isleap(«#1890-2110»)", "leapdays(«#1900-1990», «#1991-2050»)", "monthrange(«#1990-2030», «#1-12»)", "weekday(«#1990-2030», «#1-12», «#1-28»)")),
    ("colorsys", ("rgb_to_hsv(0.«#1-9», 0.«#1-9», 0.«#1-9»)", "hls_to_rgb(0.«#1-9», 0.5, 0.«#1-9»)", "rgb_to_yiq(0.«#1-9», 0.5, 0.«#1-9»)")),
    ("string", ("capwords(«text»)",)),
    ("textwrap", ("dedent('  «noun»\\n    «noun»\\n  «noun»')", "indent('«noun»\\n«noun»', '«> |  |# »')")),
    ("html", ("escape('<«noun» a=\"«noun»\"> & «noun»')",)),
    ("fnmatch", ("translate('«*.py|a?c|[ab]*|x[!0-9]»')",)),
    ("shlex", ("quote(«text»)", "join([«word», «text»])")),
    ("keyword", ()),
    ("copy", ("copy(«list[int]»)", "copy(«dict[str, int]»)", "deepcopy([«list[int]»])")),
    ("functools", ("cmp_to_key(len)",)),
    ("fractions", ()),
    ("quopri", ("ishex(b'«a|F|g|0»')", "unhex(b'«41|0a|ff»')")),
    ("nturl2path", ()),
    ("genericpath", ("commonprefix(['«noun»', '«noun»'])", "commonprefix(['abc«noun»', 'abcd'])")),
    ("pprint", ("saferepr(«dict[str, int]»)",)),
    ("reprlib", ()),
    ("operator", ("indexOf(«list[int]», «#0-9»)", "countOf(«list[int]», «#0-9»)", "concat(«list[int]», «list[int]»)")),
)  # fmt: skip


def programs(rng: random.Random, shared: Path) -> Iterator[Program]:
    """Without end; functions in random order, each with one of its inputs at a time."""
    packaged = list(_packaged())
    while True:
        if packaged and rng.random() < 0.85:
            text, name, examples = rng.choice(packaged)
            example = rng.choice(examples)
            varies = rng.random() < 0.75
            arguments = ", ".join(_varied(rng, part) if varies else part for part in example)
        else:
            module, calls = rng.choice(STANDARD)
            if not calls:
                continue
            call, _ = filled(rng, rng.choice(calls))
            name, arguments = call[: call.index("(")], call[call.index("(") + 1 : -1]
            text = _standard(module)
        if rng.random() < 0.9 and len(text) < 20_000:
            text = _bare(text)
        if len(text) < 8_000:
            text = mutated(rng, text, rename=0.5, change=0.2)
        yield start(rng, Subject("library", text, name, arguments))


def _packaged() -> Iterator[tuple[str, str, list[list[str]]]]:
    """Module text, function, and the arguments of its examples."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(folder).rglob("*.py")):
                text = _cleaned(path.read_text("utf-8"))
                if len(text) > MAX_TEXT or re.search(rf"(?m)^(from|import) ({package}|\.)", text):
                    continue
                for node in ast.parse(text).body:
                    if isinstance(node, ast.FunctionDef):
                        examples = _examples(node)
                        if examples:
                            yield text, node.name, examples


def _examples(node: ast.FunctionDef) -> list[list[str]]:
    """The arguments of the calls in a docstring's examples, where they are literals."""
    found: list[list[str]] = []
    try:
        examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
    except ValueError:
        return []
    for example in examples:
        try:
            tree = ast.parse(example.source)
        except SyntaxError:
            continue
        for item in ast.walk(tree):
            if (
                isinstance(item, ast.Call)
                and isinstance(item.func, ast.Name)
                and item.func.id == node.name
                and not item.keywords
            ):
                try:
                    arguments = [repr(ast.literal_eval(argument)) for argument in item.args]
                except (ValueError, TypeError):
                    continue
                if sum(map(len, arguments)) < 200:
                    found.append(arguments)
    return found


def _cleaned(text: str) -> str:
    """A module without the docstring on top, which no trace needs."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return "x" * (MAX_TEXT + 1)
    if tree.body and isinstance(tree.body[0], ast.Expr):
        lines = text.split("\n")
        del lines[tree.body[0].lineno - 1 : tree.body[0].end_lineno]
        text = "\n".join(lines)
    return text.strip() + "\n"


@functools.cache
def _standard(module: str) -> str:
    """A module of the standard library, without the functions in C that would take the place of its own."""
    path = inspect.getsourcefile(importlib.import_module(module))
    assert path is not None
    text = _cleaned(Path(path).read_text("utf-8"))
    return re.sub(r"(?m)^(\s*)from (_heapq|_bisect|_operator|_functools|_statistics) import .*$", r"\1pass", text)


@functools.lru_cache(maxsize=2_000)
def _bare(text: str) -> str:
    return without_docstrings(text)


def _varied(rng: random.Random, argument: str) -> str:
    """An argument near the one that is given."""
    return repr(_near(rng, ast.literal_eval(argument)))


def _near(rng: random.Random, value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value + rng.choice((-2, -1, 0, 0, 1, 2, 3, 5)) if value > 2 else max(0, value + rng.choice((0, 0, 1, 2)))
    if isinstance(value, float):
        return round(value + rng.choice((-1, -0.5, 0, 0.5, 1)), 3)
    if isinstance(value, str):
        return _near_text(rng, value)
    if isinstance(value, (list, tuple)):
        items = [_near(rng, item) if rng.random() < 0.5 else item for item in value]
        draw = rng.random()
        if draw < 0.2 and len(items) > 1:
            items.pop(rng.randrange(len(items)))
        elif draw < 0.3 and items:
            items.append(rng.choice(items))
        elif draw < 0.4 and not any(isinstance(item, (list, tuple)) for item in items):
            rng.shuffle(items)
        return type(value)(items)
    if isinstance(value, dict):
        return {key: _near(rng, item) if rng.random() < 0.4 else item for key, item in value.items()}
    return value


def _near_text(rng: random.Random, value: str) -> str:
    draw = rng.random()
    if value.isalpha() and draw < 0.4:
        return word(rng)
    if draw < 0.6 and len(value) > 2:
        at = rng.randrange(len(value) - 1)
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    if draw < 0.75 and value:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice(value) + value[at + 1 :]
    if draw < 0.82:
        return any_text(rng)
    return value
