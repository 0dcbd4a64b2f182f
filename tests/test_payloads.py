"""Arrays, tensors and data frames: what is shown of them, and that two that differ never look the same."""

from __future__ import annotations

import array
import collections
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cwm_tracer
from cwm_tracer.redaction import Redactor
from cwm_tracer.values import Limits, Renderer

RENDERER = Renderer(Limits(seconds=30))


def test_no_library_is_imported() -> None:
    script = "import sys; from cwm_tracer.values import Renderer; Renderer()([object()]); print(sys.modules.keys())"
    folder = str(Path(cwm_tracer.__path__[0]).parent)
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": folder}, capture_output=True, text=True)
    assert not {"numpy", "torch", "pandas"} & set(done.stdout.split("'"))
    assert done.returncode == 0


def test_what_is_no_library_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError

    monkeypatch.setitem(sys.modules, "numpy", Fake())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "torch", None)  # type: ignore[arg-type]
    assert RENDERER(collections.Counter("a")) == "Counter({'a': 1})"


def test_an_array_of_the_standard_library() -> None:
    assert RENDERER(array.array("i", [1, 2])) == "<array i (2,) [1, 2]>"
    one, other = array.array("d", range(1000)), array.array("d", range(1000))
    other[500] = -1
    assert RENDERER(one).startswith("<array d (1000,) [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, ...], ")
    assert RENDERER(one) != RENDERER(other)


class TestNumpy:
    @pytest.fixture
    def numpy(self) -> Any:
        return pytest.importorskip("numpy")

    def test_a_small_array_is_shown_whole(self, numpy: Any) -> None:
        assert RENDERER(numpy.arange(4).reshape(2, 2)) == "<ndarray int64 (2, 2) [[0, 1], [2, 3]]>"
        assert RENDERER([numpy.float32(0.5), numpy.array(["a"])]) == "[np.float32(0.5), <ndarray <U1 (1,) ['a']>]"
        assert RENDERER(numpy.array(7)) == "<ndarray int64 () 7>"
        assert RENDERER(numpy.zeros((0, 3))) == "<ndarray float64 (0, 3) []>"
        assert RENDERER(numpy.ma.array([1, 2], mask=[False, True])).endswith(
            "mask <ndarray bool (2,) [False, True]> [1, 2]>"
        )

    def test_another_module_of_its_name_changes_nothing_for_long(
        self, numpy: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = RENDERER(numpy.arange(2))
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "numpy", None)  # type: ignore[arg-type]
            RENDERER(collections.Counter("a"))
        assert Renderer(Limits(seconds=30))(numpy.arange(2)) == known

    def test_a_large_array_shows_its_beginning(self, numpy: Any) -> None:
        text = RENDERER(numpy.arange(1000.0))
        assert text.startswith("<ndarray float64 (1000,) [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, ...], ")
        assert len(text) < 100

    @pytest.mark.parametrize(
        "dtype", ["float64", "float16", "int8", ">i4", "complex64", "datetime64[s]", "U3", "object", "i4,f8"]
    )
    def test_one_element_makes_a_difference(self, numpy: Any, dtype: str) -> None:
        texts = set()
        for at in (None, 0, 500, 999):
            values = numpy.zeros(1000, dtype)
            if at is not None:
                values[at] = 1
            texts |= {RENDERER(values), RENDERER([values] * 2)}
        assert len(texts) == 8

    def test_what_printing_would_round_is_told_apart(self, numpy: Any) -> None:
        assert RENDERER(numpy.array([0.1])) != RENDERER(numpy.array([0.1 + 1e-12]))
        assert RENDERER(numpy.array([0.0])) != RENDERER(numpy.array([-0.0]))
        assert RENDERER(numpy.array([1])) != RENDERER(numpy.array([1.0]))
        assert RENDERER(numpy.arange(100).reshape(10, 10)) != RENDERER(numpy.arange(100).reshape(10, 10).T)

    def test_the_size_is_bounded_by_what_is_read(self, numpy: Any) -> None:
        text = RENDERER(numpy.broadcast_to(numpy.float32(1), (10**6, 10**6)))
        assert text.endswith(" of a sample>")

    def test_elements_are_rendered_like_other_values(self, numpy: Any) -> None:
        assert (
            RENDERER(numpy.array([{"password": "x"}], dtype=object))
            == "<ndarray object (1,) [{'password': <redacted>}]>"
        )
        hiding = Renderer(Limits(seconds=30), redactor=Redactor(values=["s3cr3t-value"]))
        assert hiding(numpy.array(["s3cr3t-value"])) == "<ndarray <U12 (1,) ['<redacted>']>"

    def test_a_subclass_runs_no_code_of_its_own(self, numpy: Any) -> None:
        class Sly(numpy.ndarray):  # type: ignore[misc, name-defined]
            armed = False

            def __repr__(self) -> str:
                raise AssertionError

            def __array_finalize__(self, made_of: Any) -> None:
                assert not Sly.armed

            def __getitem__(self, key: Any) -> Any:
                raise AssertionError

        values = numpy.arange(3).view(Sly)
        Sly.armed = True
        assert RENDERER(values) == "<Sly int64 (3,) [0, 1, 2]>"


