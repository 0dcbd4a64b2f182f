"""Runs against recordings as pytest makes them: no model is there, and none is asked."""

from __future__ import annotations

import json
from pathlib import Path

# Pytester forgets after each run what was not imported before it, and importing takes longer than a run.
import hypothesis  # noqa: F401
import pytest

import pytest_cwm.active
import pytest_cwm.lastgreen.closing
import pytest_cwm.lastgreen.opening
import pytest_cwm.lastgreen.view
import pytest_cwm.reporting  # noqa: F401
from cwm_tracer.model import Context, Trace
from cwm_tracer.recorder import Entry, make_recorder
from pytest_cwm.lastgreen.code import CodeDigests
from pytest_cwm.lastgreen.files import Green, GreenError, read_green, write_green

make_recorder(Entry((lambda: None).__code__), bool)

CART = """\
from settings import DISCOUNT


def total(items):
    total = 0
    for price, count in items:
        total += price * count
    if total > 20:
        total -= DISCOUNT
    return total
"""
TESTS = """\
import itertools, os, time
import cart


def test_total():
    assert cart.total([(3, 9), (1, 6)]) > 20


def test_small():
    assert cart.total([(1, 2)]) < 20


def test_flaky(tmp_path):
    started = time.perf_counter_ns()
    path = tmp_path / "out"
    assert not path.exists()
"""
GREEN = ("--cwm-against=last-green", "--cwm-all", "-p", "no:cacheprovider", "-p", "no:asyncio")


@pytest.fixture
def shop(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\npythonpath = .\n")
    pytester.makepyfile(cart=CART, settings="DISCOUNT = 3\n", test_cart=TESTS)
    pytester.makeconftest("collect_ignore = ['settings.py']\n")
    return pytester


def edit(pytester: pytest.Pytester, name: str, old: str, new: str) -> None:
    path = pytester.path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def recordings(pytester: pytest.Pytester) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (pytester.path / ".cwm" / "green").rglob("*.json")}


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    return pytester.runpytest(*GREEN, *args)


def test_one_line_says_where_execution_first_differed_from_the_last_green_run(shop: pytest.Pytester) -> None:
    first = run(shop, "-k", "total")
    first.stdout.fnmatch_lines(["cwm *: all tests, compared with the last green run", "1 test: 1 new, *"])
    run(shop, "-k", "total").stdout.fnmatch_lines(["1 test: 1 as in the last green run"])
    edit(shop, "cart.py", "price * count", "price * count - 5")
    result = run(shop, "-k", "total")
    text = " ".join(result.stdout.str().split())
    assert "first differed from the last green run at step 6, cart.py:6: `total` was 27, is 22" in text
    assert "the code changed: cart.py:7" in text
    assert result.ret == pytest.ExitCode.TESTS_FAILED  # of the test itself: 14 is not above 20


def test_a_failing_test_does_not_become_the_last_green_one(shop: pytest.Pytester) -> None:
    run(shop)
    before = recordings(shop)
    edit(shop, "cart.py", "price * count", "price * count - 5")
    for _ in range(2):
        result = run(shop, "-k", "total")
        assert "first differed" in result.stdout.str()
    assert recordings(shop) == before


def test_a_test_whose_teardown_fails_does_not_either(shop: pytest.Pytester) -> None:
    broken = "import pytest\n\n@pytest.fixture\ndef broken():\n    yield\n    assert 0\n\n"
    shop.makepyfile(test_down=broken + "def test_it(broken):\n    x = 1\n")
    run(shop, "test_down.py").assert_outcomes(passed=1, errors=1)
    assert recordings(shop) == {}


def test_a_difference_does_not_fail_the_run_unless_asked_to(shop: pytest.Pytester) -> None:
    run(shop, "-k", "small")
    edit(shop, "cart.py", "total = 0", "total = 1")
    result = run(shop, "-k", "small", "--cwm-fail-under=fr.trace=1")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    edit(shop, "cart.py", "total = 1", "total = 2")
    assert run(shop, "-k", "small").ret == pytest.ExitCode.OK


def test_what_a_passing_test_does_is_the_next_expectation(shop: pytest.Pytester) -> None:
    run(shop, "-k", "small")
    edit(shop, "cart.py", "total = 0", "total = 1")
    assert "`total` was 0, is 1" in " ".join(run(shop, "-k", "small").stdout.str().split())
    run(shop, "-k", "small").stdout.fnmatch_lines(["1 test: 1 as in the last green run"])


