"""What goes before the trace: which source is shown, in what order, what gives way to a budget, where it stands."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import enum
import json
import os
import random
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_tracer.context import build_context
from cwm_tracer.model import Context, Event, Frame
from cwm_tracer.source import SourceLines
from cwm_tracer.wire import START_MARKER, strip_marker

ENDLESS = 10**9


def frame(file: str | None, line: int | None, source: str = "") -> Frame:
    return Frame(Event.LINE, source, {}, file=file, line=line)


class Program:
    """Files whose lines are named by a piece of their text."""

    def __init__(self, **texts: str) -> None:
        self.texts = {f"{name}.py": textwrap.dedent(text).lstrip("\n") for name, text in texts.items()}
        self.sources = SourceLines(self.texts)

    def place(self, needle: str) -> tuple[str, int]:
        found = [
            (file, number)
            for file in self.texts
            for number, line in enumerate(self.sources.lines(file), 1)
            if needle in line
        ]
        assert found, needle
        return found[0]

    def context(
        self,
        *ran: str,
        entry: str | None = None,
        budget: int = ENDLESS,
        count_tokens: Callable[[str], int] = len,
        may_read: Callable[[str], bool] | None = None,
    ) -> Context:
        context = build_context(
            [frame(*self.place(needle)) for needle in ran],
            None if entry is None else self.place(entry),
            self.sources,
            count_tokens=count_tokens,
            budget=budget,
            may_read=may_read,
        )
        check_places(context, self.sources)
        return context


def check_places(context: Context, sources: SourceLines) -> None:
    lines = context.text.split("\n")
    assert len(context.places) == (len(lines) if context.text else 0)
    for line, place in zip(lines, context.places, strict=False):
        if place is not None:
            assert strip_marker(line).rstrip() == strip_marker(sources.line(*place).rstrip("\n")).rstrip()
    marked = [number for number, line in enumerate(lines) if line.endswith(START_MARKER)]
    assert marked == ([] if context.entry is None else [context.entry])


def text(source: str) -> str:
    return textwrap.dedent(source).lstrip("\n")


# -- whole programs


PROGRAM = """
    def f(nums):
        output = []
        for n in nums:

            output.append((nums.count(n), n))
        return output

    def main():  # << START_OF_TRACE
        return f([1, 1, 3])
"""


def test_a_program_whose_functions_all_ran_is_shown_as_it_is() -> None:
    program = Program(p=PROGRAM)
    context = program.context("return f(", "output = []", entry="def main")
    assert context.text == program.texts["p.py"]
    assert context.places == (*(("p.py", n) for n in range(1, 10)), None)
    assert context.entry == 7


def test_an_entry_that_is_not_marked_gets_the_marker() -> None:
    program = Program(p=PROGRAM)
    context = program.context("return f(", "output = []", entry="def f")
    assert context.text.startswith("def f(nums):  # << START_OF_TRACE\n")
    assert "def main():\n" in context.text


def test_without_an_entry_nothing_is_marked() -> None:
    context = Program(p=PROGRAM).context("return f(")
    assert START_MARKER not in context.text
    assert context.entry is None


def test_the_entry_is_found_by_its_first_decorator_too() -> None:
    program = Program(p="@cache\n@retry(3)\ndef f():\n    return 1\n")
    assert program.context("return 1", entry="@cache").text == text("""
        @cache
        @retry(3)
        def f():  # << START_OF_TRACE
            return 1
    """)


def test_a_marker_further_down_in_the_header_moves_to_the_def() -> None:
    program = Program(p="def f(\n    x,\n):  # << START_OF_TRACE\n    return x\n")
    assert program.context("return x", entry="def f").text == "def f(  # << START_OF_TRACE\n    x,\n):\n    return x\n"


def test_an_entry_that_never_ran_is_shown() -> None:
    assert "def main" in Program(p=PROGRAM).context(entry="def main").text


def test_nothing_that_ran_gives_no_text() -> None:
    assert build_context([], None, SourceLines()) == Context("", (), None)


def test_frames_of_a_model_name_no_place_and_are_passed_over() -> None:
    context = build_context([frame(None, None), frame("no.py", 3)], None, SourceLines())
    assert context.text == ""


# -- functions


def test_a_function_that_did_not_run_is_left_out() -> None:
    program = Program(
        p="""
        def f():
            return 1


        def unused():
            return 2


        def g():
            return 3
        """
    )
    assert program.context("return 1", "return 3").text == text("""
        def f():
            return 1


        def g():
            return 3
    """)


def test_an_inner_function_comes_with_its_outermost_one() -> None:
    program = Program(
        p="""
        def outer():
            def middle():
                class Local:
                    def method(self):
                        return 1
                return Local
            return middle
        """
    )
    assert program.context("return 1").text == program.texts["p.py"]


@pytest.mark.parametrize(
    ("source", "ran"),
    [
        ("async def f():\n    await g()\n", "await g"),
        ("def f():\n    yield 1\n", "yield 1"),
        ("def f(xs):\n    return [\n        x\n        for x in xs\n    ]\n", "for x in xs"),
        ("f = lambda x: (\n    x + 1\n)\n", "x + 1"),
        ("if True:\n    def f():\n        return 1\nelse:\n    f = None\n", "return 1"),
        ('def f():\n    x = """\n\n# no comment\n\n\n\n"""\n    return x\n', "return x"),
        ("def f(x): return (\n    x)\n", "def f"),
    ],
    ids=["async", "generator", "comprehension", "lambda", "conditional", "string", "one line"],
)
def test_what_ran_is_shown_whole(source: str, ran: str) -> None:
    assert Program(p=source).context(ran).text == source


