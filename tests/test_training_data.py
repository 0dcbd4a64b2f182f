"""The data engine: programs, the sandbox that they run in, and the documents that become of them."""

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import itertools
import json
import random
import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from cwm_server.training import data
from cwm_server.training.parts import STEPS, parts_of
from cwm_server.training.programs import (
    FAMILIES,
    arithmetic,
    asked,
    branches,
    changes,
    decisions,
    drills,
    humaneval,
    idioms,
    mbpp,
    normal,
    oneliners,
    quizzes,
    remakes,
    sums,
    weights,
)
from cwm_server.training.programs.arguments import argument
from cwm_server.training.programs.base import Program, Subject, start
from cwm_server.training.programs.mutation import mutated
from cwm_server.training.programs.templates import filled
from cwm_server.training.programs.words import Names
from cwm_server.training.tracing import Result
from cwm_server.training.workers import run
from cwm_tracer.model import Event, Frame
from cwm_tracer.wire import START, Segment, Special, decode, encode_frame

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="training data is made on the version that CWM was trained on"
)

GENERATED = (
    "arithmetic",
    "branches",
    "changes",
    "comparisons",
    "decisions",
    "drills",
    "grammar",
    "idioms",
    "quizzes",
    "suites",
)
SPECIALS = tuple(Special)


def traced(*programs: Program, wall_seconds: float = 20.0) -> list[Result]:
    return [result for _, result in run(programs, workers=1, wall_seconds=wall_seconds)]


def segments_of(result: Result) -> list[Segment]:
    return [SPECIALS[item] if isinstance(item, int) else item for item in result.segments]


def frames_of(result: Result) -> tuple[Frame, ...]:
    return decode(segments_of(result)[4:]).frames


def drawn(family: str, count: int, seed: int = 3) -> list[Program]:
    return list(itertools.islice(FAMILIES[family](random.Random(seed), Path()), count))


def simple(text: str, entry: str = "main", call: str = "main()") -> Program:
    return Program("handmade", text, entry, call)


# -- programs


@pytest.mark.parametrize("family", GENERATED)
def test_equal_seeds_give_equal_programs(family: str) -> None:
    assert drawn(family, 30) == drawn(family, 30)
    assert drawn(family, 30) != drawn(family, 30, seed=4)


@pytest.mark.parametrize("family", ["branches", "decisions"])
def test_conditions_of_drills_come_out_either_way(family: str) -> None:
    entered: list[bool] = []
    for result in traced(*drawn(family, 60)):
        frames = frames_of(result) if not result.rejected else ()
        for frame, after in itertools.pairwise(frames):
            if frame.event is Event.LINE and frame.source.lstrip().startswith(("if ", "if(")):
                entered.append(after.source.startswith(" " * (len(frame.source) - len(frame.source.lstrip()) + 1)))
    assert len(entered) > 150
    assert 0.3 < sum(entered) / len(entered) < 0.7


def test_quizzes_ask_often_for_elements_too_and_their_conditions_come_out_either_way() -> None:
    asked: list[str] = []
    characters = lookups = 0
    for result in traced(*drawn("quizzes", 60)):
        if not result.rejected:
            characters += result.characters
            for stated in parts_of(segments_of(result)).values():
                ends = [part.end for part in stated if part.kind in STEPS]
                lookups += len(ends) - len(set(ends))  # are asked for their place as well
                asked += [part.value for part in stated if part.kind in STEPS]
    expressions = len(asked) - lookups
    assert characters / expressions < 60  # some thirteen tokens an expression, and what rejected documents leave
    assert lookups > expressions / 4
    conditions = [value == "True" for value in asked if value in ("True", "False")]
    assert len(conditions) > expressions / 4
    assert 0.3 < sum(conditions) / len(conditions) < 0.7


