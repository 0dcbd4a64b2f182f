"""Cassette files and the library of them: keys, what is found, what is missing and why, what is kept and dropped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import call, line, returned, rolled_out, trace, verified
from cwm_tracer.model import Choice, Problem, ProblemKind, Trace
from pytest_cwm.cassettes import answers, files
from pytest_cwm.cassettes.entry import Asked, Entry, Known, prompt_of
from pytest_cwm.cassettes.files import CassetteError
from pytest_cwm.cassettes.library import Library, Miss
from pytest_cwm.files import path_of
from pytest_cwm.predictors.identity import Identity
from pytest_cwm.report.digest import Digests
from report_strategies import TRACES, made_tests

MODEL = Identity("cwm", "a" * 64, "b" * 64, 1, {"constrained": True})
GREEDY = {"temperature": 0.0, "top_p": 1.0}


def asked(source: str = "s", execution: str = "e", **fields: Any) -> Asked:
    return replace(Asked("verify", Digests(source, execution), GREEDY, python="3.11"), **fields)


def entry(source: str = "s", execution: str = "e", model: Identity = MODEL, **fields: Any) -> Entry:
    prompt = prompt_of([*source.encode(), 0, *execution.encode()])
    return Entry(asked(source, execution, **fields), model, prompt, {"said": "x"})


def library(folder: Path, **known: Any) -> Library:
    return Library(folder, Known(**known))


def test_everything_that_decides_an_answer_is_in_its_key() -> None:
    others = [
        entry(model=replace(MODEL, model="other")),
        entry(model=replace(MODEL, weights=None)),
        entry(model=replace(MODEL, tokenizer="c" * 64)),
        entry(model=replace(MODEL, template=2)),
        entry(model=replace(MODEL, decoding={"constrained": False})),
        entry(decoding={"temperature": 0.5, "top_p": 1.0}),
        entry(seed=1),
        entry(sample=1),
        entry(question="next_frame"),
        replace(entry(), prompt=prompt_of([1, 2])),
    ]
    keys = {each.key for each in [entry(), *others]}
    assert len(keys) == len(others) + 1
    assert all(len(key) == 64 for key in keys)


def test_a_key_is_the_same_on_every_machine() -> None:
    text = (
        '{"decoding":{"model":{"constrained":true},"question":{"temperature":0.0,"top_p":1.0}},"model":"cwm",'
        f'"prompt":{{"sha256":"{hashlib.sha256(b"[115,0,101]").hexdigest()}","tokens":3}},"question":"verify",'
        f'"sample":0,"schema":1,"seed":null,"template":1,"tokenizer":"{"b" * 64}","weights":"{"a" * 64}"}}'
    )
    assert entry().key == hashlib.sha256(text.encode()).hexdigest()


def test_an_answer_is_found_by_what_was_asked(tmp_path: Path) -> None:
    library(tmp_path).add("t.py::test_a", entry())
    assert library(tmp_path).find("t.py::test_a", asked()) == entry()
    assert library(tmp_path, model="cwm", weights="a" * 64).find("t.py::test_a", asked()) == entry()


def test_a_renamed_test_keeps_its_answers(tmp_path: Path) -> None:
    library(tmp_path).add("t.py::test_a", entry())
    assert library(tmp_path).find("other.py::test_b", asked()) == entry()


@pytest.mark.parametrize(
    ("wanted", "known", "reason"),
    [
        (asked("other"), {}, "the source that runs is not what was recorded"),
        (asked("s", "other"), {}, "the source is what was recorded, the values or the path through it are not"),
        (asked(), {"model": "new"}, "the model differs (recorded cwm, asked for new)"),
        (asked(), {"weights": "c" * 64}, "the weights differ (recorded aaaaaaaaaaaa, asked for cccccccccccc)"),
        (asked(), {"installed": lambda name: ("c" * 64 if name == "cwm" else None, None)}, "the weights differ ("),
        (asked(), {"tokenizer": "c" * 64}, "the tokenizer differs"),
        (asked(), {"template": 2}, "the template differs (recorded 1, asked for 2)"),
        (asked(), {"decoding": {"constrained": False}}, "the decoding setting constrained differs"),
        (asked(seed=3), {}, "the seed differs (recorded None, asked for 3)"),
        (
            asked(decoding={**GREEDY, "top_p": 0.5}),
            {},
            "the decoding setting top_p differs (recorded 1.0, asked for 0.5)",
        ),
        (asked(question="roll_out"), {}, "nothing is recorded for this test and this question"),
    ],
)
def test_a_miss_says_what_the_nearest_answer_differs_in(
    tmp_path: Path, wanted: Asked, known: dict[str, Any], reason: str
) -> None:
    library(tmp_path).add("t.py::test_a", entry())
    library(tmp_path).add("t.py::test_a", entry("far", seed=8, sample=2, model=replace(MODEL, model="far", template=3)))
    found = library(tmp_path, **known).find("t.py::test_a", wanted)
    assert isinstance(found, Miss)
    assert found.reason.startswith(reason)


def test_nothing_recorded_is_said_so(tmp_path: Path) -> None:
    assert library(tmp_path / "none").find("t.py::test_a", asked()) == Miss("nothing is recorded for this test")


def test_of_two_models_one_must_be_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        library(tmp_path).add("t.py::test_a", entry(model=replace(MODEL, model=name)))
    found = library(tmp_path).find("t.py::test_a", asked())
    assert found == Miss("2 models are recorded (one, two): name one with --cwm-model")
    assert isinstance(library(tmp_path, model="two").find("t.py::test_a", asked()), Entry)


def test_new_weights_take_the_place_of_old_ones_and_nothing_else(tmp_path: Path) -> None:
    new = entry(model=replace(MODEL, weights="c" * 64))
    kept = [
        entry(seed=1),
        entry(execution="other"),
        entry(python="3.12"),
        entry(model=replace(MODEL, decoding={"constrained": False})),
        entry(model=replace(MODEL, model="other")),
    ]
    for each in [entry(), *kept, new]:
        library(tmp_path).add("t.py::test_a", each)
    cassette = files.read(path_of(tmp_path, "t.py::test_a"))
    assert cassette is not None
    assert {each.key for each in cassette.entries} == {each.key for each in [*kept, new]}


def test_a_complete_run_drops_what_it_did_not_ask_for(tmp_path: Path) -> None:
    first = library(tmp_path)
    for nodeid, each in [
        ("t.py::test_gone", entry("gone")),
        ("t.py::test_a", entry("stale")),
        ("t.py::test_a", entry("newer", python="3.12")),
        ("t.py::test_a", entry("stale", model=replace(MODEL, model="other"))),
        ("t.py::test_a", entry()),
        ("t.py::test_skipped", entry("skipped")),
        ("t.py::test_failed", entry("failed")),
    ]:
        first.add(nodeid, each)
    second = library(tmp_path)
    assert isinstance(second.find("t.py::test_a", asked()), (Entry, Miss))
    second.add("t.py::test_a", entry())
    second.failed("t.py::test_failed")
    collected = [f"t.py::test_{name}" for name in ("a", "skipped", "failed")]
    assert second.prune(collected) == 2
    left = {path.stem: files.read(path) for path in tmp_path.rglob("*.json")}
    assert sorted(left) == ["test_a", "test_failed", "test_skipped"]
    assert left["test_a"] is not None
    assert len(left["test_a"].entries) == 3


def test_pruning_leaves_a_damaged_cassette_alone(tmp_path: Path) -> None:
    path = path_of(tmp_path, "t.py::test_gone")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert library(tmp_path).prune([]) == 0
    assert path.read_text() == "{"


def written(folder: Path) -> Path:
    library(folder).add("t.py::test_a", entry())
    return path_of(folder, "t.py::test_a")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda text: text[: len(text) // 2], "not JSON"),
        (lambda text: "", "not JSON"),
        (lambda text: "<<<<<<< HEAD\n" + text, "not JSON"),
        (lambda text: "[]", "no cassette of pytest-cwm"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "newer pytest-cwm (version 2, this one reads 1)"),
        (lambda text: text.replace('"test": ', '"toast": '), "a part of it is missing"),
        (lambda text: text.replace('"seed": null,', ""), "a part is missing or of the wrong kind: 'seed'"),
        (lambda text: text.replace('"seed": null', '"seed": 4'), "is not that of its parts"),
        (lambda text: text.replace('"question": "verify"', '"question": "guess"'), "its question is 'guess'"),
        (lambda text: "[" * 100_000, "damaged"),
        (lambda text: text.replace("said", "\udcff"), "damaged"),
    ],
)
def test_a_damaged_cassette_is_an_error_that_names_it_and_no_miss(tmp_path: Path, damage: Any, why: str) -> None:
    path = written(tmp_path)
    before = path.read_text(encoding="utf-8")
    path.write_text(damage(before), encoding="utf-8", errors="surrogateescape")
    broken = path.read_bytes()
    for attempt in (lambda: library(tmp_path).find("t.py::test_a", asked()), lambda: written(tmp_path)):
        with pytest.raises(CassetteError) as error:
            attempt()
        assert str(path) in str(error.value)
        assert why in str(error.value)
        assert "\n" not in str(error.value)
    assert path.read_bytes() == broken


def test_another_tests_damaged_cassette_is_not_this_ones_error(tmp_path: Path) -> None:
    written(tmp_path).write_text("{")
    assert isinstance(library(tmp_path).find("t.py::test_b", asked()), Miss)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CassetteError, match=r"test_a\.json can't be written: No space left on device"):
        library(tmp_path).add("t.py::test_a", entry("new"))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_place_that_is_no_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CassetteError, match="can't be written"):
        library(tmp_path / "file").add("t.py::test_a", entry())
    assert isinstance(library(tmp_path / "file").find("t.py::test_a", asked()), Miss)


_WRITER = """
import sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from test_cassettes import entry, library
for number in range(12):
    library(Path(sys.argv[1])).add("t.py::test_a", entry(sys.argv[2], str(number)))
