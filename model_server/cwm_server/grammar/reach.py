"""Which functions a line can call, and which it has to: by the names that stand in it.

Only of a *plain* function everything is seen: a `def` outside of classes, without decorators, no generator, whose name
stands for nothing else in the text and is used to call it and in no other way. Whatever else runs, somebody may have
been given, and may call whenever code runs that is not shown; so may what no line calls, and has run all the same.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from cwm_server.grammar.names import names_of
from cwm_server.grammar.syntax import COMPREHENSIONS, FUNCTIONS, OWNERS, RESUMED, WORD, is_plain_class

_PATH = re.compile(r"[\w.:/-]+")
# Builtins that find what they call by its name, or run what is not shown.
_FINDING = frozenset(
    ("eval", "exec", "getattr", "globals", "locals", "vars", "super", "__import__", "compile", "type", "breakpoint")
)
_BUILTINS = frozenset(dir(builtins)) - _FINDING
# Those that run nothing else, and change nothing, where they are given plain values.
_QUIET = frozenset(
    (
        *("abs", "bool", "chr", "divmod", "float", "hash", "int", "isinstance", "len", "list", "ord", "pow", "range"),
        *("repr", "round", "set", "str", "sum", "tuple"),
    )
)
# Statements of which every call that stands in a certain place is made once the line runs.
_TESTING = (ast.If, ast.While, ast.Assert)
_VALUED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)


@dataclass(frozen=True, slots=True)
class Calls:
    """What the code of a line calls: functions by `names`, some of them `certain` to be called unless it raises.

    `first` is what is called before anything else can run, empty where that is not clear. `makes`: it makes a class,
    whose body runs first. `hidden`: it also runs code that is not shown.
    """

    names: frozenset[str] = frozenset()
    certain: frozenset[str] = frozenset()
    hidden: bool = False
    first: str = ""
    makes: bool = False

    def unsure(self) -> Calls:
        """The same of a line that may be shown without all of its code running behind that."""
        return replace(self, certain=frozenset(), first="", makes=False)


def calls_of(node: ast.AST, parts: Iterable[ast.AST]) -> Calls:
    """What runs of a statement besides its blocks, `parts`."""
    parts = list(parts)
    names, hidden = set[str](), isinstance(node, (*OWNERS, ast.Import, ast.ImportFrom))
    for each in (each for part in parts for each in ast.walk(part)):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            names.add(each.func.id)
        elif isinstance(each, (ast.Call, ast.Attribute, *RESUMED)):
            hidden = True
    value = node.test if isinstance(node, _TESTING) else node.value if isinstance(node, _VALUED) else None
    if value is None:
        return Calls(frozenset(names), hidden=hidden, makes=is_plain_class(node))
    into = isinstance(node, ast.AugAssign) and not isinstance(node.target, ast.Name)  # what it adds to is read before
    first = "" if into else _first(value)
    return Calls(frozenset(names), frozenset(_certain(value)), hidden, first)


def _certain(node: ast.expr) -> Iterator[str]:
    """The names that are called wherever an expression is evaluated."""
    pending: list[ast.AST] = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            yield each.func.id
        if isinstance(each, ast.BoolOp):
            pending.append(each.values[0])
        elif isinstance(each, ast.IfExp):
            pending.append(each.test)
        elif isinstance(each, ast.Compare):
            pending += [each.left, each.comparators[0]]
        elif not isinstance(each, (ast.Lambda, *COMPREHENSIONS)):
            pending += ast.iter_child_nodes(each)


def _first(node: ast.expr) -> str:
    """The name that an expression calls before any other code can run; empty where that is not clear."""
    pending: list[ast.expr | str] = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            return each
        parts, called = _evaluated(each)
        pending += [] if called is None else [called]
        pending += reversed(parts)
    return ""


def _evaluated(node: ast.expr) -> tuple[list[ast.expr], str | None]:
    """Parts of an expression in the order in which they are evaluated, and the name that it calls then.

    The name is empty where it may run anything then, None where it runs nothing. After that other parts may follow.
    """
    if isinstance(node, (ast.Constant, ast.Name)):
        return [], None
    if isinstance(node, (ast.List, ast.Tuple)) or (isinstance(node, ast.Set) and _are_constant(node.elts)):
        return node.elts, None
    if isinstance(node, ast.Dict) and _are_constant(node.keys):
        return node.values, None
    if isinstance(node, ast.Lambda):
        return [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)], None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        spread = any(isinstance(each, ast.Starred) for each in node.args) or any(not each.arg for each in node.keywords)
        return [*node.args, *(each.value for each in node.keywords)], "" if spread else node.func.id
    if isinstance(node, ast.Call):  # of what has to be found
        return [node.func.value] if isinstance(node.func, ast.Attribute) else [], ""
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]], ""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right], ""
    if isinstance(node, ast.Subscript):
        return [node.value, *([] if isinstance(node.slice, ast.Slice) else [node.slice])], ""
    if isinstance(node, ast.UnaryOp):
        return [node.operand], ""
    if isinstance(node, (ast.Attribute, ast.Starred, ast.NamedExpr)):
        return [node.value], ""
    if isinstance(node, ast.BoolOp):
        return node.values[:1], ""
    return [node.test] if isinstance(node, ast.IfExp) else [], ""


def _are_constant(nodes: Iterable[ast.expr | None]) -> bool:
    """Whether no code runs when these are hashed."""
    return all(isinstance(each, ast.Constant) for each in nodes)


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain functions of a text, by name.

    `own` are those whose names mean them and nothing else, `quiet` builtins. `finds`: code may find a function by a
    name that it has made up. `_known` are all names that mean what can be seen.
    """

    names: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    finds: bool = False
    _known: frozenset[str] = frozenset()

    def reached(self, calls: Iterable[Calls]) -> frozenset[str] | None:
        """The plain functions that some lines can call; None for all."""
        names = set[str]()
        for each in calls:
            if self.finds and (each.hidden or not each.names <= self._known):
                return None
            names |= each.names
        return self.names & names

    def first(self, calls: Calls) -> str:
        """The plain function that a line calls before anything else runs; empty where that is not sure."""
        return calls.first if calls.first in self.own else ""

    def due(self, calls: Calls) -> bool:
        """Whether a line calls a plain function, or makes a class, unless it raises."""
        return calls.makes or not self.own.isdisjoint(calls.certain)