def test_quizzes_of_changes_show_a_new_value_in_most_frames_often_a_list_or_a_text() -> None:
    lines = changed = whole = raised = 0
    for result in traced(*drawn("changes", 80)):
        before: dict[str, str] = {}
        for frame in frames_of(result) if not result.rejected else ():
            raised += frame.event is Event.EXCEPTION
            if frame.event is Event.LINE:
                new = [text for name, text in (frame.locals or {}).items() if before.get(name) != text]
                lines, changed = lines + 1, changed + bool(new)
                whole += any(text.startswith(("[", "'", "(")) for text in new)
                before = dict(frame.locals or {})
    assert lines > 800
    assert changed / lines > 0.75
    assert whole / lines > 0.4
    assert raised < 5


def asked_of(*families: str, count: int = 40) -> list[tuple[Program, Program]]:
    """Programs of these families, and the same with lines that ask."""
    pairs = []
    for number, program in enumerate(program for family in families for program in drawn(family, count)):
        text = asked.asked(random.Random(number), program.text)
        if text != program.text:
            pairs.append((program, replace(program, text=text)))
    return pairs


def test_lines_that_ask_change_nothing_of_what_a_program_gives() -> None:
    pairs = asked_of("idioms", "branches")
    assert len(pairs) > 60
    plain, more = (traced(*programs) for programs in zip(*pairs, strict=True))
    returned = 0
    for (_, program), before, after in zip(pairs, plain, more, strict=True):
        assert "does not compile" not in after.rejected, program.text
        if before.complete and after.complete:
            returned += 1
            assert frames_of(before)[-1].argument == frames_of(after)[-1].argument, program.text
    assert returned > 40


def test_programs_with_lines_that_ask_have_more_to_work_out_in_their_own_names() -> None:
    def density(results: list[Result]) -> float:
        taken = [result for result in results if not result.rejected]
        stated = (part for result in taken for parts in parts_of(segments_of(result)).values() for part in parts)
        return sum(part.kind in STEPS for part in stated) / sum(result.characters for result in taken)

    pairs = asked_of("idioms")
    plain, more = (density(traced(*programs)) for programs in zip(*pairs, strict=True))
    assert more > 1.2 * plain


@pytest.mark.parametrize(
    ("statement", "unsafe"),
    [
        ("if xs and xs[0] > 1:\n        pass", r"(?<!xs and )xs\[0\]"),  # there may be none
        ("if n:\n        pass\n    elif xs[n] > 1:\n        pass", r"xs\["),
        ("ys = [x * 2 for x in xs]", r"x \* 2"),
        ("ys = xs.pop() + n", "pop"),
        ("ys = g(n) + 1", r"g\("),
        ("ys = lambda a: a + n", r"a \+ n"),
    ],
)
def test_a_line_that_asks_works_out_nothing_with_effects_or_that_the_program_might_not(
    statement: str, unsafe: str
) -> None:
    text = f"def f(xs, n):\n    {statement}\n"
    for seed in range(40):
        added = set(asked.asked(random.Random(seed), text).split("\n")) - set(text.split("\n"))
        assert not any(re.search(unsafe, line) for line in added), added


def test_no_program_that_is_kept_out_is_asked_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_out, free = "    if a[b]:\n        return a\n", "    if a in b:\n        return [a]\n"
    bodies = {11: kept_out, 520: free, 700: free, 701: free, 702: kept_out}
    tasks = [(task, f"def f{task}(a, b):\n{body}", f"assert f{task}([], []) is 0") for task, body in bodies.items()]
    monkeypatch.setattr(asked, "SHARES", {"mbpp": 1})
    programs = itertools.islice(FAMILIES["asked"](random.Random(0), write_mbpp(tmp_path, *tasks)), 60)
    assert {program.subject for program in programs} == {"f700", "f701"}


def test_functions_of_one_expression_return_all_kinds_of_values_and_seldom_fail() -> None:
    programs = [oneliners.program(random.Random(seed)) for seed in range(80)]
    assert programs == [oneliners.program(random.Random(seed)) for seed in range(80)]
    ends: list[Event] = []
    returned: list[str] = []
    for result in traced(*programs):
        for frame in frames_of(result) if not result.rejected else ():
            ends += [frame.event] if frame.event in (Event.RETURN, Event.EXCEPTION) else []
            returned += [frame.argument or ""] if frame.event is Event.RETURN else []
    assert ends.count(Event.EXCEPTION) < len(ends) / 50
    for begin in ("[", "(", "{", "'", "1", "True", "False", "None"):
        assert sum(value.startswith(begin) for value in returned) >= 3, begin
    assert len(set(returned)) > 150


