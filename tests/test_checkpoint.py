"""A model directory is loaded as it was saved, by each engine, and refused by the name of what is wrong with it."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("safetensors")

from safetensors.numpy import load_file, save_file  # noqa: E402

import tiny_models  # noqa: E402
from cwm_server.checkpoint import INDEX_FILE, check_tokenizer, read_arrays, read_config  # noqa: E402
from cwm_server.model_config import FULL, SLIDING, CheckpointError, ModelConfig  # noqa: E402
from cwm_server.tokenizer import EMBEDDED  # noqa: E402
from tiny_models import CONFIG, ENGINES, LLAMA3, load  # noqa: E402

engines = pytest.mark.parametrize("engine", ENGINES)
NAME = "model.layers.2.mlp.up_proj.weight"


@engines
def test_a_directory_is_loaded_as_it_was_saved(tmp_path: Path, engine: str) -> None:
    loaded = load(engine, tiny_models.save(tmp_path, CONFIG))
    assert loaded.config == CONFIG
    expected = tiny_models.logits_after(tiny_models.model(engine), [1, 2, 3])
    assert np.array_equal(tiny_models.logits_after(loaded, [1, 2, 3]), expected)


def test_bf16_and_fp16_are_widened_exactly(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    wide = {name: torch.from_numpy(array) for name, array in tiny_models.tensors().items()}
    wide[NAME][0, :4] = torch.tensor([0.0, -0.0, 1e-40, -3.0e38])
    for kind in (torch.bfloat16, torch.float16):
        narrow = {name: tensor.to(kind) for name, tensor in wide.items()}
        tiny_models.save(tmp_path, CONFIG)
        save_torch(narrow, tmp_path / "model.safetensors")
        for name, array in read_arrays(tmp_path, CONFIG).items():
            assert np.array_equal(array, narrow[name].float().numpy())


def test_a_kind_of_number_that_numpy_can_not_read_is_refused(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda tensors: tensors.update({NAME: tensors[NAME].astype(np.int8)}))
    with pytest.raises(CheckpointError, match=f"{NAME} is I8; BF16, F16 and F32 can be read"):
        load("numpy", tmp_path)


def rewrite(directory: Path, change: Any) -> None:
    tiny_models.save(directory, CONFIG)
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors")


@engines
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop(NAME), f"tensors are missing, the first is {NAME}"),
        (lambda tensors: tensors.update(extra=np.zeros(1)), "tensor extra does not belong"),
        (lambda tensors: tensors.update({NAME: np.zeros((3, 4))}), rf"{NAME} has shape \(3, 4\).*for \(24, 16\)"),
    ],
    ids=["missing", "extra", "shape"],
)
def test_wrong_tensors_are_refused_by_name(tmp_path: Path, engine: str, change: Any, message: str) -> None:
    rewrite(tmp_path, change)
    with pytest.raises(CheckpointError, match=message):
        load(engine, tmp_path)


@engines
@pytest.mark.parametrize("kept", [0, 5, 200, -100])
def test_a_truncated_file_is_refused(tmp_path: Path, engine: str, kept: int) -> None:
    path = tiny_models.save(tmp_path, CONFIG) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        load(engine, tmp_path)


@engines
def test_a_pickle_is_refused_whatever_it_is_called(tmp_path: Path, engine: str) -> None:
    path = tiny_models.save(tmp_path, CONFIG) / "model.safetensors"
    path.rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="only safetensors are loaded"):
        load(engine, tmp_path)
    path.write_bytes(pickle.dumps({NAME: [1.0]}))
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        load(engine, tmp_path)


@engines
def test_an_index_can_not_point_outside_its_directory(tmp_path: Path, engine: str) -> None:
    tiny_models.save(tmp_path, CONFIG)
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    (tmp_path / INDEX_FILE).write_text(json.dumps({"weight_map": {"x": "../other.safetensors"}}))
    with pytest.raises(CheckpointError, match="not a file of its own directory"):
        load(engine, tmp_path)


@engines
def test_weights_in_several_files_are_found_by_their_index_each_once(tmp_path: Path, engine: str) -> None:
    tensors = tiny_models.tensors()
    tiny_models.save(tmp_path, CONFIG)
    (tmp_path / "model.safetensors").unlink()
    names = sorted(tensors)
    pieces = {"model-1.safetensors": names[:7], "model-2.safetensors": names[7:]}
    for file, part in pieces.items():
        save_file({name: tensors[name] for name in part}, tmp_path / file)
    weight_map = {name: file for file, part in pieces.items() for name in part}
    (tmp_path / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))
    expected = tiny_models.logits_after(tiny_models.model(engine), [4, 2])
    assert np.array_equal(tiny_models.logits_after(load(engine, tmp_path), [4, 2]), expected)
    save_file({name: tensors[name] for name in names[6:]}, tmp_path / "model-2.safetensors")
    with pytest.raises(CheckpointError, match=f"tensor {names[6]} is in more than one file"):
        load(engine, tmp_path)


def test_the_shipped_model_has_its_own_tokenizer() -> None:
    pytest.importorskip("sentencepiece")
    from cwm_server.tokenizer import load_tokenizer

    config = read_config(EMBEDDED)
    check_tokenizer(EMBEDDED, config, load_tokenizer())
    assert config.tokenizer_sha256 == load_tokenizer().digest
    assert config.branch_token_ids is not None
    assert [load_tokenizer().bytes_of(token) for token in config.branch_token_ids] == [b"\xfe", b"\xff"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 300}, "tokenizer.model is not this model's tokenizer: it has 4.. tokens, the model 300"),
        ({"bos_token_id": 77}, r"<\|begin_of_text\|> is its token \d+, bos_token_id is 77"),
        ({"tokenizer_sha256": "f00d" * 16}, "its sha256 is [0-9a-f]{12}, tokenizer_sha256 is f00df00df00d"),
        ({"eos_token_id": (76, 77)}, r"<\|end_of_text\|> is its token \d+, eos_token_id is \(76, 77\)"),
    ],
)
def test_another_models_tokenizer_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    pytest.importorskip("sentencepiece")
    from tiny_tokenizer import tiny_tokenizer

    config = read_config(tiny_models.tokenized(tmp_path))
    check_tokenizer(tmp_path, config, tiny_tokenizer())
    with pytest.raises(CheckpointError, match=message):
        check_tokenizer(tmp_path, replace(config, **change), tiny_tokenizer())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "llama"}, "not of model_type 'cwm'"),
        ({"hidden_size": None}, "incomplete.*hidden_size"),
        ({"layer_types": ["full_attention"]}, "layer_types names 1 layers"),
        ({"layer_types": ["full_attention"] * 4 + ["odd"]}, "unknown layer_types"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "unknown rope_type 'yarn'"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"num_key_value_heads": 3}, "not a multiple"),
        ({"branch_token_ids": [4, 23]}, r"branch_token_ids are to be two of 23 tokens, not \(4, 23\)"),
        ({"branch_token_ids": [4, 4]}, "branch_token_ids are to be two"),
        ({"branch_token_ids": ["a", "b"]}, "branch_token_ids are to be two"),
        ({"branch_token_ids": 4}, "branch_token_ids are to be two"),
    ],
)
def test_a_config_of_another_kind_is_refused(values: dict[str, Any], message: str) -> None:
    text = json.dumps({**json.loads(CONFIG.to_json()), **values})
    with pytest.raises(CheckpointError, match=message):
        ModelConfig.from_json(text)


def test_a_config_survives_its_json() -> None:
    config = replace(CONFIG, rope_parameters=LLAMA3, eos_token_id=(5, 6), layer_types=(SLIDING, FULL) * 2 + (FULL,))
    assert ModelConfig.from_json(config.to_json()) == config
    judging = replace(CONFIG, branch_token_ids=(4, 22))
    assert ModelConfig.from_json(judging.to_json()) == judging
    assert "branch_token_ids" not in config.to_json()  # transformers would pass a null on as a setting


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_config_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="config is not"):
        ModelConfig.from_json(text)