def test_comments_right_above_a_function_belong_to_it() -> None:
    program = Program(p="# banner\n\n# why\n# so\n@once\ndef f():\n    return 1\n")
    assert program.context("return 1").text == "# why\n# so\n@once\ndef f():\n    return 1\n"


def test_many_blank_lines_become_two() -> None:
    program = Program(p="def f():\n    return g()\n\n\n\n\n\ndef g():\n    return 1\n")
    assert program.context("return g", "return 1").text == "def f():\n    return g()\n\n\ndef g():\n    return 1\n"


# -- classes


CLASSES = """
    import enum
    from dataclasses import dataclass


    class Kind(enum.Enum):
        PLAIN = 1
        FANCY = 2


    class Base:
        RATE = 3
        UNUSED = 4


    @dataclass
    class Item:
        '''One thing.'''

        name: str
        kind: Kind = Kind.PLAIN


    class Cart(Base):
        '''Holds things.'''

        LIMIT = 10
        OTHER = 20

        def __init__(self):
            self.items = []

        def add(self, name):
            '''Add a thing.'''
            if len(self.items) < self.LIMIT:
                self.items.append(Item(name))

        def total(self):
            return self.RATE * len(self.items)
"""


def test_a_method_comes_with_its_class_and_what_it_uses_of_it() -> None:
    assert Program(p=CLASSES).context("return self.RATE").text == text("""
        class Base:
            RATE = 3


        class Cart(Base):
            def total(self):
                return self.RATE * len(self.items)
    """)


def test_a_class_that_is_named_comes_with_its_fields() -> None:
    assert Program(p=CLASSES).context("append(Item", entry="def add").text == text("""
        import enum
        from dataclasses import dataclass


        class Kind(enum.Enum):
            PLAIN = 1
            FANCY = 2


        class Base:
            ...


        @dataclass
        class Item:
            name: str
            kind: Kind = Kind.PLAIN


        class Cart(Base):
            LIMIT = 10

            def add(self, name):  # << START_OF_TRACE
                '''Add a thing.'''
                if len(self.items) < self.LIMIT:
                    self.items.append(Item(name))
    """)


@pytest.mark.parametrize(
    "body",
    ["    pass", "    ...", '    """Went wrong."""', "    # nothing\n    pass"],
)
def test_a_class_with_nothing_in_it_is_shown_whole(body: str) -> None:
    program = Program(p=f"class Wrong(Exception):\n{body}\n\n\ndef f():\n    raise Wrong\n")
    assert program.context("raise Wrong").text == program.texts["p.py"]


def test_inner_classes_come_with_the_outer_ones_headers() -> None:
    program = Program(
        p="""
        class A:
            x = 1

            class B:
                def f(self):
                    return 1

            def g(self):
                return 2
        """
    )
    assert program.context("return 1").text == "class A:\n    class B:\n        def f(self):\n            return 1\n"


# -- what names mean