def test_sums_come_to_small_numbers_of_many_steps_and_seldom_fail() -> None:
    programs = [sums.program(random.Random(seed)) for seed in range(80)]
    assert programs == [sums.program(random.Random(seed)) for seed in range(80)]
    ends: list[Event] = []
    made: list[str] = []
    for result in traced(*programs):
        for frame in frames_of(result) if not result.rejected else ():
            ends += [frame.event] if frame.event in (Event.RETURN, Event.EXCEPTION) else []
            made += [frame.argument or ""] if frame.event is Event.RETURN else []
    assert ends.count(Event.EXCEPTION) < len(ends) / 50
    assert sum(len(value) <= 4 for value in made) > 0.7 * len(made)  # what can be learned
    assert len({value for value in made if value.isdigit()}) > 60
    assert sum("." in value for value in made) > len(made) / 50


def test_remakes_make_all_kinds_of_values_of_few_functions_and_seldom_fail() -> None:
    programs = [remakes.program(random.Random(seed)) for seed in range(80)]
    assert programs == [remakes.program(random.Random(seed)) for seed in range(80)]
    ends: list[Event] = []
    returned: list[str] = []
    calls: list[int] = []  # of each function
    for result in traced(*programs):
        frames = frames_of(result) if not result.rejected else []
        ends += [frame.event for frame in frames if frame.event in (Event.RETURN, Event.EXCEPTION)]
        returned += [frame.argument or "" for frame in frames if frame.event is Event.RETURN]
        called = [frame.source for frame in frames if frame.event is Event.CALL and frame.source.startswith("def ")]
        calls += collections.Counter(called[1:]).values()
    assert ends.count(Event.EXCEPTION) < len(ends) / 50
    for begin in ("[", "(", "{", "'", "1", "True", "False"):
        assert sum(value.startswith(begin) for value in returned) >= 3, begin
    assert statistics.mean(calls) > 2  # what is learned is not the text of a program


