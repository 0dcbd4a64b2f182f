"""What `recorder.py` has recorded: five programs, each with the function that its trace begins in.

int   a loop over three whole numbers
fib   recursion with one argument
sort  a list of 40 numbers being sorted beside a dict that grows
med   a list of 1 000 numbers and a nested dict, of which something changes at every third line
lib   pure-Python parts of the standard library: json, textwrap, string, argparse, re and what they call; all of
      it is recorded
"""

from __future__ import annotations

import argparse
import json.decoder
import json.encoder
import json.scanner
import string
import textwrap
from typing import Any


def run_int(size: int) -> int:
    total = 0
    for i in range(size):
        total += i * 3
        if total > 1000:
            total -= 1000
    return total


def run_fib(n: int) -> int:
    if n < 2:
        return n
    return run_fib(n - 1) + run_fib(n - 2)


def run_sort(rounds: int) -> dict[int, int]:
    moves: dict[int, int] = {}
    for number in range(rounds):
        values = [(index * 7919 + number) % 1009 for index in range(40)]
        for end in range(1, len(values)):
            at = end
            while at and values[at - 1] > values[at]:
                values[at - 1], values[at] = values[at], values[at - 1]
                moves[values[at]] = moves.get(values[at], 0) + 1
                at -= 1
    return moves


def run_med(steps: int) -> int:
    data = list(range(1000))
    table: dict[str, Any] = {"sums": {"even": 0, "odd": 0}, "seen": [1, 2, 3], "name": "med"}
    total = 0
    for step in range(steps):
        kind = "odd" if step % 2 else "even"
        total += step
        if step % 2:
            data[step % 1000] = total
        else:
            table["sums"][kind] += step
    return total


class Shelf:
    """An object with methods, whose repr is the default one."""

    def __init__(self) -> None:
        self.books: list[dict[str, Any]] = []

    def add(self, title: str, year: int) -> None:
        book = {"title": title, "year": year, "tags": title.split()}
        self.books.append(book)

    def dump(self) -> str:
        encoder = json.encoder.JSONEncoder(indent=2, sort_keys=True)
        chunks = encoder.iterencode({"books": self.books})
        return "".join(chunks)


def run_lib(rounds: int) -> int:
    scan = json.scanner.py_make_scanner(_decoder())
    length = 0
    for number in range(rounds):
        shelf = Shelf()
        for title in ("A Tale of Two Cities", "Dune", "The Left Hand of Darkness"):
            shelf.add(title, 1859 + number)
        text = shelf.dump()
        found, _ = scan(text, 0)
        wrapped = textwrap.fill(" ".join(book["title"] for book in found["books"]), width=20)
        template = string.Template("$count books: $text").substitute(count=len(found["books"]), text=wrapped)
        parser = argparse.ArgumentParser(prog="lib", add_help=False)
        parser.add_argument("--size", type=int, default=3)
        parser.add_argument("name")
        parsed = parser.parse_args(["--size", str(number), "x"])
        length += len(template) + parsed.size
    return length


def _decoder() -> Any:
    decoder = json.decoder.JSONDecoder()
    decoder.parse_object = json.decoder.JSONObject
    decoder.parse_array = json.decoder.JSONArray
    decoder.parse_string = json.decoder.py_scanstring
    return decoder


WORKLOADS = {
    "int": (run_int, 10_000),
    "fib": (run_fib, 18),
    "sort": (run_sort, 7),
    "med": (run_med, 800),
    "lib": (run_lib, 5),
}