def test_constants_are_followed_to_what_they_are_made_of() -> None:
    program = Program(
        p="""
        from __future__ import annotations

        import os, sys
        import re as regex
        from typing import Any

        A = 1
        B = A + 1
        C = 3
        TABLE: dict[str, int] = {}
        TABLE["b"] = B
        TABLE.update(x=C)
        OTHER = 5
        print(OTHER)

        try:
            import fast
        except ImportError:
            fast = None


        def f(x: Any):
            return regex.compile(TABLE, fast)


        if __name__ == "__main__":
            f = TABLE = 1
        """
    )
    assert program.context("return regex").text == text("""
        import re as regex
        from typing import Any

        A = 1
        B = A + 1
        C = 3
        TABLE: dict[str, int] = {}
        TABLE["b"] = B
        TABLE.update(x=C)

        try:
            import fast
        except ImportError:
            fast = None


        def f(x: Any):
            return regex.compile(TABLE, fast)
    """)


def test_a_local_name_means_no_constant() -> None:
    program = Program(
        p="""
        total = 1
        item = 2
        problem = 3
        seen = 4
        number = 5

        def f(items, number):
            total = 0
            for item in items:
                try:
                    total += item + number
                except TypeError as problem:
                    print(problem)

            def inner():
                return seen, total
            return inner
        """
    )
    assert program.context("total = 0").text.startswith("seen = 4\n\ndef f(")


def test_a_global_that_a_function_assigns_is_a_constant_it_needs() -> None:
    program = Program(p="count = 0\n\ndef f():\n    global count\n    count = 1\n")
    assert program.context("global").text == program.texts["p.py"]


def test_a_star_import_stays_for_a_name_that_nothing_else_explains() -> None:
    program = Program(p="from a import *\nimport b\n\ndef f():\n    return thing\n\ndef g():\n    return len\n")
    assert program.context("return thing").text.startswith("from a import *\n\ndef f()")
    assert program.context("return len").text == "def g():\n    return len\n"


# -- several files


SHOP = {
    "cart": """
        from rates import RATE, Currency
        import limits

        def total(items):
            if len(items) < limits.MOST:
                return RATE * len(items), Currency
    """,
    "rates": """
        BASE = 2
        RATE = BASE * 3

        class Currency:
            euro = 1

        def unused():
            return RATE
    """,
    "limits": """
        LEAST = 1
        MOST = 5
    """,
    "test_cart": """
        from cart import total

        def test_total():
            assert total([1]) == 6
    """,
}


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., tuple[Context, SourceLines]]:
    for name, source in SHOP.items():
        (tmp_path / f"{name}.py").write_text(text(source))

    def build(**options: Callable[[str], bool]) -> tuple[Context, SourceLines]:
        sources = SourceLines()
        test, cart = str(tmp_path / "test_cart.py"), str(tmp_path / "cart.py")
        context = build_context([frame(test, 4), frame(cart, 5)], (test, 3), sources, **options)  # type: ignore[arg-type]
        check_places(context, sources)
        return context, sources

    return build


CART = text("""
    from rates import RATE, Currency
    import limits

    def total(items):
        if len(items) < limits.MOST:
            return RATE * len(items), Currency


    from cart import total

    def test_total():  # << START_OF_TRACE
        assert total([1]) == 6
""")


def test_files_come_in_the_order_they_ran_and_the_entrys_last(shop: Callable[..., tuple[Context, SourceLines]]) -> None:
    context, _ = shop()
    assert context.text == CART
    assert [place and os.path.basename(place[0]) for place in context.places[5:9]] == [
        "cart.py",
        None,
        None,
        "test_cart.py",
    ]


def test_imported_definitions_are_shown_from_files_that_may_be_read(
    shop: Callable[..., tuple[Context, SourceLines]],
) -> None:
    context, _ = shop(may_read=lambda file: not file.endswith("limits.py"))
    assert (
        context.text
        == text("""
        BASE = 2
        RATE = BASE * 3

        class Currency:
            ...
    """)
        + "\n\n"
        + CART
    )


def test_an_attribute_of_an_imported_module_is_followed(shop: Callable[..., tuple[Context, SourceLines]]) -> None:
    context, _ = shop(may_read=lambda file: file.endswith("limits.py"))
    assert context.text == "MOST = 5\n\n\n" + CART