def test_what_keeps_results_has_few_names() -> None:
    kept = set[str]()
    for seed in range(40):
        program = sums.program(random.Random(seed)) if seed % 2 else remakes.program(random.Random(seed))
        main = next(
            each for each in ast.parse(program.text).body if getattr(each, "name", "") in (program.entry, "main")
        )
        if program.entry == "main" and program.source in ("sums", "remakes"):
            names = {
                node.id for node in ast.walk(main) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            assert len(names) <= oneliners.MOST_TARGETS
            kept |= names
    assert len(kept) > 9


def test_no_sum_is_a_function_that_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = write_mbpp(tmp_path, (11, "def f11(a):\n    return a + a\n", "assert f11(0) is 0"))
    for each in ("ONE", "TWO", "MORE"):
        monkeypatch.setattr(sums, each, ("{a} + {a}", "{a} * 2"))
    monkeypatch.setattr(sums, "quiz", lambda rng, kind: Program("quizzes", "def f():\n    pass\n", "f", "f()"))
    programs = itertools.islice(FAMILIES["sums"](random.Random(0), shared), 60)
    texts = [program.text for program in programs]
    assert not any(re.search(r"def \w+\((\w+)\):\n    return \(?\1 ?\+ ?\1\b", text) for text in texts)
    assert any(re.search(r"def \w+\((\w+)\):\n    return \1 \* 2\b", text) for text in texts)


def test_no_remake_is_a_function_that_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = write_mbpp(tmp_path, (11, "def f11(a):\n    return a[::-1]\n", "assert f11([]) is 0"))
    monkeypatch.setattr(remakes, "KINDS", ((("{v}[::-1]", "{v} * 2"), "v", lambda rng: [f"[{rng.randrange(9)}, 2]"]),))
    monkeypatch.setattr(remakes, "WEIGHTS", (1,))
    monkeypatch.setattr(remakes, "LOOPED", (1,))
    monkeypatch.setattr(remakes, "quiz", lambda rng, kind: Program("quizzes", "def f():\n    pass\n", "f", "f()"))
    programs = itertools.islice(FAMILIES["remakes"](random.Random(0), shared), 60)
    lines = [line.split() for program in programs for line in program.text.splitlines()]
    assert any(line[:1] == ["return"] and line[-1] == "2" for line in lines)
    assert not any(line[:1] == ["return"] and line[-1].endswith("[::-1]") for line in lines)


def test_no_function_of_one_expression_is_one_that_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = write_mbpp(tmp_path, (11, "def f11(a):\n    return a[::-1]\n", "assert f11([]) is 0"))
    templates = ("{u}[::-1]", "{u} * 2")
    monkeypatch.setattr(oneliners, "KINDS", ((templates, "u", lambda rng: [f"({rng.randrange(9)}, 2)"]),))
    monkeypatch.setattr(oneliners, "WEIGHTS", (1,))
    monkeypatch.setattr(oneliners, "_lines", lambda rng, names: (["kept = 1"], [], []))
    programs = itertools.islice(FAMILIES["oneliners"](random.Random(0), shared), 60)
    lines = [line.split() for program in programs for line in program.text.splitlines() if line.endswith("[::-1]")]
    assert lines
    assert not any(line[0] == "return" for line in lines)  # a variable between makes it another


@pytest.mark.parametrize("family", GENERATED)
def test_generated_programs_run_and_their_documents_round_trip(family: str) -> None:
    results = traced(*drawn(family, 60))
    taken = [result for result in results if not result.rejected]
    allowed = {"too long", "long values", "ran too long", "the value is long"}
    assert {result.rejected for result in results} - {""} <= allowed
    assert len(taken) >= 45
    for result in taken:
        segments = segments_of(result)
        assert segments[:2] == [Special.BEGIN, Special.CONTEXT]
        assert isinstance(segments[2], str)
        assert segments[2].count("# << START_OF_TRACE") == 1
        assert segments[3] is Special.FRAME
        decoded = decode(segments[4:])
        assert decoded.problems == ()
        assert decoded.ended == result.complete
        assert len(decoded.frames) == result.frames
        again: list[Segment] = []
        cursor = START
        for frame in decoded.frames:
            again += encode_frame(frame, cursor)
            cursor = cursor.after(frame)
        assert [*again, *([Special.END] if decoded.ended else [])] == segments[4:]


@pytest.mark.parametrize("length", [20, 80])
def test_programs_with_long_lists_and_dicts_are_recorded(length: int) -> None:
    text = (
        f"def main():\n    values = [1] * {length}\n    kept = dict.fromkeys(range(20), 0)\n"
        "    values[3] = 7\n    kept[3] = 7\n    return values[3] + kept[3]\n"
    )
    (result,) = traced(simple(text, "main", "main()"))
    assert (result.rejected, result.complete) == ("", True)


def test_results_do_not_depend_on_what_ran_before() -> None:
    programs = drawn("suites", 12)
    assert traced(*programs) == list(reversed(traced(*reversed(programs))))


def test_an_assertion_is_filled_with_what_the_run_gives() -> None:
    text = "def f(n):\n    return n * 2\n\n\ndef test_f():\n    assert f(4) == __RESULT_0__\n"
    (result,) = traced(simple(text, "test_f", "test_f()"))
    frames = frames_of(result)
    assert "    assert f(4) == 8\n" in {frame.source for frame in frames}
    assert all(frame.event is not Event.EXCEPTION for frame in frames)


def test_a_wrong_assertion_fails_as_under_pytest() -> None:
    text = "def f(n):\n    return n * 2\n\n\ndef test_f():\n    assert f(4) == __WRONG_0__\n"
    (result,) = traced(Program("handmade", text, "test_f", "test_f()", rewritten=True))
    (raised,) = [frame for frame in frames_of(result) if frame.event is Event.EXCEPTION]
    assert raised.argument is not None
    assert raised.argument.startswith("(<class 'AssertionError'>, AssertionError('assert 8 == ")


def test_the_entry_may_take_a_fixture() -> None:
    text = "import pytest\n\n\n@pytest.fixture\ndef box():\n    return [1, 2]\n\n\n"
    text += "def test_box(box):\n    assert len(box) == 2\n"
    (result,) = traced(simple(text, "test_box", "test_box(fixture_value(box))"))
    assert frames_of(result)[0].locals == {"box": "[1, 2]"}


def frames_in(call: str, text: str) -> int:
    """How many events a trace of the call has; fails where it has too many, raises what the call raises."""
    module: dict[str, object] = {"__name__": "idiom"}
    exec(compile(text, "<idiom>", "exec"), module)
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += frame.f_code.co_filename == "<idiom>"
        assert count < 1500, f"{call} does not end:\n{text}"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        eval(call, module)
    finally:
        sys.settrace(before)
    return count


def test_every_idiom_returns_for_some_arguments_and_makes_a_trace() -> None:
    for number, (kinds, template) in enumerate(idioms.IDIOMS):
        frames: list[int] = []
        for seed in range(8):
            rng = random.Random(f"{number}:{seed}")
            text, names = filled(rng, template.strip("\n"))
            arguments = ", ".join(argument(rng, kind.strip()) for kind in kinds.split("; ") if kind.strip())
            with contextlib.suppress(ValueError, LookupError, ArithmeticError, RuntimeError):
                frames.append(frames_in(f"{names['f']}({arguments})", text))
        assert len(frames) >= 2, template
        assert max(frames) >= 3, template


def test_idioms_are_many_and_differ() -> None:
    shapes = {normal.fingerprint(ast.parse(filled(random.Random(0), body.strip("\n"))[0])) for _, body in idioms.IDIOMS}
    assert len(shapes) == len(idioms.IDIOMS) > 420


def test_arguments_are_of_their_kind_and_vary() -> None:
    def drawn_values(kind: str) -> list[Any]:
        return [ast.literal_eval(argument(random.Random(seed), kind)) for seed in range(60)]

    assert {x for xs in drawn_values("ints -2 3") for x in xs} == set(range(-2, 4))
    assert {len(xs) for xs in drawn_values("ints 0 9 4")} == {1, 2, 3, 4}
    assert all(len(xs) == len(xs[0]) for xs in drawn_values("square 0 9"))
    assert all(len({len(row) for row in rows}) == 1 for kind in ("grid 0 1", "rows .#") for rows in drawn_values(kind))
    assert [] in drawn_values("some a b")
    assert all(set(text.split()) <= {"a", "b"} for text in drawn_values("phrase a b"))
    assert all(xs == sorted(xs) for kind in ("sorted ints 0 9", "sorted list[int]") for xs in drawn_values(kind))


def unbound(text: str) -> set[str]:
    """Names that nothing binds (an augmented assignment does not), but those of results that are not known yet."""
    nodes = list(ast.walk(ast.parse(text)))
    names = [node for node in nodes if isinstance(node, ast.Name) and not node.id.startswith(("__RESULT_", "__WRONG_"))]
    updated = {id(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store) and id(node) not in updated}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.alias))}
    return {node.id for node in names} - bound - {*dir(builtins), "pytest"}