def test_values_that_vary_are_learned_and_masked(shop: pytest.Pytester) -> None:
    run(shop, "-k", "flaky")
    learning = " ".join(run(shop, "-k", "flaky").stdout.str().split())
    assert "masked from now on, since the code is the same: started (test_cart.py:15)" in learning
    assert "1 test: 1 as in the last green run" in learning
    known = run(shop, "-k", "flaky", "-v")
    assert "values vary from run to run and are masked" in " ".join(known.stdout.str().split())
    edit(shop, "test_cart.py", '"out"', '"other"')
    edited = " ".join(run(shop, "-k", "flaky").stdout.str().split())
    assert "first differed" in edited
    assert "`started`" not in edited


def test_refreshing_forgets_what_varied(shop: pytest.Pytester) -> None:
    for _ in range(2):
        run(shop, "-k", "flaky")
    assert b"<varies>" in recordings(shop)["test_flaky.json"]
    run(shop, "-k", "flaky", "--cwm-refresh")
    assert b"<varies>" not in recordings(shop)["test_flaky.json"]


def test_a_change_in_an_imported_file_is_no_chance(shop: pytest.Pytester) -> None:
    for _ in range(2):
        run(shop, "-k", "total")
    edit(shop, "settings.py", "3", "4")
    text = " ".join(run(shop, "-k", "total").stdout.str().split())
    assert "`total` was 30, is 29" in text
    assert "the code changed: settings.py (in lines that do not run here)" in text
    assert b"<varies>" not in recordings(shop)["test_total.json"]


def test_an_edited_condition_is_named_by_what_follows_from_it(shop: pytest.Pytester) -> None:
    run(shop, "-k", "total")
    edit(shop, "cart.py", "total > 20", "total > 50")
    text = " ".join(run(shop, "-k", "total").stdout.str().split())
    assert "cart.py:10: no longer runs `total -= DISCOUNT`" in text
    assert "the code changed: cart.py:8" in text


def test_a_new_test_is_recorded_and_others_are_left_alone(shop: pytest.Pytester) -> None:
    run(shop)
    before = recordings(shop)
    shop.makepyfile(test_new="def test_new():\n    x = 1\n")
    run(shop, "test_new.py").stdout.fnmatch_lines(["1 test: 1 new, recorded for the next run"])
    after = recordings(shop)
    assert after.pop("test_new.json")
    assert after == before


def test_the_same_run_writes_the_same_bytes(shop: pytest.Pytester) -> None:
    run(shop, "-k", "total or small")
    before = recordings(shop)
    run(shop, "-k", "total or small")
    assert recordings(shop) == before


def test_a_damaged_recording_is_an_error_that_names_it_and_stays(shop: pytest.Pytester) -> None:
    run(shop, "-k", "small")
    (path,) = (shop.path / ".cwm").rglob("*.json")
    path.write_text('{"schema": "pytest-cwm-green",')
    result = run(shop, "-k", "small")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = " ".join(result.stdout.str().split())
    assert "the green recording .cwm/green/test_cart/test_small.json is damaged: not JSON" in text
    assert path.read_text() == '{"schema": "pytest-cwm-green",'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "no green recording"),
        ("[" * 50_000, "damaged"),
        ("\xff", "no text"),
        ('{"schema": "pytest-cwm-green", "version": 99}', "newer pytest-cwm"),
        ('{"schema": "pytest-cwm-green", "version": 1}', "damaged: 'test'"),
        ('{"schema": "pytest-cwm-green", "version": 1, "test": "a.py::b", "code": []}', "a part of it is missing"),
        (
            '{"schema": "pytest-cwm-green", "version": 1, "test": "a.py::b", "code": {}, "meta": 1, "lines": 2, '
            '"frames": 3}',
            "damaged",
        ),
    ],
    ids=["empty", "another document", "too deep", "bytes", "newer", "no test", "code of another type", "no frames"],
)
def test_every_kind_of_damage_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert read_green(tmp_path, "a.py::b") is None
    assert write_green(tmp_path, Green("a.py::b", {}, Trace((), Context(""))))
    assert not write_green(tmp_path, Green("a.py::b", {}, Trace((), Context(""))))
    (path,) = tmp_path.rglob("*.json")
    path.write_text(text, encoding="latin-1")
    with pytest.raises(GreenError, match=said):
        read_green(tmp_path, "a.py::b")


def test_a_folder_that_can_not_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(GreenError, match="can't be written"):
        write_green(tmp_path, Green("a.py::b", {}, Trace((), Context(""))))