class TestTorch:
    @pytest.fixture
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def test_a_small_tensor_is_shown_whole(self, torch: Any) -> None:
        assert RENDERER(torch.arange(4.0).reshape(2, 2)) == "<Tensor float32 (2, 2) cpu [[0.0, 1.0], [2.0, 3.0]]>"
        assert RENDERER(torch.arange(4.0).reshape(2, 2).T) == "<Tensor float32 (2, 2) cpu [[0.0, 2.0], [1.0, 3.0]]>"
        assert (
            RENDERER([torch.tensor(3), torch.tensor([True])])
            == "[<Tensor int64 () cpu 3>, <Tensor bool (1,) cpu [True]>]"
        )
        assert RENDERER(torch.tensor([1.5], dtype=torch.bfloat16)) == "<Tensor bfloat16 (1,) cpu [1.5]>"
        assert RENDERER(torch.nn.Parameter(torch.ones(1))) == "<Parameter float32 (1,) cpu requires_grad [1.0]>"

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "complex64", "bool"])
    def test_one_element_makes_a_difference(self, torch: Any, dtype: str) -> None:
        texts = set()
        for at in (None, 0, 50, 99):
            values = torch.zeros(100, dtype=getattr(torch, dtype))
            if at is not None:
                values[at] = 1
            texts |= {RENDERER(values), RENDERER(values.reshape(10, 10).T), RENDERER(values[::2])}
        assert len(texts) == 11  # of every second element the last is none

    def test_elements_elsewhere_are_not_read(self, torch: Any) -> None:
        assert RENDERER(torch.zeros(2, device="meta")) == "<Tensor float32 (2,) meta version 0, elements not read>"
        assert RENDERER(torch.eye(2).to_sparse()).endswith("elements not read>")
        with torch.inference_mode():
            assert RENDERER(torch.zeros(2, device="meta")).endswith("version unknown, elements not read>")

    def test_what_is_changed_in_place_looks_different_even_unread(self, torch: Any) -> None:
        values = torch.zeros(2, device="meta")
        before = RENDERER(values)
        values.add_(1)
        assert RENDERER(values) != before

    def test_no_operation_runs(self, torch: Any) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode

        ran: list[Any] = []

        class Watch(TorchDispatchMode):
            def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                ran.append(operation)
                return operation(*args, **(kwargs or {}))

        class Watched(torch.Tensor):  # type: ignore[misc, name-defined]
            @classmethod
            def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                ran.append(function)
                return super().__torch_function__(function, types, args, kwargs or {})

        values = torch.ones(100, requires_grad=True)
        watched = torch.ones(2).as_subclass(Watched)
        ran.clear()
        with Watch():
            RENDERER(values)
            assert RENDERER(watched) == "<Watched float32 (2,) cpu version 0, elements not read>"
        assert ran == []

    def test_a_transformed_function_is_traced_as_it_is(self, torch: Any) -> None:
        texts: list[str] = []

        def square(x: Any) -> Any:
            texts.append(RENDERER(x))
            return (x * x).sum()

        assert torch.func.grad(square)(torch.ones(2)).tolist() == [2, 2]
        torch.vmap(square)(torch.ones(3, 2))
        assert [text[-18:] for text in texts] == ["elements not read>"] * 2


def test_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": range(100), "password": ["x"] * 100})
    text = RENDERER(frame)
    assert text.startswith("<DataFrame (100, 2) {'a': [0, 1, 2, 3, 4, 5, 6, 7], 'password': <redacted>}, ")
    frame.loc[50, "a"] = -1
    assert RENDERER(frame) != text
    assert RENDERER(pandas.Series([1, 2], name="s")).startswith("<Series int64 (2,) 's' [1, 2], ")