@pytest.mark.parametrize("drill", [arithmetic, branches, changes, decisions, drills, oneliners, quizzes])
def test_drills_compile_and_bind_every_name_that_they_use(drill: ModuleType) -> None:
    for seed in range(300):
        text = drill.program(random.Random(seed)).text
        assert not unbound(text), text


def test_a_loop_of_arithmetic_updates_names_as_they_are() -> None:
    for seed in range(1000):
        rng = random.Random(seed)
        lines = arithmetic._loop(rng, Names(rng, "random"), ["first", "second"])
        text = "def f(first, second):\n" + "".join(f"    {line}\n" for line in lines)
        assert not unbound(text), text


def test_a_loop_over_indices_leaves_other_names_that_contain_the_element_s_alone() -> None:
    indexed = 0
    for seed in range(400):
        rng = random.Random(seed)
        names = Names(rng, "short")
        lines = drills._looped(rng, names, "list[int]", "items", [1, 2])
        stored = lines[0].partition(" ")[0]
        indexed += "range(len(items))" in lines[1]
        assert lines[-1] == f"return {stored}"
        assert any(re.search(rf"\b{stored}\b", line) for line in lines[2:-1]), lines
    assert indexed > 20


def test_a_program_that_does_not_compile_is_counted_and_the_mixture_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(rng: random.Random, shared: Path) -> Iterator[Program]:
        while True:
            yield start(rng, Subject("drills", "def f(n):\n    n[0]n += 1\n    return n\n", "f", "3"))

    monkeypatch.setitem(FAMILIES, "drills", broken)
    programs = list(itertools.islice(data.mixture(1, tmp_path, {"drills": 1, "idioms": 1}), 40))
    corpus = data.Corpus(tmp_path / "out", frozenset())
    for program, result in run(programs, workers=1, wall_seconds=60.0):
        corpus.add(program, result)
    assert corpus.rejected["drills"] == {"does not compile: SyntaxError": corpus.counts["drills: programs"]}
    assert corpus.counts["idioms: documents"] > 8


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="training data is made on 3.11, whose tokenizer keeps f-strings whole"
)
def test_a_mutation_still_parses_and_keeps_its_functions() -> None:
    text = "def f(items, n=3):\n    out = []\n    for item in items:\n        if item > n:\n"
    text += "            out.append(f'{item}!')\n    return out\n"
    seen = {mutated(random.Random(seed), text, rename=1, change=1) for seed in range(40)}
    assert len(seen) > 20
    for other in seen:
        (node,) = ast.parse(other).body
        assert isinstance(node, ast.FunctionDef)
        assert node.name == "f"
        assert "{item}" in other  # names in f-strings stay


