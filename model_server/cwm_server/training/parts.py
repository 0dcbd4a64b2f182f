"""What a trace does not say: a line's names and expressions, what has not changed, where elements are found.

Training asks for them besides the next token (`heads.py`). Only what follows from the shown locals alone, and is cheap,
is worked out here: numbers, strings, lists and the like, under operators, indices and a few pure functions.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import lru_cache

from cwm_server.grammar.syntax import COMPREHENSIONS, ITERATED
from cwm_server.training.elements import LONGEST, Value, elements, read
from cwm_server.training.origins import evaluated, origins
from cwm_tracer.wire import EVENT_TOKEN, Segment, Special, decode

# The index or the key of a shown element, and the local that has it; what `..` stands for, what a name does; what comes
# of an expression that takes one step from there, two, three, or more, before it the left of two that are brought
# together; where the next element of a value that is made anew comes from.
PLACED, OWNED, HELD, NAMED, FIRST, SECOND, THIRD, LEFT, LATER, ORIGIN = range(10)
KINDS = 10
STEPS = (FIRST, SECOND, THIRD, LATER)
PIECES = 3  # tokens of a value's text, its closing quote with them, for which training asks
IGNORED = -100  # where there are fewer
_BIGGEST = 10**15
_LOOKED_UP = 2  # steps
_BEGUN = 4  # bytes of an element at which its place is asked for

_BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Value], Value]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARED: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
FUNCTIONS: dict[str, Callable[..., Value]] = {
    name.__name__: name for name in (abs, all, any, bool, chr, len, list, max, min, ord, sorted, str, sum, tuple)
} | {
    "int": lambda text: int(text),
    "float": lambda text: float(text),
    "round": lambda number, *digits: round(number, *digits),
}
METHODS: dict[type, re.Pattern[str]] = {
    str: re.compile(
        "capitalize|count|endswith|find|index|is(alnum|alpha|digit|lower|space|upper)|join|lower|lstrip|replace|rfind"
        "|rstrip|split|startswith|strip|swapcase|title|upper"
    ),
    list: re.compile("count|index"),
    tuple: re.compile("count|index"),
    dict: re.compile("get"),
}
_INSIDE = frozenset({"all", "any", "len", "list", "max", "min", "sorted", "sum", "tuple"})  # of one argument
_WORKING = (ast.AugAssign, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Subscript, ast.Call)
EVENTS = tuple(EVENT_TOKEN.values())
VALUE = re.compile(rb'": "((?:[^"\\]|\\.)*)"')  # in the text of locals


@dataclass(frozen=True, slots=True)
class Part:
    """The offset in UTF-8 at which a part of a text ends, what it stands for, and its kind."""

    end: int
    value: str
    kind: int


class _Unknown(Exception):
    """What a part stands for does not follow, or is too big."""


def parts(line: str, shown: Mapping[str, str]) -> list[Part]:
    """The parts of an executed `line` whose value follows from the `shown` locals.

    Of several expressions of a kind that end at one place the widest is meant; the range that a loop goes through
    stands for its last element, behind which the loop ends; a lookup stands, a step before, for its place too, which it
    needs there, and two that are brought together for the left one if that was looked up. Numbers that are worked out
    are asked once more with what takes the most steps, since digits take layers as well. A line that is no statement of
    its own has none.
    """
    tree, shift = _parsed(line)
    if tree is None:
        return []
    found: dict[tuple[int, int], Part] = {}
    loop = tree.iter if isinstance(tree, ast.For) else None
    for node in _visible(tree, shown):
        end = (node.end_col_offset or 0) + shift
        if isinstance(node, ast.Name):
            if node.id in shown:
                found[end, NAMED] = Part(end, shown[node.id], NAMED)
        elif (kind := kind_of(node)) is not None:
            try:
                made = _last(node, shown) if node is loop else _evaluate(node, shown)
            except Exception:  # whatever a wrong guess at a type raises
                continue
            value = repr(made)
            if len(value) <= LONGEST:
                found[end, kind] = Part(end, value, kind)
                if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(made) in (int, float):
                    found[end, LATER] = Part(end, value, LATER)
            if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
                before = STEPS[STEPS.index(kind) - 1]
                found[end, before] = Part(end, repr(_evaluate(node.slice, shown)), before)
            if (left := _left(node)) is not None and _steps(left) == _LOOKED_UP:
                found[end, LEFT] = Part(end, repr(_evaluate(left, shown)), LEFT)
    return list(found.values())


def unchanged(text: str, values: Mapping[str, str]) -> list[Part]:
    """What each `..` stands for in the text of some locals, which have these values."""
    matches = VALUE.finditer(text.encode("utf-8", "surrogatepass"))
    pairs = zip(matches, values.values(), strict=False)
    return [Part(match.end(1), value, HELD) for match, value in pairs if match[1] == b".."]


def placed(text: str, names: Iterable[str]) -> list[Part]:
    """Where the elements of the lists, tuples, dicts and strings are found that the text of some locals shows.

    Each is asked for its index or key, and for the one of the locals' `names` whose value has it, at all tokens of its
    first bytes, as a lookup needs both where it finds the element. The end of a value is asked for its length.
    """
    found = []
    for match, name in zip(VALUE.finditer(text.encode("utf-8", "surrogatepass")), names, strict=False):
        for place, begin, end in elements(match[1]):
            for offset in range(begin + 1, min(end, begin + _BEGUN) + 1):
                found += [Part(match.start(1) + offset, *each) for each in ((place, PLACED), (name, OWNED))]
    return found


def parts_of(segments: Sequence[Segment]) -> dict[int, list[Part]]:
    """The parts of a document's locals and executed lines, by the index of their segment."""
    start = segments.index(Special.FRAME) + 1
    frames = iter(decode(segments[start:]).frames)
    values: Mapping[str, str] | None = None
    found: dict[int, list[Part]] = {}
    event, ran, before = None, "", dict[str, str]()  # the line that ran last, and what it had
    for index in range(start, len(segments)):
        segment = segments[index]
        if segment in EVENTS:
            event, values = segment, getattr(next(frames, None), "locals", None)
        elif isinstance(segment, str) and segments[index - 1] is Special.ACTION:
            if values is not None:
                found[index] = parts(segment, values)
                ran, before = (segment, dict(values)) if event is Special.LINE else ("", {})
        elif isinstance(segment, str) and values is not None:
            found[index] = unchanged(segment, values) + placed(segment, values)
            if event is Special.LINE:
                found[index] += made_anew(segment, values, ran, before)
        elif isinstance(segment, str) and event is Special.RETURN:
            found[index] = returned(segment, ran, before)
            ran = ""
    return found


