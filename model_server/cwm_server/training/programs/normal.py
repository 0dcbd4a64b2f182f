"""Programs up to the choice of names: what deduplication and decontamination compare."""

from __future__ import annotations

import ast
import hashlib

HELD_OUT_EVERY = 64


def held_out(fingerprint: str) -> bool:
    """Whether programs about the function with this fingerprint are kept out of training."""
    return int(fingerprint, 16) % HELD_OUT_EVERY == 0


def fingerprint(node: ast.AST) -> str:
    """A digest of `node` that ignores names of functions and variables, docstrings, annotations and layout."""
    return hashlib.blake2b(_shape(node).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def functions(text: str) -> dict[str, str]:
    """The fingerprint of each function in a module, by its name (methods included)."""
    return {
        node.name: fingerprint(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def _shape(node: ast.AST) -> str:
    numbers: dict[str, str] = {}
    local = _bound(node)

    def name(identifier: str) -> str:
        return numbers.setdefault(identifier, f"v{len(numbers)}") if identifier in local else identifier

    def dump(item: object) -> str:
        if isinstance(item, list):
            return "[" + ",".join(dump(part) for part in item) + "]"
        if not isinstance(item, ast.AST):
            return repr(item)
        if isinstance(item, ast.Name):
            return f"Name({name(item.id)})"
        if isinstance(item, ast.arg):
            return f"arg({name(item.arg)})"
        if isinstance(item, ast.AnnAssign) and item.value is not None:
            return f"Assign([{dump(item.target)}],{dump(item.value)})"
        parts = []
        for field_name, part in ast.iter_fields(item):
            if field_name in ("returns", "type_comment", "ctx", "kind", "lineno"):
                continue
            if field_name == "name" and isinstance(part, str):
                part = name(part)
            elif field_name == "body" and isinstance(part, list):
                part = _without_docstring(part)
            elif field_name == "targets" and len(part) == 1:
                part = [part[0]]
            parts.append(name(part) if field_name == "name" and isinstance(part, str) else dump(part))
        return f"{type(item).__name__}({','.join(parts)})"

    return dump(node)


def _bound(node: ast.AST) -> set[str]:
    """The names that are bound anywhere inside `node`, its own included."""
    names: set[str] = set()
    for item in ast.walk(node):
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(item.name)
        elif isinstance(item, ast.arg):
            names.add(item.arg)
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            names.add(item.id)
        elif isinstance(item, ast.ExceptHandler) and item.name:
            names.add(item.name)
    return names


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[1:]
    return body