# -- the sandbox


def test_a_program_that_loops_is_given_up() -> None:
    loops = simple("def main():\n    while True:\n        pass\n")
    fine = simple("def main():\n    x = 1\n    return x\n")
    first, second = traced(loops, fine)
    assert first.rejected in ("", "too long", "ran too long")  # a prefix of its trace may be kept
    assert not first.complete
    assert second.complete


def test_a_program_that_hangs_in_c_code_is_killed_and_the_next_one_runs() -> None:
    hangs = simple("def main():\n    return sum(range(10 ** 13))\n")
    fine = simple("def main():\n    x = 1\n    return x\n")
    first, second = traced(hangs, fine, wall_seconds=4.0)
    assert first.rejected in ("hung", "ran too long")
    assert second.complete


@pytest.mark.parametrize(
    "body",
    [
        "os.remove({path!r})",
        "shutil.rmtree({folder!r})",
        "open({path!r}, 'w').close()",
        "os.rename({path!r}, {path!r} + '.old')",
        "subprocess.run(['rm', {path!r}])",
        "os.system('rm ' + {path!r})",
        "pathlib.Path({path!r}).unlink()",
        "pathlib.Path({path!r}).write_text('')",
    ],
)
def test_a_program_cannot_change_files(tmp_path: Path, body: str) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    body = body.format(path=str(precious), folder=str(tmp_path))
    (result,) = traced(simple(f"import os, pathlib, shutil, subprocess\n\n\ndef main():\n    {body}\n    return 1\n"))
    assert precious.read_text() == "keep me"
    assert result.rejected or any(frame.event is Event.EXCEPTION for frame in frames_of(result))