def test_a_name_that_a_package_passes_on_is_found_where_it_is_defined(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .core import *\nfrom pkg.errors import Wrong\n",
        "pkg/core.py": "from . import depth\nLEVEL = depth.DEPTH\n",
        "pkg/depth.py": "DEPTH = 3\n",
        "pkg/errors.py": "class Wrong(Exception):\n    pass\n",
        "main.py": "from pkg import LEVEL, Wrong\n\ndef f():\n    raise Wrong(LEVEL)\n",
    }
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    main = str(tmp_path / "main.py")
    context = build_context(
        [frame(main, 4)], (main, 3), SourceLines(), may_read=lambda file: file.startswith(str(tmp_path))
    )
    assert context.text == text("""
        from . import depth
        LEVEL = depth.DEPTH


        DEPTH = 3


        class Wrong(Exception):
            pass


        from pkg import LEVEL, Wrong

        def f():  # << START_OF_TRACE
            raise Wrong(LEVEL)
    """)


def test_modules_that_import_each_other_end() -> None:
    program = Program(
        a="from b import y\nx = y\n\ndef f():\n    return x\n",
        b="from a import x, f\ny = x\n\ndef g():\n    return f(y)\n",
    )
    assert "x = y\n" in program.context("return x", "return f(y)", entry="def g").text


# -- source that can't be parsed


def test_of_a_file_that_does_not_parse_the_lines_that_ran_are_listed_in_order() -> None:
    program = Program(p="def f(x):\n    y = x\n    z = y +\n    return z\n")
    context = program.context("return z", "y = x", "y = x", entry="def f")
    assert context.text == "def f(x):  # << START_OF_TRACE\n    y = x\n    return z\n"
    assert context.places == (("p.py", 1), ("p.py", 2), ("p.py", 4), None)


def test_without_any_source_the_frames_own_lines_are_listed() -> None:
    frames = [frame("<gen>", 7, "    return x\n"), frame("<gen>", 2, "    x = 1\n"), frame("<gen>", 3, "")]
    context = build_context(frames, None, SourceLines())
    assert context.text == "    x = 1\n    return x\n"
    assert context.places == (("<gen>", 2), ("<gen>", 7), None)


# -- the budget


LARGE = (
    """
    from typing import Any

    LIMIT: Any = 3
    TABLE = {
        "one": 1,
        "two": 2,
"""
    + "".join(f'        "key {n}": {n},\n' for n in range(20))
    + """
        "last": 9,
    }


    def often(x: Any):
        '''Says what it does

        in several lines.
        '''

        # and why
        return TABLE[x] + LIMIT


    def seldom():
        return 1


    def last():
        return 2


    def entry():
        '''The beginning.'''
        return often("one") + seldom() + last()
"""
)
RAN = ("return often", "return TABLE", "return TABLE", "return 1", "return 2")


def large(budget: int) -> Context:
    return Program(p=LARGE).context(*RAN, entry="def entry", budget=budget)


def test_within_the_budget_everything_is_shown() -> None:
    whole = large(ENDLESS)
    assert large(len(whole.text)) == whole
    assert "in several lines" in whole.text
    assert '"key 13": 13' in whole.text


def test_documentation_goes_first() -> None:
    context = large(len(large(ENDLESS).text) - 1)
    assert "def often(x: Any):\n    return TABLE[x] + LIMIT\n" in context.text
    assert "from typing import Any" in context.text
    assert "beginning" not in context.text


def test_then_what_only_annotations_mention_and_then_the_bodies_of_long_literals() -> None:
    context = large(600)
    assert "from typing import Any" not in context.text
    assert '"key 13": 13' in context.text
    context = large(500)
    assert context.text == text("""
        LIMIT: Any = 3
        TABLE = {
            "one": 1,
            "two": 2,
            # ...
        }


        def often(x: Any):
            return TABLE[x] + LIMIT


        def seldom():
            return 1


        def last():
            return 2


        def entry():  # << START_OF_TRACE
            return often("one") + seldom() + last()
    """)


def test_then_functions_go_those_that_ran_least_and_last_before_the_others() -> None:
    assert "def last" not in large(230).text
    assert "def seldom" in large(230).text
    assert "def seldom" not in large(200).text
    assert "TABLE = {" in large(200).text


