# ruff: noqa: E501
"""Somebody's function with other names, other constants and, now and then, another operator."""

from __future__ import annotations

import ast
import io
import random
import re
import tokenize

from cwm_server.training.programs.words import Names

_SWAPS = {
    "<": ("<=", ">"), ">": (">=", "<"), "<=": ("<", ">="), ">=": (">", "<="), "==": ("!=", ">="), "!=": ("==",), "+": ("-", "*"), "-": ("+",), "*": ("+", "-"), "//": ("%", "*"),
    "%": ("//",), "+=": ("-=", "*="), "-=": ("+=",), "and": ("or",), "or": ("and",), "min": ("max",), "max": ("min",), "True": ("False",), "False": ("True",), "append": ("append",), "upper": ("lower",), "lower": ("upper",),
    "any": ("all",), "all": ("any",), "startswith": ("endswith",), "islower": ("isupper",), "isdigit": ("isalpha",),
}  # fmt: skip


def mutated(rng: random.Random, text: str, rename: float = 0.7, change: float = 0.5) -> str:
    """`text` with its local variables renamed (with probability `rename`) and a constant or operator changed (`change`).

    Layout and comments stay. The result need not end or make sense; text that can't be read comes back as it is.
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        tree = ast.parse(text)
    except (tokenize.TokenError, SyntaxError, IndentationError, ValueError):
        return text
    replacements: dict[int, str] = {}
    if rng.random() < rename:
        replacements |= _renamed(rng, tokens, tree)
    if rng.random() < change:
        replacements |= _changed(rng, tokens)
    lines = text.splitlines(keepends=True)
    for index in sorted(replacements, reverse=True):
        (row, begin), (_, end) = tokens[index].start, tokens[index].end
        line = lines[row - 1]
        lines[row - 1] = line[:begin] + replacements[index] + line[end:]
    changed = "".join(lines)
    try:
        ast.parse(changed)
    except (SyntaxError, ValueError):
        return text
    return changed


def _renamed(rng: random.Random, tokens: list[tokenize.TokenInfo], tree: ast.Module) -> dict[int, str]:
    """New names by token index, for arguments and local variables that nothing outside can mean."""
    bound = {item.arg for item in ast.walk(tree) if isinstance(item, ast.arg)}
    bound |= {item.id for item in ast.walk(tree) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    elsewhere = {word.arg or "" for item in ast.walk(tree) if isinstance(item, ast.Call) for word in item.keywords}
    elsewhere |= {item.name for item in ast.walk(tree) if isinstance(item, (ast.FunctionDef, ast.ClassDef))}
    elsewhere |= {"self", "cls", "_", "__"}
    for token in tokens:
        if token.type == tokenize.STRING and re.match(r"(?i)r?f", token.string):
            elsewhere |= set(re.findall(r"[A-Za-z_]\w*", token.string))
    names = Names(rng)
    names.taken |= {token.string for token in tokens if token.type == tokenize.NAME}
    collections = set(re.findall(r"for \w+ in (\w+)", " ".join(token.string for token in tokens)))
    chosen: dict[str, str] = {}
    for name in sorted(bound - elsewhere):
        if rng.random() < 0.85:
            chosen[name] = names.many() if name in collections else names.index() if len(name) == 1 else names.noun()
    return {
        index: chosen[token.string]
        for index, token in enumerate(tokens)
        if token.type == tokenize.NAME and token.string in chosen and tokens[index - 1].string != "."
    }


def _changed(rng: random.Random, tokens: list[tokenize.TokenInfo]) -> dict[int, str]:
    """One to three other constants or operators, by token index."""
    found: dict[int, str] = {}
    for index, token in enumerate(tokens):
        if token.type == tokenize.NUMBER and token.string.isdigit() and len(token.string) < 5:
            value = int(token.string)
            found[index] = str(max(0, value + rng.choice((-1, 1, 1, 2, 3))))
        elif token.type == tokenize.STRING and re.fullmatch(r"'[A-Za-z ,-]{1,12}'|\"[A-Za-z ,-]{1,12}\"", token.string):
            body = token.string[1:-1]
            other = (
                body[::-1]
                if rng.random() < 0.3
                else body + rng.choice("abesx-")
                if rng.random() < 0.5
                else rng.choice("aeiostx ,-")
            )
            found[index] = token.string[0] + other + token.string[0]
        elif token.string in _SWAPS and token.type in (tokenize.OP, tokenize.NAME):
            found[index] = rng.choice(_SWAPS[token.string])
    count = min(len(found), rng.choice((1, 1, 2, 3)))
    return {index: found[index] for index in rng.sample(sorted(found), count)}