def plain_functions(tree: ast.Module, entry: Collection[int] = ()) -> Plain:
    """Those of a text that is shown in full, with the function on one of the lines `entry`: nobody calls it again."""
    defined, spoiled, imported = set[str](), set[str](), set[str]()
    methods = {id(each) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for each in node.body}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            if id(node) not in methods:
                (defined if _is_simple(node) else spoiled).add(node.name)
        elif isinstance(node, ast.alias):
            (spoiled if node.asname else imported).add(node.asname or node.name)
            if node.asname:
                spoiled.add(node.name)
        elif isinstance(node, ast.Name):
            if id(node) not in called:
                spoiled.add(node.id)
        elif isinstance(node, ast.Attribute):
            spoiled.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _PATH.fullmatch(node.value):  # what is found by its name
                spoiled.update(WORD.findall(node.value))
        else:
            spoiled.update(names_of(node)[0])
    spoiled |= _hidden(tree)
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    begun = {each.name for each in ast.walk(tree) if isinstance(each, FUNCTIONS) and each.lineno in entry}
    names = (defined - spoiled) & (used | begun)
    safe = _BUILTINS - spoiled - imported - defined
    return Plain(
        frozenset(names),
        frozenset(names - set(_tried(tree))),
        safe & _QUIET,
        not _FINDING.isdisjoint(used),
        frozenset(names | safe),
    )


def _tried(tree: ast.Module) -> Iterator[str]:
    """The names that are imported where that may fail: then there are two things of a name."""
    for outer in ast.walk(tree):
        if isinstance(outer, (ast.Try, ast.If)):
            for node in ast.walk(outer):
                if isinstance(node, ast.alias):
                    yield node.name


def _hidden(tree: ast.Module) -> set[str]:
    """The functions inside of others whose names stand for something else where these can't be seen."""
    found = set[str]()
    for outer in ast.walk(tree):
        inside = list(ast.walk(outer)) if isinstance(outer, FUNCTIONS) else []
        nested = {each.name for each in inside if isinstance(each, FUNCTIONS) and each is not outer}
        if nested:
            seen = set(map(id, inside))
            names = (each for each in ast.walk(tree) if isinstance(each, ast.Name) and each.id in nested)
            found |= {each.id for each in names if id(each) not in seen}
    return found


def _is_simple(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    suspends = any(isinstance(each, RESUMED) for each in ast.walk(node))
    return isinstance(node, ast.FunctionDef) and not (node.decorator_list or suspends or node.name.startswith("__"))
