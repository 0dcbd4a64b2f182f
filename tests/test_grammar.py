"""What constrained decoding lets come: never anything but a trace of the source, and always what really happened."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("sentencepiece")

import golden
from cwm_server.grammar import Constraint, Grammars, Guide, NotATraceError, Options
from cwm_tracer import wire
from cwm_tracer.model import Event
from cwm_tracer.wire import START_MARKER, Segment, Special
from tiny_tokenizer import tiny_tokenizer

DEMO = Path(__file__).parent.parent / "fixtures" / "demo"
SOURCE = f"""\
LIMIT = 3

def total(items):
    result = 0
    for item in items:
        result += item
    return result

def main():  # {START_MARKER.removeprefix("# ")}
    return total([n for n in range(LIMIT)])
"""
CALL = [Special.CALL, "{}", Special.ACTION, "def main():\n", Special.FRAME]
LINE = [Special.LINE, "{}", Special.ACTION, "    return total([n for n in range(LIMIT)])\n", Special.FRAME]
INNER = [Special.CALL, '{"items": "[0, 1]"}', Special.ACTION, "def total(items):\n", Special.FRAME]
RESULT = [Special.LINE, '{"items": ".."}', Special.ACTION, "    result = 0\n", Special.FRAME]


@cache
def grammars() -> Grammars:
    tokenizer = tiny_tokenizer()
    return Grammars(tokenizer, tokenizer.vocabulary_size + 3)  # padded, as models' vocabularies are


def ids_of(segments: list[Segment]) -> list[int]:
    return tiny_tokenizer().encode(segments)


def guide_after(*frames: list[Segment], source: str = SOURCE, options: Options = Options()) -> Guide:
    segments = [segment for frame in frames for segment in frame]
    return Constraint(grammars(), options).guide(ids_of(wire.encode_context(source) + segments))


def outside(guide: Guide, segments: list[Segment]) -> list[str]:
    """The texts up to and with each token that should not have come."""
    ids = ids_of(segments)
    return [
        wire.to_text(tiny_tokenizer().decode(ids[: place + 1]))
        for place, token in enumerate(ids)
        if not guide.advance(token)
    ]


def lets(guide: Guide, *segments: Segment) -> bool:
    return not outside(guide, list(segments))


def golden_trace(path: Path) -> tuple[str, list[Segment]]:
    """Its source with the marker, and its text."""
    source = path.with_name(path.stem.partition("-")[0] + ".py").read_text(encoding="utf-8")
    lines = source.split("\n")
    index = next(index for index, line in enumerate(lines) if line.startswith(("def main(", "async def main(")))
    lines[index] += f"  {START_MARKER}"
    text = path.read_text(encoding="utf-8").removesuffix("\n").replace("<|frame_sep|>\n", "<|frame_sep|>")
    return "\n".join(lines), wire.from_text(text)


@pytest.mark.parametrize("path", sorted(golden.FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_golden_traces_lie_inside(path: Path) -> None:
    source, segments = golden_trace(path)
    assert outside(guide_after(source=source), segments) == []


def test_recordings_of_the_demo_project_lie_inside(pytester: pytest.Pytester) -> None:
    shutil.copytree(DEMO, pytester.path, dirs_exist_ok=True)
    pytester.makeconftest(
        """
        import json, pathlib
        from cwm_tracer import wire
        from cwm_tracer.model import Verification

        class Keeper:
            name = "keeper"

            def verify(self, truth):
                text = json.dumps([truth.context.text, truth.context.complete, wire.to_text(wire.encode(truth))])
                with open(OUT, "a") as out:
                    out.write(text + "\\n")
                return Verification((None,) * len(truth.frames))

            def close(self):
                pass

        OUT = pathlib.Path(__file__).parent / "traces.jsonl"

        def pytest_cwm_make_predictor(config):
            return Keeper()
        """
    )
    pytester.runpytest_inprocess("--cwm-all")
    traces = [json.loads(line) for line in (pytester.path / "traces.jsonl").read_text().splitlines()]
    assert len(traces) > 20
    assert sum(text.count("frame_sep") for _, _, text in traces) > 500
    for source, complete, text in traces:
        guide = guide_after(source=source, options=Options(complete))
        assert outside(guide, wire.from_text(text)) == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_chosen_under_the_mask_is_a_trace(seed: int) -> None:
    complete, random = seed % 2 == 0, Random(seed)
    tokenizer, vocabulary = tiny_tokenizer(), grammars().vocabulary
    guide = guide_after(options=Options(complete, frame_tokens=100))
    said: list[int] = []
    for _ in range(250):
        mask = guide.mask()
        assert mask is not None
        choices = [token for token in range(vocabulary.size) if mask[token]]
        assert all(guide.permits(token) for token in random.sample(choices, min(3, len(choices))))
        banned = random.randrange(vocabulary.size)
        assert guide.permits(banned) == bool(mask[banned])
        structural = [token for token in choices if vocabulary.texts[token][:1] in (b"", b'"', b"}")]
        said.append(random.choice(structural if structural and random.random() < 0.4 else choices))
        assert guide.advance(said[-1])
        if said[-1] == vocabulary.ids[Special.END]:
            break
    separator = vocabulary.ids[Special.FRAME]
    whole = max((place + 1 for place, token in enumerate(said) if token == separator), default=0)
    decoded = wire.decode(tokenizer.decode(said[:whole]))
    assert decoded.problems == ()
    assert decoded.frames[:1] == () or decoded.frames[0].event is Event.CALL
    if complete:
        lines = {wire.strip_marker(line + "\n") for line in SOURCE.split("\n")}
        names = {"items", "item", "result", "n", ".0"}
        assert {wire.strip_marker(frame.source) for frame in decoded.frames} <= lines
        assert {name for frame in decoded.frames for name in frame.locals or ()} <= names
    lengths = [len(piece) for piece in _split(said[:whole], separator)]
    assert max(lengths, default=0) <= 150


def spelled(guide: Guide, segments: list[Segment]) -> tuple[int, int, int]:
    """How many tokens of a text were foreseen, how many not, and how many came otherwise; these spell the same."""
    vocabulary = grammars().vocabulary
    right = open_ = otherwise = 0
    for token in ids_of(segments):
        foreseen = guide.foreseen(1)
        if not foreseen:
            open_ += 1
        elif foreseen == [token]:
            right += 1
        else:
            otherwise += 1
            assert vocabulary.texts[foreseen[0]].startswith(vocabulary.texts[token])
        guide.advance(token)
    return right, open_, otherwise


def test_what_must_come_is_foreseen_up_to_the_end_of_a_frame() -> None:
    guide = guide_after(CALL, LINE, INNER)
    begun = [Special.LINE, '{"items": ".."}']
    assert spelled(guide, begun)[0] > 0
    rest = ids_of([Special.ACTION, "    result = 0\n", Special.FRAME])
    assert guide.foreseen(100) == rest
    assert guide.foreseen(3) == rest[:3]
    for token in rest:
        mask = guide.mask()
        assert mask is not None
        assert sum(mask) == mask[token] == 1  # nothing else may come
        assert guide.advance(token)
    assert guide.foreseen(100) == []  # whatever event comes next is the model's choice


def test_in_golden_traces_what_is_foreseen_comes() -> None:
    right = wrong = 0
    for path in sorted(golden.FOLDER.glob("*.txt")):
        source, segments = golden_trace(path)
        found = spelled(guide_after(source=source), segments)
        right, wrong = right + found[0], wrong + found[2]
    assert right > 1000
    assert wrong < 0.1 * right


def test_nothing_is_foreseen_where_anything_may_come() -> None:
    guide = guide_after(CALL, LINE)
    for token in ids_of([Special.CALL, '{"items": "[']):
        guide.advance(token)
    assert guide.foreseen(10) == []  # in a value
    assert guide_after(CALL, LINE, source="x = (", options=Options(complete=False)).foreseen(10) == []


def _split(ids: list[int], separator: int) -> list[list[int]]:
    frames: list[list[int]] = [[]]
    for token in ids:
        frames[-1].append(token)
        if token == separator:
            frames.append([])
    return frames


def test_a_trace_begins_with_the_call_of_the_entry() -> None:
    assert lets(guide_after(), *CALL)
    assert lets(guide_after(), Special.CALL, "{}", Special.ACTION, f"def main():  {START_MARKER}\n", Special.FRAME)
    assert not lets(guide_after(), Special.LINE)
    assert not lets(guide_after(), *INNER)


def test_the_first_call_has_the_parameters_of_the_entry() -> None:
    source = f"def other(s, letter):\n    return s\n\ndef main(c):  {START_MARKER}\n    return other(c, c)\n"
    assert lets(guide_after(source=source), Special.CALL, '{"c": "1"}', Special.ACTION, "def main(c):\n")
    assert not lets(guide_after(source=source), Special.CALL, '{"s')
    assert not lets(guide_after(source=source), Special.CALL, "{}")


def test_a_trace_ends_after_the_return_of_the_entry_and_only_there() -> None:
    back = [Special.RETURN, Special.ACTION, LINE[3], Special.ARGUMENT, '"3"', Special.FRAME]
    assert not lets(guide_after(CALL, LINE), Special.END)
    assert lets(guide_after(CALL, LINE), *back, Special.END)
    for event in (Special.CALL, Special.LINE, Special.RETURN, Special.EXCEPTION):
        assert not lets(guide_after(CALL, LINE, back), event)
    assert not lets(guide_after(CALL, LINE, back, [Special.END]), Special.CALL)


def test_the_entry_of_a_generator_can_be_called_again() -> None:
    source = f"def main():  {START_MARKER}\n    yield 1\n"
    back: list[Segment] = [Special.RETURN, Special.ACTION, "    yield 1\n", Special.ARGUMENT, '"1"', Special.FRAME]
    again: list[Segment] = [Special.CALL, "{}", Special.ACTION, "    yield 1\n", Special.FRAME]
    assert lets(guide_after(CALL, back, source=source), *again)
    assert lets(guide_after(CALL, back, source=source), Special.END)


def test_a_frame_stands_on_a_line_of_its_own_function() -> None:
    guide = guide_after(CALL, LINE, INNER)
    assert outside(guide, [Special.LINE, '{"items": ".."}', Special.ACTION, LINE[3]]) != []
    assert lets(guide_after(CALL, LINE, INNER), *RESULT)
    assert not lets(guide_after(CALL, LINE), Special.CALL, "{}", Special.ACTION, "LIMIT = 3\n")
    assert not lets(guide_after(CALL, LINE), Special.LINE, "{}", Special.ACTION, "    return total\n")
    assert not lets(guide_after(CALL, LINE), Special.LINE, "{}", Special.ACTION, "return total([n for n")


def test_a_call_shows_the_parameters_of_what_it_stands_on() -> None:
    before = (CALL, LINE)
    assert lets(guide_after(*before), Special.CALL, '{"items": "1"}', Special.ACTION, "def total(items):\n")
    assert not lets(guide_after(*before), Special.CALL, '{"items": "1", "')
    assert not lets(guide_after(*before), Special.CALL, '{"items": "1"}', Special.ACTION, "    return total(")
    assert not lets(guide_after(*before), Special.CALL, '{"result')
    assert lets(guide_after(*before), Special.CALL, '{".0": "<range_iterator object>"}', *LINE[2:4])
    assert not lets(guide_after(*before), Special.CALL, '{".0": "1"}', Special.ACTION, "def total")
    assert not lets(guide_after(*before), Special.CALL, "{}", Special.ACTION, "def total")


def test_a_call_of_an_inner_function_may_show_what_it_closes_over() -> None:
    source = (
        f"def main():  {START_MARKER}\n    n = 1\n    def inner(k, *rest):\n        return n\n    return inner(2)\n"
    )
    shown = '{"k": "2", "rest": "()", "n": "1"}'
    assert lets(guide_after(CALL, source=source), Special.CALL, shown, Special.ACTION, "    def inner(k, *rest):\n")
    assert not lets(guide_after(CALL, source=source), Special.CALL, '{"rest"')
    assert not lets(guide_after(CALL, source=source), Special.CALL, '{"k": "2", "n"')


def test_code_that_binds_nothing_has_no_locals() -> None:
    source = f"def main():  {START_MARKER}\n    pass\n"
    assert lets(guide_after(CALL, source=source), Special.LINE, "{}", Special.ACTION, "    pass\n")
    assert not lets(guide_after(CALL, source=source), Special.LINE, '{"')
    mask = guide_after(CALL, [Special.LINE, "{"], source=source).mask()
    assert mask is not None
    assert {grammars().vocabulary.texts[token] for token, allowed in enumerate(mask) if allowed} == {b"}"}


def test_unchanged_stands_only_for_what_the_frame_before_showed() -> None:
    result: list[Segment] = [Special.LINE, '{"items": "..", "result": "0"}', Special.ACTION, "    for item in items:\n"]
    assert lets(guide_after(CALL, LINE, INNER), Special.LINE, '{"items": ".."}')
    assert not lets(guide_after(CALL, LINE, INNER, RESULT), Special.LINE, '{"items": "..", "result": ".."}')
    other = guide_after(CALL, LINE, INNER, RESULT, source=SOURCE.replace("result = 0", "result = int()"))
    assert lets(other, Special.LINE, '{"items": "..", "result": "..."}')
    assert lets(guide_after(CALL, LINE, INNER, RESULT), *result)
    assert not lets(guide_after(CALL, LINE), Special.CALL, '{"items": ".."}')


@pytest.mark.parametrize(
    "text", ['{"items": "\\x"', '{"items": "\t"', '{"items": "é"', '{"items": 1', '{"items":"', "[", " {"]
)
def test_locals_are_json_as_the_recorder_writes_it(text: str) -> None:
    assert not lets(guide_after(CALL, LINE, INNER), Special.LINE, text)


def test_a_class_and_a_method_may_show_what_python_binds_there() -> None:
    source = f"""\