def test_the_entry_stays_whatever_the_budget_and_nothing_else_of_no_use_to_it() -> None:
    assert large(0).text == text("""
        def entry():  # << START_OF_TRACE
            return often("one") + seldom() + last()
    """)


def test_a_smaller_budget_never_shows_more() -> None:
    sizes = [len(large(budget).text) for budget in range(0, 800, 25)]
    assert sizes == sorted(sizes)


def test_an_enumerations_unused_members_give_way() -> None:
    members = "".join(f"    M{n} = {n}\n" for n in range(30))
    program = Program(p=f"import enum\n\nclass E(enum.Enum):\n{members}\ndef f():\n    return E.M7\n")
    assert "M8 = 8" in program.context("return E").text
    assert program.context("return E", budget=100).text == text("""
        import enum

        class E(enum.Enum):
            M7 = 7

        def f():
            return E.M7
    """)


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        ("[\n1,\n2,\n" + "3,\n" * 9 + "4]", "[\n1,\n2,\n# ...\n4]"),
        ("(\n1,\n2,\n" + "(3, 4),\n" * 9 + ")", "(\n1,\n2,\n# ...\n)"),
        ("'''\na\nb\n" + "c\n" * 9 + "'''", "'''\na\nb\n# ...\n'''"),
        ("(\n1\n,\n2\n" + ",\n3\n" * 9 + ")", "(\n1\n,\n# ...\n)"),
        ("(\n" + "'a'\n" * 12 + ")", "(\n'a'\n'a'\n'a'\n# ...\n'a'\n)"),
        ("{'k': [\n1,\n2,\n" + "3,\n" * 9 + "]}", "{'k': [\n1,\n2,\n# ...\n]}"),
    ],
    ids=["list", "tuple", "string", "commas first", "adjacent strings", "nested"],
)
def test_a_long_literal_keeps_its_ends(literal: str, shown: str) -> None:
    program = Program(p=f"X = {literal}\n\ndef f():\n    return X\n")
    assert program.context("return X", entry="def f", budget=1).text.startswith(f"X = {shown}\n\ndef f")


@pytest.mark.parametrize(
    "literal",
    ["[\n" + "g(1),\n" * 12 + "]", "[\n" + "1,\n" * 5 + "]", "[\n1,\n2,\n(\n'a'\n),\n" + "3,\n" * 9 + "]"],
    ids=["computed", "short", "parentheses"],
)
def test_what_is_computed_or_short_or_would_not_parse_is_not_elided(literal: str) -> None:
    program = Program(p=f"X = {literal}\n\ndef f():\n    return X\n")
    assert program.context("return X", entry="def f", budget=1).text.startswith(f"X = {literal}\n\ndef f")


# -- any source


STDLIB = [argparse.__file__, dataclasses.__file__, enum.__file__, json.decoder.__file__, textwrap.__file__]
SNAPSHOT = SourceLines()


@settings(max_examples=40)
@given(
    st.sampled_from(STDLIB),
    st.integers(0, 2**32),
    st.sampled_from([0.001, 0.02, 0.5]),
    st.sampled_from([0, 500, ENDLESS]),
)
def test_of_any_execution_the_context_is_python_with_true_places(
    file: str, seed: int, share: float, budget: int
) -> None:
    choose = random.Random(seed)
    count = len(SNAPSHOT.lines(file))
    frames = [frame(file, line) for line in range(1, count + 1) if choose.random() < share]
    tree = SNAPSHOT.tree(file)
    assert tree is not None
    definitions = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    entry = (file, choose.choice(definitions))
    context = build_context(frames, entry, SNAPSHOT, budget=budget)
    ast.parse(context.text)
    check_places(context, SNAPSHOT)
    assert context.entry is not None
    assert context.places[context.entry] == entry
    assert build_context(frames, entry, SourceLines(), budget=budget) == context


def test_a_module_of_two_thousand_functions_takes_well_under_a_second() -> None:
    source = "".join(f"def f{n}(x):\n    return f{n + 1}(x) + {n}\n" for n in range(2000))
    sources = SourceLines({"p.py": source})
    frames = [frame("p.py", line) for line in range(1, 4001)]
    build_context(frames, ("p.py", 1), sources)  # parses
    begin = time.process_time()
    build_context(frames, ("p.py", 1), sources)
    assert time.process_time() - begin < 2  # some 0.15 s on a quiet machine
