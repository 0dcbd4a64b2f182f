"""Where an activation can go on after a line, and what the line can change: control flow, read off the syntax.

Line events depend on the compiler: a version reports the header of `while True:` at each turn, another does not. So
what is said here holds for every version: `after` may name lines that none reports, never too few.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cwm_server.grammar.names import IN_CLASS_BODIES, bound_by, contains, inlined, names_in, said_global, walk_own
from cwm_server.grammar.reach import Calls, calls_of
from cwm_server.grammar.syntax import COMPREHENSIONS, OWNERS, RESUMED, first_line, is_plain_class
from cwm_server.grammar.turns import Loop

END = 0  # among the lines that follow: the function may return there
# Syntax that can change a value that some name is already bound to, or run code that does.
_CHANGING = (
    *(ast.Call, ast.Subscript, ast.Attribute, ast.AugAssign, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith),
    *(ast.Delete, ast.Import, ast.ImportFrom, ast.Starred, ast.Match, ast.ClassDef, *COMPREHENSIONS, *RESUMED),
)
_SURE = (ast.Assign, ast.AugAssign, *OWNERS)
_STAR: type[ast.stmt] = getattr(ast, "TryStar", ast.Try)  # `try ... except*` is there from 3.11 on


@dataclass(slots=True)
class Step:
    """One line of a function, as something that runs.

    `after` are the lines that can come next in this activation, END among them where it can return; `caught` those at
    which it goes on after an exception. `within` are the lines of the same statement, on which its return or exception
    can stand. `binds` and `unbinds` are names that it can bind or remove, `sure` those that are bound once another line
    follows. `calm`: it changes no value that a name has, but by binding the name anew. `calls` are those of each
    statement on it. `statements` are those on it by identity; `whole`: they are simple, and run one after the other to
    the last, `ends`: where the function returns behind it without a `return`, it returns None.
    """

    after: set[int] = field(default_factory=set)
    caught: set[int] = field(default_factory=set)
    within: set[int] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    unbinds: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    calm: bool = True
    calls: set[Calls] = field(default_factory=set)
    statements: dict[int, ast.AST] = field(default_factory=dict)
    whole: bool = True
    ends: bool = False

    def ordered(self) -> list[ast.AST]:
        """The statements as they stand on the line."""
        return sorted(self.statements.values(), key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Branch:
    """The lines that come next behind the condition of an `if` or a `while`, where it holds and where it does not."""

    taken: frozenset[int]
    passed: frozenset[int]

    def way(self, holds: bool) -> frozenset[int]:
        """Where it leads."""
        return self.taken if holds else self.passed


@dataclass(frozen=True, slots=True)
class _Around:
    """What surrounds a statement: where `break`, `continue`, `return` and an exception lead."""

    loop: frozenset[int] = frozenset()
    past: frozenset[int] = frozenset()
    leave: frozenset[int] = frozenset((END,))
    caught: frozenset[int] = frozenset()
    unbinds: frozenset[str] = frozenset()
    tried: ast.stmt | None = None  # the statement whose exception is being handled


class Flow:
    """The control flow of one activation: `begin` are the lines at which it can begin.

    By line: `steps`, `loops`, and `branches` of conditions on a line of their own.
    """

    def __init__(self) -> None:
        self.steps: dict[int, Step] = {}
        self.loops: dict[int, Loop] = {}
        self.branches: dict[int, Branch] = {}
        self.begin: frozenset[int] = frozenset()

    @classmethod
    def of_function(cls, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Flow:
        """That of a function that is called."""
        flow = cls()
        flow.begin = flow._block(function.body, frozenset((END,)), _Around())
        # Where nothing runs, not even a `pass`, the head is reported; so it is before what has no place in the code.
        if END in flow.begin or flow._is_placeless():
            head = frozenset(range(first_line(function), function.lineno + 1))
            for number in head - flow.steps.keys():
                flow.steps[number] = Step(
                    set(flow.begin), within=set(head), calls={Calls()}, statements={id(function): function}
                )
            flow.begin |= head
        outside = set(said_global(function))
        ends = not _suspends(function) and not _returns_late(function)
        for step in flow.steps.values():
            step.binds -= outside
            step.sure = step.sure - outside
            step.ends = ends and not any(isinstance(each, ast.Return) for each in step.statements.values())
        return flow

    @classmethod
    def of_class(cls, node: ast.ClassDef) -> Flow | None:
        """That of the body of a plain class, with its head before it, and perhaps behind.

        None where a comprehension runs in it: there an interpreter that inlines it shows none of the other names.
        """
        if contains(node.body, COMPREHENSIONS):
            return None
        flow, head = cls(), frozenset((node.lineno,))
        begin = flow._block(node.body, head | {END}, _Around())
        flow.steps[node.lineno] = Step({*begin, END}, within=set(head), calls={Calls()}, statements={id(node): node})
        flow.begin = head | begin
        outside = set(said_global(node))
        for step in flow.steps.values():
            step.binds = (step.binds - outside).union(IN_CLASS_BODIES)
            step.sure = step.sure - outside
        return flow

    @classmethod
    def of_expressions(cls, nodes: Sequence[ast.expr]) -> Flow:
        """That of a comprehension or a lambda, one of some: on any of their lines it can go on, or return."""
        flow = cls()
        flow.begin = frozenset(_lines(nodes))
        binds = {each.id for each in names_in(nodes) if isinstance(each.ctx, ast.Store)}
        unbinds = {name for node in nodes for part in ast.iter_child_nodes(node) for name in inlined(part)}
        for line in flow.begin:
            step = Step({*flow.begin, END}, set(flow.begin), set(flow.begin), binds, unbinds, calm=False, whole=False)
            step.calls.update(replace(calls_of(node, (node,)).unsure(), hidden=True) for node in nodes)
            flow.steps[line] = step
        return flow

    def _is_placeless(self) -> bool:
        """Whether a `"..." % (...)` may run first: compilers do not say where its text stands."""
        first = (node for line in self.begin - {END} for node in self.steps[line].statements.values())
        return any(
            isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mod) and isinstance(each.right, ast.Tuple)
            for node in first
            for each in ast.walk(node)
        )

    # -- statements

    def _block(self, body: Sequence[ast.stmt], follow: frozenset[int], around: _Around) -> frozenset[int]:
        """Add a block that is followed by `follow`. Returns the lines at which it can begin."""
        for statement in reversed(body):
            follow = self._statement(statement, follow, around)
        return follow

    def _statement(self, node: ast.stmt, follow: frozenset[int], around: _Around) -> frozenset[int]:
        if isinstance(node, ast.If):
            taken, passed = self._block(node.body, follow, around), self._block(node.orelse, follow, around)
            self._branch(node, taken, passed)
            return self._add(node, (node.test,), taken | passed, around) | _silent(node.test, taken | passed)
        if isinstance(node, ast.While):
            return self._while(node, follow, around)
        if isinstance(node, (ast.For, ast.AsyncFor)):
            header = frozenset(_lines((node.target, node.iter), node.lineno))
            past = self._block(node.orelse, follow, around)
            loop = Loop.of(node, past | follow) if isinstance(node, ast.For) else None
            self.loops.pop(node.lineno, None)  # a block may be read twice, the second time with all that follows it
            self.loops |= {node.lineno: loop} if loop is not None else {}
            inner = replace(around, loop=header, past=follow)
            begin = self._block(node.body, header, inner)
            return self._add(node, (node.target, node.iter), begin | past, around)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            return self._with(node, follow, around)
        if isinstance(node, (ast.Try, _STAR)):
            return self._try(node, follow, around)  # type: ignore[arg-type]
        if isinstance(node, ast.Match):
            return self._match(node, follow, around)
        if is_plain_class(node):
            return self._add(node, (), follow, around)
        if isinstance(node, OWNERS):
            lines = range(first_line(node), max(node.lineno + 1, first_line(node.body[0])))
            return self._add(node, _evaluated(node), follow, around, lines)
        return self._simple(node, follow, around)

    def _simple(self, node: ast.stmt, follow: frozenset[int], around: _Around) -> frozenset[int]:
        after = follow
        if isinstance(node, ast.Return):
            after = around.leave
        elif isinstance(node, ast.Raise):
            after = frozenset()
        elif isinstance(node, ast.Break):
            after = around.past
        elif isinstance(node, ast.Continue):
            after = around.loop
        begin = self._add(node, (node,), after, around)
        if isinstance(node, ast.Raise) and node.exc is None:
            self._raise_again(begin, around.tried or node, around)
        if isinstance(node, (ast.Global, ast.Nonlocal)) or (isinstance(node, ast.AnnAssign) and node.value is None):
            return begin | follow
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return begin | follow  # a docstring
        if isinstance(node, (ast.Pass, ast.Break, ast.Continue)):
            return begin | after  # may be left out, or jumped over
        if isinstance(node, ast.Assert):
            return begin | (after if _is_known(node.test) else frozenset())
        return begin

    def _while(self, node: ast.While, follow: frozenset[int], around: _Around) -> frozenset[int]:
        header = frozenset(_lines((node.test,), node.lineno))
        past = self._block(node.orelse, follow, around)
        constant = isinstance(node.test, ast.Constant)
        begin: frozenset[int] = frozenset()
        for _ in range(2 if constant else 1):  # where the header is not reported, the body follows itself
            again = header | (begin if constant else frozenset())
            begin = self._block(node.body, again, replace(around, loop=again, past=follow))
        self._branch(node, begin, past)
        return self._add(node, (node.test,), begin | past, around) | _silent(node.test, begin)

    def _branch(self, node: ast.If | ast.While, taken: frozenset[int], passed: frozenset[int]) -> None:
        """Note where a condition leads; a block may be read twice, each time with other lines behind it."""
        before = self.branches.get(node.lineno, Branch(frozenset(), frozenset()))
        self.branches[node.lineno] = Branch(before.taken | taken, before.passed | passed)

    def _with(self, node: ast.With | ast.AsyncWith, follow: frozenset[int], around: _Around) -> frozenset[int]:
        parts = [part for item in node.items for part in (item.context_expr, item.optional_vars) if part is not None]
        header = frozenset(_lines(parts, node.lineno))
        # The header runs again when the block is left, however it is left.
        inner = _Around(
            around.loop | header,
            around.past | header,
            around.leave | header,
            around.caught | header,
            around.unbinds,
            around.tried,
        )
        begin = self._block(node.body, follow | header, inner)
        left = _leaving(node.body, around) | (header if len(node.items) > 1 else frozenset())
        self._add(node, parts, begin | follow | left, around)
        self._raise_again(header, node, around)
        return header

    def _try(self, node: ast.Try, follow: frozenset[int], around: _Around) -> frozenset[int]:
        left = frozenset[int]()
        if node.finalbody:
            # Whatever led into `finally` goes on behind it.
            left = around.loop | around.past | around.leave | around.caught
            last = self._block(node.finalbody, follow | left, around)
            self._raise_again(_lines(node.finalbody), node, around)
            inside = _Around(last, last, last | around.leave, around.caught | last, around.unbinds, around.tried)
            follow = last
        else:
            inside = around
        handlers = frozenset(line for handler in node.handlers for line in _handler_lines(handler))
        for handler in node.handlers:
            named = frozenset((handler.name,)) if handler.name else frozenset[str]()
            inner = replace(inside, unbinds=inside.unbinds | named, tried=node)
            starred = isinstance(node, _STAR) and _STAR is not ast.Try
            begin = self._block(handler.body, follow | handlers if starred else follow, inner)
            parts = (handler.type,) if handler.type is not None else ()
            after = begin | handlers | inside.caught | inside.leave
            self._add(handler, parts, after, inside, binds=named, lines=_handler_lines(handler))
            self._raise_again(_lines((handler,)) if starred else _handler_lines(handler), node, inside)
        orelse = self._block(node.orelse, follow, inside)
        begin = self._block(node.body, orelse, replace(inside, caught=inside.caught | handlers))
        header = self._add(node, (), begin, around, range(node.lineno, node.lineno + 1))
        return header | begin

    def _raise_again(self, lines: Iterable[int], node: ast.stmt, around: _Around) -> None:
        """Some lines can raise what was raised in `node` anew: no exception is reported, and a return stands there."""
        for line in lines:
            if (step := self.steps.get(line)) is not None:
                step.after |= {END, *around.caught}
                step.within.update(_lines((node,)))

    def _match(self, node: ast.Match, follow: frozenset[int], around: _Around) -> frozenset[int]:
        patterns = [_lines([case.pattern, *([case.guard] if case.guard else [])]) for case in node.cases]
        for number, case in reversed(list(enumerate(node.cases))):
            begin = self._block(case.body, follow, around)
            others = {line for pattern in patterns[number:] for line in pattern}
            parts = [case.pattern, *([case.guard] if case.guard else [])]
            self._add(case.pattern, parts, begin | follow | others, around)
        everything = {line for pattern in patterns for line in pattern}
        begins = frozenset().union(*(self._block(case.body, follow, around) for case in node.cases))
        return self._add(node, (node.subject,), frozenset(everything) | begins | follow, around)

    def _add(
        self,
        node: ast.stmt | ast.excepthandler | ast.pattern,
        parts: Iterable[ast.AST],
        after: frozenset[int],
        around: _Around,
        lines: Iterable[int] | None = None,
        binds: frozenset[str] = frozenset(),
    ) -> frozenset[int]:
        """Add what runs of `node` besides its blocks, `parts` on `lines`. Returns the lines at which it can begin."""
        parts = list(parts)
        own = frozenset(_lines(parts, node.lineno) if lines is None else lines)
        bound, unbound = {*binds, *bound_by(node, parts)}, set(around.unbinds)
        loops = contains(parts, (*COMPREHENSIONS, *RESUMED)) or isinstance(node, (ast.AsyncFor, ast.AsyncWith))
        if loops:
            unbound |= {name for part in parts for name in inlined(part)}
        # The end of an iterator is an exception that the statement itself catches.
        iterates = isinstance(node, ast.For) or contains(parts, (ast.Tuple, ast.List, ast.Starred))
        if isinstance(node, ast.Delete):
            unbound |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if contains(parts, RESUMED) or isinstance(node, (ast.AsyncFor, ast.AsyncWith)):
            after |= {END}
        changing = (
            isinstance(node, _CHANGING) or contains(parts, _CHANGING) or bool(getattr(node, "decorator_list", ()))
        )
        certain = isinstance(node, _SURE) and len(own) == 1 and not loops
        calls = calls_of(node, parts)
        # A `return` is reported again when what had to run before it has run.
        returns = isinstance(node, ast.Return) and around.leave != {END}
        if len(own) > 1 or loops or returns:
            calls = calls.unsure()
        for line in own:
            step = self.steps.setdefault(line, Step())
            step.after |= after | (own if len(own) > 1 or loops else frozenset())
            step.caught |= around.caught | (after if loops or iterates else frozenset())
            if loops:  # an inlined comprehension puts back what it shadowed before it lets an exception through
                step.caught |= own
                step.after |= {END, *around.caught}
            step.within |= own
            step.binds |= bound
            step.unbinds |= unbound
            step.calm = step.calm and not changing
            step.calls.add(calls)
            step.statements[id(node)] = node
            step.whole = step.whole and not (len(own) > 1 or loops or returns)
            step.sure = bound if certain and len(step.statements) == 1 else set()
        return own


def _lines(parts: Iterable[ast.AST], first: int | None = None) -> range:
    numbers: list[int] = [first] if first is not None else []
    for part in parts:
        start: int = part.lineno  # type: ignore[attr-defined]
        end: int = part.end_lineno  # type: ignore[attr-defined]
        numbers += [start, end]
    return range(min(numbers), max(numbers) + 1)


def _handler_lines(handler: ast.ExceptHandler) -> range:
    return _lines((handler.type,) if handler.type is not None else (), handler.lineno)


def _evaluated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """The expressions of a definition that are evaluated with it."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(each.value for each in node.keywords)]
    defaults = (each for each in node.args.kw_defaults if each is not None)
    return [*node.decorator_list, *node.args.defaults, *defaults]