class Base:
    def __init__(self, __secret):
        super().__init__()

def main():  {START_MARKER}
    class Inner(Base):
        kind = 1
    return Inner(2)
"""
    body = ["{", *json.dumps({"__module__": "'m'", "__qualname__": "'main.<locals>.Inner'", "kind": "1"})[1:]]
    called: list[Segment] = [Special.CALL, "{}", Special.ACTION, "    class Inner(Base):\n", Special.FRAME]
    assert lets(guide_after(CALL, called, source=source), Special.LINE, "".join(body))
    method = json.dumps({"self": "<Base object>", "_Base__secret": "2", "__class__": "<class 'm.Base'>"})
    assert lets(guide_after(CALL, source=source), Special.CALL, method)


def test_source_that_was_left_out_leaves_lines_and_names_free() -> None:
    other: list[Segment] = [
        Special.CALL,
        '{"somebody": "1"}',
        Special.ACTION,
        "def elsewhere(somebody):\n",
        Special.FRAME,
    ]
    assert lets(guide_after(CALL, LINE, options=Options(complete=False)), *other)
    assert not lets(guide_after(CALL, LINE), *other)
    long = "\n".join(
        ["def main():  " + START_MARKER, "    table = [", "        1,", "        # ...", "    ]", "    return table"]
    )
    elided: list[Segment] = [Special.LINE, "{}", Special.ACTION, "        somewhere,\n"]
    assert not lets(guide_after(CALL), *elided)
    assert "" not in outside(guide_after(CALL, source=long), [*elided[:3], "        1,\n", Special.FRAME])


def test_a_token_outside_is_counted_once_and_the_next_frame_is_under_the_rules_again() -> None:
    guide = guide_after(CALL, LINE)
    other: list[Segment] = [Special.CALL, '{"nobody": "1"}', Special.ACTION, "def total(items):\n", Special.FRAME]
    assert len(outside(guide, other)) == 1
    assert not guide.permits(ids_of([Special.ACTION])[0])
    assert not lets(guide, Special.LINE, '{"items')
    assert lets(guide_after(CALL, LINE, other), Special.LINE, '{"nobody": ".."}', *RESULT[2:])


def test_a_prompt_that_begins_in_the_middle_ends_when_all_activations_have_returned() -> None:
    inner: list[Segment] = [
        Special.RETURN,
        Special.ACTION,
        "    return result\n",
        Special.ARGUMENT,
        '"3"',
        Special.FRAME,
    ]
    outer: list[Segment] = [Special.RETURN, Special.ACTION, LINE[3], Special.ARGUMENT, '"3"', Special.FRAME]
    assert not lets(guide_after(RESULT, inner, options=Options(depth=2)), Special.END)
    assert lets(guide_after(RESULT, inner, outer, options=Options(depth=2)), Special.END)


def test_what_was_read_is_not_read_again() -> None:
    prompt = ids_of(wire.encode_context(SOURCE) + CALL + LINE)
    constraint = Constraint(grammars(), Options(depth=0, complete=True))
    constraint.guide(prompt)
    rules = grammars().rules(prompt, Options())
    for frame in (INNER, RESULT):
        prompt += ids_of(frame)
        assert constraint.guide(prompt).permits(ids_of([Special.LINE])[0])
    assert rules.guide(prompt, Options())._path.frames[-1][0] == len(prompt)


def test_a_prompt_without_a_context_is_refused() -> None:
    for ids in ([5, 6, 7], ids_of([Special.BEGIN, Special.CONTEXT, "def f(): ..."])):
        with pytest.raises(NotATraceError):
            Constraint(grammars()).guide(ids)


def test_source_that_does_not_parse_still_gives_lines_and_names() -> None:
    source = f"def main():  {START_MARKER}\n    x = (\n  y = 1\n"
    assert lets(guide_after(CALL, source=source), Special.LINE, '{"y": "1"}', Special.ACTION, "    x = (\n")
    assert not lets(guide_after(CALL, source=source), Special.LINE, '{"z')