@pytest.mark.parametrize(
    "body", ["sys.exit(3)", "os._exit(3)", "os.abort()", "raise KeyboardInterrupt", "os.kill(os.getpid(), 9)"]
)
def test_a_program_that_exits_does_not_end_the_run(body: str) -> None:
    exits = simple(f"import os, sys\n\n\ndef main():\n    {body}\n    return 1\n")
    fine = simple("def main():\n    x = 1\n    return x\n")
    _, second = traced(exits, fine)
    assert second.complete


def test_a_program_that_needs_too_much_memory_is_given_up() -> None:
    greedy = simple("def main():\n    x = [0] * (1 << 40)\n    return len(x)\n")
    fine = simple("def main():\n    x = 1\n    return x\n")
    first, second = traced(greedy, fine)
    assert not first.rejected or "Memory" in first.rejected or first.rejected == "killed its worker"
    assert second.complete


def test_output_is_discarded_and_input_is_at_its_end() -> None:
    text = "def main():\n    print('x' * 10000)\n    try:\n        y = input()\n"
    text += "    except EOFError:\n        y = 'none'\n    return y\n"
    (result,) = traced(simple(text))
    assert frames_of(result)[-1].argument == "'none'"


# -- data sets


def write_mbpp(folder: Path, *tasks: tuple[int, str, str]) -> Path:
    lines = [
        json.dumps(
            {"task_id": number, "code": code, "test_list": [test], "challenge_test_list": [], "test_setup_code": ""}
        )
        for number, code, test in tasks
    ]
    (folder / mbpp.FILE).write_text("\n".join(lines) + "\n")
    return folder


FIVE = "def five(a):\r\n    b = a + 5\r\n    return b"
SIX = "def six(a):\r\n    b = a + 6\r\n    return b"


def test_only_mbpps_train_and_validation_splits_give_programs(tmp_path: Path) -> None:
    numbers = (1, 10, 11, 510, 511, 600, 601, 974)
    shared = write_mbpp(
        tmp_path, *((n, f"def f{n}(a):\n    return a + {n}", f"assert f{n}(1) == {n + 1}") for n in numbers)
    )
    programs = list(mbpp.programs(random.Random(0), shared))
    assert {program.subject for program in programs if program.heldout} == {"f511", "f600"}
    assert {program.subject for program in programs if not program.heldout} == {"f601", "f974"}


def test_a_function_of_an_evaluation_set_is_dropped_under_any_name(tmp_path: Path) -> None:
    shared = write_mbpp(tmp_path, (11, FIVE, "assert five(1) == 6"), (700, SIX, "assert six(1) == 7"))
    copied = simple(
        "def other(number: int) -> int:\n    '''Doc.'''\n    total = number + 5  # add\n    return total\n",
        "other",
        "other(2)",
    )
    own = simple("def other(number):\n    total = number + 6\n    return total\n", "other", "other(2)")
    corpus = data.Corpus(tmp_path / "out", mbpp.test_fingerprints(shared))
    for program, result in zip((copied, own), traced(copied, own), strict=True):
        corpus.add(program, result)
    assert corpus.documents == 1
    assert corpus.rejected["handmade"] == {"in an evaluation set": 1}


def test_a_program_up_to_names_is_taken_once(tmp_path: Path) -> None:
    first = simple("def f(a):\n    b = a + 1\n    return b\n", "f", "f(2)")
    renamed = simple("def g(x):\n    y = x + 1\n    return y\n", "g", "g(2)")
    other_input = simple("def f(a):\n    b = a + 1\n    return b\n", "f", "f(3)")
    corpus = data.Corpus(tmp_path / "out", frozenset())
    for program, result in zip((first, renamed, other_input), traced(first, renamed, other_input), strict=True):
        corpus.add(program, result)
    assert corpus.documents == 2
    assert corpus.rejected["handmade"] == {"duplicate": 1}


def test_a_fingerprint_sees_constants_and_no_names() -> None:
    five, six = (normal.functions(code.replace("\r\n", "\n")) for code in (FIVE, SIX))
    renamed = normal.functions("def f(x: int = 3) -> int:\n    '''Doc.'''\n    y: int = x + 5\n    return y\n")
    plain = normal.functions("def f(x=3):\n    y = x + 5\n    return y\n")
    assert five["five"] != six["six"]
    assert renamed == plain