def made_anew(text: str, names: Iterable[str], line: str, shown: Mapping[str, str]) -> list[Part]:
    """Where the elements come from of what a line that has run made of the `shown` locals, in the text of those now."""
    nodes = evaluated(_parsed(line)[0], shown)
    found = []
    for match, name in zip(VALUE.finditer(text.encode("utf-8", "surrogatepass")), names, strict=False):
        if name in nodes:
            places = origins(nodes[name], shown, match[1])
            found += [Part(match.start(1) + place, answer, ORIGIN) for place, answer in places]
    return found


def returned(text: str, line: str, shown: Mapping[str, str]) -> list[Part]:
    """The same of what a line returns, in its text as JSON."""
    node = evaluated(_parsed(line)[0], shown).get("")
    value = text.encode("utf-8", "surrogatepass")[1:-1]
    return [] if node is None else [Part(1 + place, each, ORIGIN) for place, each in origins(node, shown, value)]


@lru_cache(maxsize=1 << 14)
def _parsed(line: str) -> tuple[ast.AST | None, int]:
    """The statement on a line and by how much its offsets fall short, or None."""
    text = line.strip()
    shift = len(line) - len(line.lstrip()) if line.isascii() else 0
    if text.startswith("elif"):
        text, shift = text[2:], shift + 2
    return _statement(text) or _statement(text + "\n pass"), shift


def _statement(text: str) -> ast.stmt | None:
    try:
        return ast.parse(text).body[0]
    except (SyntaxError, ValueError, IndexError, MemoryError, RecursionError):
        return None