def test_code_counts_with_all_that_it_imports(tmp_path: Path) -> None:
    files = {
        "conftest.py": "",
        "shop/__init__.py": "",
        "shop/cart.py": "from . import money\nimport os, shop.stock as stock\nfrom settings import X",
        "shop/money.py": "import cart",
        "shop/stock.py": "def (",
        "src/settings.py": "from shop.cart import total",
        "shop/unused.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    known = CodeDigests(tmp_path).of(["shop/cart.py", "gone.py"])
    assert set(known) == set(files) - {"shop/unused.py"}
    assert CodeDigests(tmp_path).changed(known) == []
    (tmp_path / "src/settings.py").unlink()
    (tmp_path / "shop/money.py").write_text("X = 1")
    assert CodeDigests(tmp_path).changed(known) == ["shop/money.py", "src/settings.py"]


def test_a_report_of_another_project_is_told_from_tests_that_are_new(shop: pytest.Pytester) -> None:
    shop.makepyfile(test_other="def test_other(): pass")
    shop.runpytest("test_other.py", "--cwm-all", "--cwm-mode=none", "--cwm-report=other.json")
    result = shop.runpytest("test_cart.py", "--cwm-all", "--cwm-against=other.json")
    assert "none of these tests is in other.json: is it of another project, or rootdir?" in " ".join(
        result.stdout.str().split()
    )


def test_workers_record_and_the_controller_compares(shop: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    run(shop)
    before = recordings(shop)
    edit(shop, "cart.py", "total = 0", "total = 1")
    result = run(shop, "-n", "2")
    assert "3 tests: none as in the last green run" in result.stdout.str()  # what varies can't be learned then
    after = recordings(shop)
    assert set(after) == set(before)
    assert all(after[name] != before[name] for name in after)


def test_quiet_and_verbose_mean_what_users_expect(shop: pytest.Pytester) -> None:
    run(shop, "-k", "small")
    for number, option in enumerate(["-qq", "-q", "-v"]):
        edit(shop, "cart.py", f"total = {number}", f"total = {number + 1}")
        text = run(shop, "-k", "small", option).stdout.str()
        assert "1 test: not as in the last green run" in text
        assert ("first differed" in text) == (option != "-qq")
        assert ("before  " in text) == (option == "-v")


def test_any_report_can_be_the_expectation(shop: pytest.Pytester) -> None:
    run(shop, "-k", "total or small", "--cwm-report=old.json.gz")
    kept = (shop.path / "old.json.gz").read_bytes()
    edit(shop, "cart.py", "total = 0", "total = 1")
    result = shop.runpytest("--cwm-against=old.json.gz", *GREEN[1:], "-k", "total or flaky", "--cwm-report=new.json")
    text = " ".join(result.stdout.str().split())
    assert "first differed from old.json.gz at step 4, cart.py:6: `total` was 0, is 1" in text
    assert "1 not compared" in text
    assert (shop.path / "old.json.gz").read_bytes() == kept
    document = json.loads((shop.path / "new.json").read_text())
    assert document["model"]["name"] == "old.json.gz"
    assert document["settings"]["against"] == "old.json.gz"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--cwm-against=nothing.json"], "there is no report *nothing.json*or say last-green*"),
        (["--cwm-against=settings.py"], "*settings.py*JSON*"),
        (["--cwm-against=settings.py", "--cwm-refresh"], "--cwm-refresh goes with --cwm-against=last-green*"),
        (["--cwm-against=last-green", "--cwm-pdb"], "--cwm-pdb needs a model*"),
    ],
)
def test_a_mistake_is_one_line(shop: pytest.Pytester, args: list[str], said: str) -> None:
    result = shop.runpytest(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{said}"])


def test_the_folder_is_an_option(shop: pytest.Pytester) -> None:
    shop.makeini("[pytest]\npythonpath = .\ncwm_green_dir = kept/green\n")
    run(shop, "-k", "small")
    assert [path.name for path in (shop.path / "kept").rglob("*.json")] == ["test_small.json"]
    assert not (shop.path / ".cwm").exists()


def test_torch_and_the_tokenizers_are_not_imported(shop: pytest.Pytester) -> None:
    """In a process of its own, since this one has imported them."""
    shop.makeconftest("""
        import atexit, sys
        atexit.register(lambda: print("torch" in sys.modules, "sentencepiece" in sys.modules))
    """)
    result = shop.runpytest_subprocess(*GREEN, "-k", "small", "-s")
    assert result.outlines[-1] == "False False"


def test_nothing_is_left_beside_the_recordings(shop: pytest.Pytester) -> None:
    run(shop)
    files = [path for path in (shop.path / ".cwm").rglob("*") if path.is_file()]
    assert all(path.suffix == ".json" and isinstance(path, Path) for path in files)
    assert len(files) == 3