def test_sampled_solutions_are_cut_after_the_function_and_held_out_by_task(tmp_path: Path) -> None:
    import gzip

    def task(number: int) -> dict[str, str]:
        return {
            "task_id": f"HumanEval/{number}",
            "prompt": f'def add{number}(x):\n    """ Add. """\n',
            "entry_point": f"add{number}",
            "canonical_solution": f"    return x + {number}\n",
            "test": f"    assert candidate(1) == {number + 1}\n    assert candidate(5) == {number + 5}\n",
        }

    tasks = [task(number) for number in range(9)]
    (tmp_path / humaneval.TASKS).write_text("".join(json.dumps(item) + "\n" for item in tasks))
    samples = [
        {"prompt": item["prompt"], "samples": ["    y = x + 1\n    return y\n\nprint('after')\n", "    return (\n"]}
        for item in tasks
    ]
    for name in (humaneval.SOLUTIONS, humaneval.ASSERTIONS):
        content = samples if name == humaneval.SOLUTIONS else [{**item, "samples": []} for item in samples]
        with gzip.open(tmp_path / name, "wt") as file:
            file.writelines(json.dumps(item) + "\n" for item in content)
    programs = list(humaneval.programs(random.Random(0), tmp_path))
    assert len(programs) == 9 * 2 * 2
    assert {program.subject for program in programs if program.heldout} == {"add7"}
    assert not any("after" in program.text for program in programs)


# -- the command


def test_the_command_writes_shards_and_counts(tmp_path: Path) -> None:
    shared = write_mbpp(tmp_path, (11, FIVE, "assert five(1) == 6"))
    arguments = [
        "--shared",
        str(shared),
        "--documents",
        "25",
        "--workers",
        "1",
        "--seed",
        "5",
        "--mix",
        "drills=2,idioms=1,grammar=3,quizzes=0",
    ]
    for name in ("a", "b"):
        assert data.main([*arguments, "--out", str(tmp_path / name)]) == 0
    lines = (tmp_path / "a" / "shard-0000.jsonl").read_text().splitlines()
    documents = [json.loads(line) for line in lines]
    assert len(documents) == 25
    assert len({document["id"] for document in documents}) == 25
    assert {document["split"] for document in documents} <= {"train", "heldout"}
    assert {document["source"] for document in documents} == {"drills", "idioms", "grammar"}
    assert json.loads((tmp_path / "a" / "corpus.json").read_text())["documents"] == 25
    assert lines == (tmp_path / "b" / "shard-0000.jsonl").read_text().splitlines()


def test_the_command_refuses_a_full_directory_and_an_unknown_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = write_mbpp(tmp_path, (11, FIVE, "assert five(1) == 6"))
    with pytest.raises(SystemExit):
        data.main(["--out", str(tmp_path), "--shared", str(shared), "--documents", "1"])
    assert "is not empty" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        data.main(["--out", str(tmp_path / "new"), "--shared", str(shared), "--documents", "1", "--mix", "poems=1"])
    assert "no source is called 'poems'" in capsys.readouterr().err


def test_a_mixture_has_the_sources_that_it_names_and_by_default_all() -> None:
    assert weights("mbpp=2,drills=0.5") == {"mbpp": 2.0, "drills": 0.5}
    assert weights("").keys() == FAMILIES.keys()


@pytest.mark.parametrize(
    ("mixture", "said"),
    [
        ("poems=1", "no source is called 'poems'"),
        ("mbpp", "'mbpp' gives no weight; write mbpp=2"),
        ("mbpp=many", "'mbpp=many' gives no weight"),
        ("mbpp=-1,drills=1", "numbers from 0 on"),
        ("mbpp=nan", "numbers from 0 on"),
        ("mbpp=inf", "numbers from 0 on"),
        ("mbpp=0,drills=0", "not all 0"),
    ],
)
def test_a_mixture_that_is_none_is_refused_by_what_is_wrong(mixture: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weights(mixture)