"""


def test_processes_that_write_one_cassette_lose_nothing_of_each_other(tmp_path: Path) -> None:
    script = [sys.executable, "-c", _WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*script, name, *sys.path]) for name in ("one", "two")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    cassette = files.read(path_of(tmp_path, "t.py::test_a"))
    assert cassette is not None
    assert len(cassette.entries) == 24


@pytest.mark.parametrize(
    ("nodeid", "path"),
    [
        ("tests/test_cart.py::test_total", "tests/test_cart/test_total.json"),
        ("tests/test_cart.py::TestCart::test_total", "tests/test_cart/TestCart.test_total-a7354a53.json"),
        ("test_x.py::test_y[1-a/b]", "test_x/test_y-1-a-b-"),
        ("test_x.py::test_y[../../../etc/passwd]", "test_x/test_y-..-..-..-etc-passwd-"),
        ("../up.py::test_y", "-"),
        ("test_x.py::test_" + "y" * 300, "test_x/test_yyy"),
        ("test_x.py", "test_x/module.json"),
    ],
)
def test_each_test_has_a_file_of_its_own_below_the_directory(nodeid: str, path: str) -> None:
    found = path_of(Path("/cassettes"), nodeid)
    assert found.is_relative_to("/cassettes")
    assert ".." not in found.parts
    assert str(found.relative_to("/cassettes")).startswith(path) or path == "-"
    assert len(found.name) < 110


def test_names_that_a_file_system_may_take_for_one_have_two_files() -> None:
    names = [
        path_of(Path(), f"t.py::{name}").name.lower() for name in ("test_a", "test_A", "Test.a", "test.A", "test[a]")
    ]
    assert len(set(names)) == len(names)


def test_a_cassette_is_text_that_a_diff_can_tell_apart(tmp_path: Path) -> None:
    truth = trace(call("def f(x):", x=1), line("    y = x", x=1), returned("    y = x", 1))
    said = verified(truth, {1: line("    z = x", x=1)})
    made = Entry(asked(), MODEL, prompt_of([1, 2]), answers.answer_to_json(said, truth))
    library(tmp_path).add("t.py::test_a", made)
    first = path_of(tmp_path, "t.py::test_a").read_text()
    assert first == (Path(__file__).parent / "gold" / "cassette.json").read_text()
    library(tmp_path).add("t.py::test_a", made)
    assert path_of(tmp_path, "t.py::test_a").read_text() == first


def test_the_recorded_format_is_read_for_good() -> None:
    cassette = files.read(Path(__file__).parent / "gold" / "cassette.json")
    truth = trace(call("def f(x):", x=1), line("    y = x", x=1), returned("    y = x", 1))
    assert cassette is not None
    (found,) = cassette.entries
    said = answers.verification(found.answer, truth)
    assert said.choices[1] == Choice(line("    z = x", x=1), bits=0.5)
    assert said.choices[2] == Choice(truth.frames[2], bits=0.5)


def test_only_the_lock_is_kept_out_of_version_control(tmp_path: Path) -> None:
    written(tmp_path)
    assert set((tmp_path / ".gitignore").read_text().split()) == {".gitignore", ".lock", "*.tmp"}


@given(made_tests())
@settings(max_examples=60)
def test_answers_survive_json(test: Any) -> None:
    truth = test.trace
    if test.verification is not None and len(test.verification.choices) == len(truth.frames):
        data = json.loads(json.dumps(answers.answer_to_json(test.verification, truth), allow_nan=False))
        assert answers.verification(data, truth) == test.verification
    if test.roll_out is not None:
        data = json.loads(json.dumps(answers.answer_to_json(test.roll_out, truth), allow_nan=False))
        assert answers.roll_out(data, truth) == test.roll_out


@given(TRACES, st.booleans())
@settings(max_examples=40)
def test_a_choice_survives_json(before: Trace, ended: bool) -> None:
    frame = before.frames[-1] if before.frames else None
    said = Choice(frame, (Problem(ProblemKind.INVALID_JSON, 3, "x"),), float("inf"), ended)
    data = json.loads(json.dumps(answers.answer_to_json(said, before), allow_nan=False))
    assert answers.choice(data, before) == said


def test_an_answer_to_another_trace_is_refused() -> None:
    truth = trace(call("def f(x):", x=1), returned("    y = x", 1))
    data = answers.answer_to_json(verified(truth), truth)
    with pytest.raises(ValueError, match="2 choices for 1 frames"):
        answers.verification(data, trace(truth.frames[0]))
    assert rolled_out(*truth.frames).trace.frames