def _silent(test: ast.expr, begin: frozenset[int]) -> frozenset[int]:
    """Where a statement can begin besides its header: a test that is known beforehand may not be reported."""
    return begin if _is_known(test) else frozenset()


def _is_known(test: ast.expr) -> bool:
    """Whether a compiler may know how a test comes out."""
    return all(
        isinstance(each, (ast.Constant, ast.UnaryOp, ast.BoolOp, ast.Tuple, ast.unaryop, ast.boolop, ast.expr_context))
        or (isinstance(each, ast.Name) and each.id == "__debug__")
        for each in ast.walk(test)
    )


def _leaving(body: Sequence[ast.stmt], around: _Around) -> frozenset[int]:
    """Where a block leads that is left by force."""
    lines = frozenset[int]()
    for node in (each for statement in body for each in ast.walk(statement)):
        if isinstance(node, ast.Return):
            lines |= around.leave
        elif isinstance(node, ast.Break):
            lines |= around.past
        elif isinstance(node, ast.Continue):
            lines |= around.loop
    return lines


def _suspends(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return isinstance(function, ast.AsyncFunctionDef) or contains(function.body, RESUMED)


def _returns_late(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether other lines can run between a `return` and the return."""
    around = [each for statement in function.body for each in walk_own(statement)]
    withs = any(isinstance(each, (ast.With, ast.AsyncWith)) or bool(getattr(each, "finalbody", ())) for each in around)
    return withs and any(isinstance(each, ast.Return) for each in around)
