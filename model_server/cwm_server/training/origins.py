"""Where the elements of a value that is made anew come from: asked while it is written, element by element.

What is reversed, sorted or sliced is copied from places that neither the line nor the value names. Which place comes
next is a lookup of its own, so training asks for it (`heads.py`) wherever the next element begins, and where none does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from cwm_server.grammar.syntax import ITERATED
from cwm_server.training.elements import Value, elements, read

Made = list[tuple[int, Value]]  # elements, with the places in what they come from
END = "end"  # asked where no element comes any more
_KEPT = frozenset({"capitalize", "lower", "swapcase", "title", "upper"})  # methods that put a letter for each letter


def evaluated(statement: ast.AST | None, shown: Mapping[str, str]) -> dict[str, ast.expr]:
    """The expressions that a statement evaluates, by the names that it binds; by an empty one what it returns.

    Where the frame of a comprehension is shown, that is what runs and returns.
    """
    if ITERATED in shown:
        return {} if statement is None else {"": _looped(statement)}
    match statement:
        case ast.Assign([ast.Name(id=name)], value):
            return {name: value}
        case ast.Assign([ast.Tuple(elts=targets)], ast.Tuple(elts=parts)) if len(targets) == len(parts):
            return {each.id: part for each, part in zip(targets, parts, strict=True) if isinstance(each, ast.Name)}
        case ast.Return(value=value) if value is not None:
            return {"": value}
    return {}


def origins(node: ast.expr, shown: Mapping[str, str], text: bytes) -> Iterator[tuple[int, str]]:
    """The places in the `text` of what an expression has made where is asked what comes next, with the answers."""
    found = elements(text)
    if not found:
        return
    if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == len(found) - 1:
        for part, (_, begin, end) in zip(node.elts, found, strict=False):
            for place, answer in origins(part, shown, text[begin:end]):
                yield begin + place, answer
        return
    try:
        pairs = _identity(text) if isinstance(node, ast.ListComp) else made(node, shown)
        if [value for _, value in pairs] != list(ast.literal_eval(text.decode())):
            return
    except Exception:  # whatever a wrong guess at a type raises
        return
    before: int | None = None
    for (place, _), (_, begin, end) in zip(pairs, found, strict=False):
        quoted = text[:1] != b"'" and text[begin : begin + 1] == b"'"
        for offset in {begin, begin + quoted, begin if before is None else before}:
            yield offset, str(place)
        before = end
    yield found[-1][1] if before is None else before, END


def made(node: ast.expr, shown: Mapping[str, str]) -> Made:
    """The elements of what an expression makes. Raises ValueError, or what Python would, where that is not clear."""
    match node:
        case ast.Name(id=name):
            return _places(read(shown[name]))
        case ast.Subscript(value=source, slice=ast.Slice(lower=lower, upper=upper, step=step)):
            ends = (None if end is None else _number(end, shown) for end in (lower, upper, step))
            return made(source, shown)[slice(*ends)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return made(left, shown) + made(right, shown)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return _places([_element(each, shown) for each in parts])
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[source], keywords=[]):
            return made(source, shown)
        case ast.Call(func=ast.Name(id="reversed"), args=[source], keywords=[]):
            return made(source, shown)[::-1]
        case ast.Call(func=ast.Name(id="sorted"), args=[source], keywords=keywords):
            return _sorted(made(source, shown), keywords)
        case ast.Call(func=ast.Name(id="set"), args=[source], keywords=[]):
            return _once(made(source, shown))
        case ast.Call(func=ast.Name(id="enumerate"), args=[source], keywords=[]):
            return [(index, (index, value)) for index, (_, value) in enumerate(made(source, shown))]
        case ast.Call(func=ast.Name(id="zip"), args=[first, second], keywords=[]):
            both = zip(made(first, shown), made(second, shown), strict=False)
            return [(place, (value, other)) for (place, value), (_, other) in both]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=[], keywords=[]) if attr in _KEPT:
            return _places(getattr(read(shown[name]), attr)())
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=""), attr="join"), args=[source], keywords=[]):
            letters = made(source, shown)
            if all(isinstance(value, str) and len(value) == 1 for _, value in letters):
                return letters
    raise ValueError("what is made is not clear")


def _looped(node: ast.AST) -> ast.expr:
    """The only comprehension of a statement, if it makes a list of each element; else something that makes none."""
    loops = [each for each in ast.walk(node) if isinstance(each, ast.ListComp)]
    others = [each for each in ast.walk(node) if isinstance(each, (ast.SetComp, ast.DictComp, ast.GeneratorExp))]
    plain = len(loops) == 1 and not others and len(loops[0].generators) == 1 and not loops[0].generators[0].ifs
    return loops[0] if plain else ast.Constant(None)


def _identity(text: bytes) -> Made:
    return _places(ast.literal_eval(text.decode()))


def _places(value: Value) -> Made:
    if not isinstance(value, (list, tuple, str)):
        raise ValueError("no sequence")
    return list(enumerate(value))


def _sorted(source: Made, keywords: list[ast.keyword]) -> Made:
    options = {each.arg: each.value for each in keywords}
    turned = options.pop("reverse", None)
    key = options.pop("key", None)
    measured = isinstance(key, ast.Name) and key.id == "len"
    if options or not (key is None or measured) or not (turned is None or isinstance(turned, ast.Constant)):
        raise ValueError("sorted by what is not clear")
    reverse = isinstance(turned, ast.Constant) and bool(turned.value)
    return sorted(source, key=lambda each: len(each[1]) if measured else each[1], reverse=reverse)


def _once(source: Made) -> Made:
    """Of numbers a set has the same order everywhere, of texts another one in each process."""
    if not all(isinstance(value, int) for _, value in source):
        raise ValueError("no order")
    first = {value: place for place, value in reversed(source)}
    return [(first[value], value) for value in {value for _, value in source}]


def _element(node: ast.expr, shown: Mapping[str, str]) -> Value:
    return read(shown[node.id]) if isinstance(node, ast.Name) else ast.literal_eval(node)


def _number(node: ast.expr, shown: Mapping[str, str]) -> int:
    value = _element(node, shown)
    if not isinstance(value, int):
        raise ValueError("no place")
    return value
