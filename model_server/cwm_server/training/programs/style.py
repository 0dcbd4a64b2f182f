"""How an author writes: quotes, comments, blank lines, type hints, docstrings."""

from __future__ import annotations

import ast
import io
import random
import re
import tokenize

COMMENTS = (
    "# check the input", "# edge case", "# loop over everything", "# keep track of what was seen", "# done", "# update",
    "# base case", "# TODO: handle more cases", "# first pass", "# skip the rest", "# accumulate", "# helper",
    "# note the order",
    "# swap", "# final result", "# count them", "# nothing to do", "# build the output", "# make a copy", "# compare",
)  # fmt: skip


def double_quoted(text: str) -> str:
    """`text` with double quotes around every string that needs no escape for them."""
    lines = text.splitlines(keepends=True)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return text
    for token in reversed(tokens):
        if token.type != tokenize.STRING or token.start[0] != token.end[0]:
            continue
        match = re.fullmatch(r"([a-zA-Z]*)'((?:[^'\"]|\\.)*)'", token.string)
        if match is None or "\\'" in token.string or ("{" in token.string and "'" in match[2]):
            continue
        row, begin, end = token.start[0] - 1, token.start[1], token.end[1]
        lines[row] = f'{lines[row][:begin]}{match[1]}"{match[2]}"{lines[row][end:]}'
    return "".join(lines)


def commented(rng: random.Random, text: str, rate: float) -> str:
    """`text` with a comment here and there, on lines of their own or behind a statement."""
    lines: list[str] = []
    open_brackets = 0
    for line in text.split("\n"):
        body = line.strip()
        plain = bool(body) and open_brackets == 0 and "'''" not in line and '"""' not in line
        if (
            plain
            and not body.startswith(("else", "elif", "except", "finally", "@", "#", "class", "def"))
            and rng.random() < rate
        ):
            indent = line[: len(line) - len(line.lstrip())]
            if rng.random() < 0.6 and indent:
                lines.append(indent + rng.choice(COMMENTS))
            elif body.count("'") % 2 == 0 and not body.endswith(("\\", "(", "[", "{", ",")):
                line = f"{line}  {rng.choice(COMMENTS)}"
        open_brackets += sum(map(body.count, "([{")) - sum(map(body.count, ")]}"))
        lines.append(line)
    return "\n".join(lines)


def without_docstrings(text: str) -> str:
    """`text` with the docstrings of functions and classes cut out, everything else as it was."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)) or len(node.body) < 2:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            if first.lineno == node.lineno or first.end_lineno == node.body[1].lineno:
                continue
            for number in range(first.lineno - 1, first.end_lineno or first.lineno):
                lines[number] = "\0"
    return "\n".join(line for line in lines if line != "\0")


def dressed(rng: random.Random, text: str) -> str:
    """A generated program as one of many authors would have typed it."""
    if rng.random() < 0.4:
        text = double_quoted(text)
    if rng.random() < 0.3:
        text = commented(rng, text, rng.choice((0.05, 0.1, 0.2)))
    if rng.random() < 0.04:
        text = re.sub(r"(?m)^( +)", lambda match: match[1][: len(match[1]) // 2], text)
    return text