def _visible(node: ast.AST, shown: Mapping[str, str]) -> list[ast.expr | ast.AugAssign]:
    """What this frame evaluates, inner expressions first."""
    found: list[ast.expr | ast.AugAssign] = []
    if isinstance(node, (ast.JoinedStr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return found
    children: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, COMPREHENSIONS) and ITERATED not in shown:
        children = [node.generators[0].iter]
    if isinstance(node, ast.Lambda):
        names = [argument.arg for argument in node.args.args]
        children = [node.body] if names and names == list(shown)[: len(names)] else []
    for child in children:
        found += _visible(child, shown)
    if isinstance(node, ast.AugAssign):  # what is stored in was read before
        found.append(node.target)
    stored = not isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    if isinstance(node, (ast.AugAssign, ast.expr)) and not stored:
        found.append(node)
    return found


def kind_of(node: ast.AST) -> int | None:
    """How a part is asked for, if it is worked out: by the steps that it takes."""
    steps = _steps(node) if isinstance(node, _WORKING) else 0
    return STEPS[min(steps, len(STEPS)) - 1] if steps else None


def _steps(node: ast.AST) -> int:
    """How many layers one after the other an expression takes: one to bring values together, one more to look inside.

    What was looked up takes one to be brought to where the right of two stands. The signs of constants take none.
    """
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return 0
    left, before = _left(node), 0
    for child in ast.iter_child_nodes(node):
        steps = _steps(child)
        before = max(before, steps + (child is left and steps >= _LOOKED_UP))
    return isinstance(node, _WORKING) + _looks_inside(node) + before


def _left(node: ast.AST) -> ast.expr | None:
    """The first of two expressions that are brought together."""
    match node:
        case ast.BinOp(left=left) | ast.Compare(left=left, ops=[_]) | ast.AugAssign(target=left):
            return left
        case ast.Call(func=ast.Name(id="max" | "min"), args=[left, _]):
            return left
    return None


def _looks_inside(node: ast.AST) -> bool:
    """Whether elements of a value count, as its beginning does not tell them."""
    match node:
        case ast.Subscript() | ast.Call(func=ast.Attribute()):
            return True
        case ast.Call(func=ast.Name(id=name), args=[_]):
            return name in _INSIDE
        case ast.Compare(ops=signs):
            return any(isinstance(sign, (ast.In, ast.NotIn)) for sign in signs)
    return False


def _evaluate(node: ast.expr | ast.AugAssign, shown: Mapping[str, str]) -> Value:
    """The value of an expression. Raises _Unknown, or what Python would raise."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return read(shown[node.id])
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, shown), _evaluate(node.right, shown)
        return _bounded(_combined(node.op, left, right))
    if isinstance(node, ast.AugAssign):
        return _bounded(_combined(node.op, _evaluate(node.target, shown), _evaluate(node.value, shown)))
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_evaluate(node.operand, shown))
    if isinstance(node, ast.Compare):
        values = [_evaluate(part, shown) for part in (node.left, *node.comparators)]
        return all(_COMPARED[type(op)](a, b) for op, a, b in zip(node.ops, values, values[1:], strict=False))
    if isinstance(node, ast.BoolOp):
        value: Value = None
        for part in node.values:
            value = _evaluate(part, shown)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value
    if isinstance(node, ast.Subscript):
        return _evaluate(node.value, shown)[_evaluate(node.slice, shown)]
    if isinstance(node, ast.Slice):
        ends = (None if end is None else _evaluate(end, shown) for end in (node.lower, node.upper, node.step))
        return slice(*ends)
    if isinstance(node, (ast.Tuple, ast.List)):
        return (tuple if isinstance(node, ast.Tuple) else list)(_evaluate(item, shown) for item in node.elts)
    if isinstance(node, ast.Call) and not node.keywords:
        return _bounded(_called(node, shown))
    raise _Unknown


def _last(node: ast.expr | ast.AugAssign, shown: Mapping[str, str]) -> Value:
    """The last element of the range that a loop goes through, None of an empty one; else the value."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=ends) if "range" not in shown:
            elements = range(*(_evaluate(end, shown) for end in ends))
            return elements[-1] if elements else None
    return _evaluate(node, shown)


def _combined(op: ast.operator, left: Value, right: Value) -> Value:
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if isinstance(op, (ast.Pow, ast.LShift)) and not (numbers and abs(left) < 1000 and 0 <= right < 20):
        raise _Unknown
    if isinstance(op, ast.Mult) and not numbers and not (max(_times(left), _times(right)) < LONGEST):
        raise _Unknown
    if isinstance(op, ast.Mod) and not numbers:  # a width in a format makes any length
        raise _Unknown
    return _BINARY[type(op)](left, right)


def _times(value: Value) -> int:
    return value if isinstance(value, int) else len(value)


def _called(node: ast.Call, shown: Mapping[str, str]) -> Value:
    arguments = [_evaluate(argument, shown) for argument in node.args]
    if isinstance(node.func, ast.Name) and node.func.id not in shown:
        return FUNCTIONS[node.func.id](*arguments)
    if isinstance(node.func, ast.Attribute):
        owner = _evaluate(node.func.value, shown)
        if METHODS[type(owner)].fullmatch(node.func.attr):
            return getattr(owner, node.func.attr)(*arguments)
    raise _Unknown


def _bounded(value: Value) -> Value:
    if abs(value) > _BIGGEST if isinstance(value, int) else isinstance(value, Sized) and len(value) > LONGEST:
        raise _Unknown
    return value
