"""The trainer learns, is deterministic and resumable, and reads a corpus without losing or cutting frames."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("numpy")
pytest.importorskip("sentencepiece")

import numpy as np
import torch
from safetensors.torch import load_file

from cwm_server.architecture import load_model
from cwm_server.model_config import FULL
from cwm_server.tokenizer import SentencePieceTokenizer
from cwm_server.training import corpus
from cwm_server.training.__main__ import main
from cwm_server.training.attention import block_attention
from cwm_server.training.averaging import average
from cwm_server.training.batches import gather, loss_weights, plan, split
from cwm_server.training.configs import SIZES, branch_tokens, config_for
from cwm_server.training.corpus import ACTION, ARGUMENT, CHANGED, EVENT, GIVEN, LOCALS, Encoder, windows
from cwm_server.training.evaluation import evaluate
from cwm_server.training.growth import fits, placed
from cwm_server.training.heads import ASKED, tapped_layers
from cwm_server.training.optimizer import orthogonalize, schedule
from cwm_server.training.precision import has_bf16
from cwm_server.training.runs import model_of
from cwm_server.training.tokenizer_training import train_tokenizer
from cwm_server.training.trainer import Settings, Trainer
from cwm_tracer.model import Context, Ending, Event, Frame, Meta, Trace
from cwm_tracer.wire import Segment, Special, decode, encode, encode_context


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def counting(number: int, start: int = 0) -> Trace:
    """The trace of a loop that counts down `number` from `start`."""
    text = f"def count(n):  # << START_OF_TRACE\n    total = {start}\n    while n:\n        n -= 1\n    return total\n"
    lines = text.splitlines(keepends=True)
    frames = [Frame(Event.CALL, "def count(n):\n", {"n": str(number)})]
    frames.append(Frame(Event.LINE, lines[1], {"n": str(number)}))
    for n in range(number, -1, -1):
        frames.append(Frame(Event.LINE, lines[2], {"n": str(n), "total": str(start)}))
        if n:
            frames.append(Frame(Event.LINE, lines[3], {"n": str(n), "total": str(start)}))
    frames.append(Frame(Event.LINE, lines[4], {"n": "0", "total": str(start)}))
    frames.append(Frame(Event.RETURN, lines[4], None, str(start)))
    return Trace(tuple(frames), Context(text), Meta("3.11", Ending.RETURNED))


def document(trace: Trace) -> list[Segment]:
    return [*encode_context(trace.context.text), *encode(trace)]


def write_shard(path: Path, documents: list[list[Segment]], held_out_every: int = 8) -> None:
    specials = list(Special)
    with path.open("w", encoding="utf-8") as file:
        for number, segments in enumerate(documents):
            items = [specials.index(item) if isinstance(item, Special) else item for item in segments]
            kind = "heldout" if number % held_out_every == 0 else "train"
            file.write(json.dumps({"id": str(number), "source": "test", "split": kind, "segments": items}) + "\n")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    documents = [document(counting(number % 5, number)) for number in range(48)]
    write_shard(path / "shard-0000.jsonl", documents)
    train_tokenizer(documents, path, size=580, threads=1)
    return path


@pytest.fixture(scope="module")
def tokenizer(data: Path) -> SentencePieceTokenizer:
    return SentencePieceTokenizer((data / "tokenizer.model").read_bytes())


SETTINGS = Settings(tokens=120_000, context=512, batch=2048, micro=1024, bf16=False, eval_every=1000, log_every=5)


def trainer(data: Path, tokenizer: SentencePieceTokenizer, out: Path, **changes: object) -> Trainer:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    return Trainer(config_for("tiny", tokenizer), tokenizer, data, out, settings)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return dict(load_model(directory).named_parameters())


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# Training


def test_what_a_token_counts_in_the_loss_is_up_to_its_class() -> None:
    weights = loss_weights(given=0.02, changed=3.0, action=4.0, argument=2.0)
    classes = [GIVEN, EVENT, LOCALS, CHANGED, ACTION, ARGUMENT, 255]
    assert weights[classes].tolist() == pytest.approx([0.02, 1, 1, 3, 4, 2, 0])


def test_a_run_learns_and_leaves_a_model_that_can_be_served(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    run = trainer(data, tokenizer, tmp_path)
    figures = run.run()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < losses[0] / 2
    assert figures["heldout.event"] > 0.7
    assert figures["heldout.locals"] > 0.9
    assert {"tokens", "loss.changed", "tokens_per_second", "share"} <= set(log[0])
    model = load_model(tmp_path)
    assert (tmp_path / "tokenizer.model").read_bytes() == (data / "tokenizer.model").read_bytes()
    assert model.config.eos_token_id == tokenizer.special(Special.END)
    assert model.config.tokenizer_sha256 == tokenizer.digest
    for name, tensor in model.named_parameters():
        assert torch.equal(tensor, run.model.get_parameter(name).bfloat16().float())


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer(data, tokenizer, tmp_path / name, tokens=8_000, seed=seed).run()
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


class Killed(Exception):
    pass


def kill_after(run: Trainer, steps: int) -> None:
    step = run.optimizer.step

    def counted(factor: float) -> float:
        if run.optimizer.steps == steps:
            raise Killed
        return step(factor)

    run.optimizer.step = counted  # type: ignore[method-assign]


def test_a_run_that_was_killed_goes_on_as_if_nothing_had_happened(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    trainer(data, tokenizer, tmp_path / "whole", tokens=16_000).run()
    run = trainer(data, tokenizer, tmp_path / "parts", tokens=16_000, save_minutes=0.0)
    kill_after(run, 6)
    with pytest.raises(Killed):
        run.run()
    run = trainer(data, tokenizer, tmp_path / "parts", tokens=16_000)
    assert run.resume()
    assert run.progress.step == 6
    run.run()
    assert same(weights(tmp_path / "parts"), weights(tmp_path / "whole"))


def test_a_run_that_was_killed_while_it_saved_resumes_from_the_save_before(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    run = trainer(data, tokenizer, tmp_path, tokens=3_000)
    run.run()
    (tmp_path / "state").rename(tmp_path / "state.old")
    assert trainer(data, tokenizer, tmp_path, tokens=3_000).resume()


def test_a_run_goes_on_with_other_documents_from_their_beginning(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    trainer(data, tokenizer, tmp_path / "run", tokens=3_000).run()
    other = tmp_path / "other"
    other.mkdir()
    for shard in data.glob("*.jsonl"):
        lines = shard.read_text("utf-8").splitlines(keepends=True)
        (other / shard.name).write_text("".join(reversed(lines)), "utf-8")
    run = trainer(other, tokenizer, tmp_path / "run", tokens=6_000)
    assert run.resume()
    assert (run.progress.epoch, run.progress.batch) == (1, 0)
    run.run()
    assert run.progress.tokens >= 6_000
    packed = [path for path in (tmp_path / "run" / "packed").iterdir() if "train" in path.name]
    assert len(packed) == 2 * len([*other.glob("*.jsonl")])


def test_nothing_that_is_saved_is_a_pickle(data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path) -> None:
    trainer(data, tokenizer, tmp_path, tokens=3_000).run()
    drawn = tmp_path / "tensorboard"
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file() and drawn not in path.parents}
    assert kinds == {".json", ".jsonl", ".model", ".npz", ".safetensors"}


def test_a_state_of_another_tokenizer_is_refused(data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path) -> None:
    trainer(data, tokenizer, tmp_path, tokens=3_000).run()
    state = tmp_path / "state" / "state.json"
    state.write_text(state.read_text().replace(tokenizer.digest, "0" * 64))
    with pytest.raises(ValueError, match="another tokenizer"):
        trainer(data, tokenizer, tmp_path, tokens=3_000).resume()


def test_the_figures_of_a_run_can_be_seen_in_tensorboard(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer(data, tokenizer, tmp_path, tokens=20_000).run()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    drawn = [(event.step, event.value) for event in events.Scalars("loss/changed")]
    assert drawn == [
        (entry["step"], pytest.approx(entry["loss.changed"], abs=1e-4)) for entry in log if "loss" in entry
    ]


def test_a_run_starts_from_the_weights_of_another(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    trainer(data, tokenizer, tmp_path / "first").run()
    more = trainer(data, tokenizer, tmp_path / "second", tokens=4_000)
    more.start_from(tmp_path / "first")
    assert same(dict(more.model.named_parameters()), load_file(tmp_path / "first" / "state" / "model.safetensors"))
    assert more.progress.tokens == 0
    more.run()
    assert not same(weights(tmp_path / "first"), weights(tmp_path / "second"))


def test_between_two_models_lie_others(data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    trainer(data, tokenizer, first).run()
    more = Trainer(config_for("tiny", tokenizer), tokenizer, data, second, replace(SETTINGS, seed=9, parts_weight=1.0))
    more.start_from(first)
    more.run()
    ends = [load_file(each / "state" / "model.safetensors") for each in (first, second)]
    found = {}
    for share in (0.0, 0.25, 1.0):
        out = tmp_path / f"between-{share}"
        assert main(["average", str(first), str(second), "--share", str(share), "--out", str(out)]) == 0
        found[share] = load_model(out).state_dict()
        for name, tensor in found[share].items():
            wanted = (1 - share) * ends[0][name] + share * ends[1][name]
            torch.testing.assert_close(tensor, wanted, atol=1e-6, rtol=2**-8)  # bf16
        trainer(data, tokenizer, tmp_path / f"third-{share}").start_from(out)
    assert not same(found[0.0], found[0.25])
    assert not same(found[0.25], found[1.0])


def test_a_run_goes_on_from_between_two_with_their_heads(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    asking = replace(SETTINGS, parts_weight=1.0)
    plain, first, second = (tmp_path / name for name in ("plain", "first", "second"))
    trainer(data, tokenizer, plain).run()
    for out, seed in ((first, 1), (second, 2)):
        Trainer(config_for("tiny", tokenizer), tokenizer, data, out, replace(asking, seed=seed)).run()
    heads = {out: model_of(out)[1] for out in (first, second)}
    for before, share, wanted in (
        (first, 0.25, {name: tensor.lerp(heads[second][name], 0.25) for name, tensor in heads[first].items()}),
        (plain, 0.25, heads[second]),  # of one that has none, those of the other
    ):
        out = tmp_path / f"from-{before.name}"
        average(before, second, share, out)
        model, found = model_of(out)
        assert found.keys() == wanted.keys() != set()
        for name, tensor in found.items():
            torch.testing.assert_close(tensor, wanted[name])
        ends = [model_of(each)[0].state_dict() for each in (before, second)]
        for name, tensor in model.state_dict().items():  # in full precision
            torch.testing.assert_close(tensor, ends[0][name].lerp(ends[1][name], share))


@pytest.mark.parametrize("other", ["size", "tokenizer", "weights"])
def test_between_models_of_two_kinds_there_is_nothing(
    other: str, data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    trainer(data, tokenizer, first).save()
    if other == "size":
        Trainer(config_for("small", tokenizer), tokenizer, data, second, SETTINGS).save()
    elif other == "tokenizer":
        train_tokenizer([document(counting(3))] * 40, tmp_path, size=490, threads=1)
        trainer(data, SentencePieceTokenizer((tmp_path / "tokenizer.model").read_bytes()), second).save()
    assert main(["average", str(first), str(second), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert str(second) in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", ["-0.1", "1.1", "half", "nan"])
def test_a_share_that_is_none_is_refused(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["average", "a", "b", "--out", "c", f"--share={share}"])
    assert f"{share!r} is no share" in capsys.readouterr().err


def test_a_larger_model_starts_as_the_smaller_one_that_it_grew_from(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    small = config_for("tiny", tokenizer)
    run = Trainer(small, tokenizer, data, tmp_path / "first", replace(SETTINGS, parts_weight=1.0))
    run.run()
    kinds = (*small.layer_types, "sliding_attention", "full_attention", "sliding_attention")
    large = replace(small, num_hidden_layers=5, intermediate_size=48, layer_types=kinds)
    more = Trainer(large, tokenizer, data, tmp_path / "second", replace(SETTINGS, parts_weight=1.0))
    more.start_from(tmp_path / "first")
    assert run.heads is not None
    assert more.heads is not None
    assert same(more.heads.state_dict(), run.heads.state_dict())
    ids = torch.randint(0, tokenizer.vocabulary_size, (2, 150), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(more.model(ids), run.model(ids))
    more.run()
    grown = weights(tmp_path / "second")
    assert all(tensor.any() for tensor in grown.values())  # every new part has learned
    average(tmp_path / "first", tmp_path / "second", 0.0, tmp_path / "none")
    average(tmp_path / "first", tmp_path / "second", 0.5, tmp_path / "half")
    with torch.no_grad():
        torch.testing.assert_close(load_model(tmp_path / "none")(ids), load_model(tmp_path / "first")(ids))
    assert not same(weights(tmp_path / "none"), weights(tmp_path / "half"))


def test_a_run_may_see_more_than_the_one_that_it_starts_from(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    trainer(data, tokenizer, tmp_path / "first").run()
    seeing = replace(config_for("tiny", tokenizer), layer_types=("full_attention",) * 2, sliding_window=128)
    assert seeing.layer_types != config_for("tiny", tokenizer).layer_types
    more = Trainer(seeing, tokenizer, data, tmp_path / "second", SETTINGS)
    more.start_from(tmp_path / "first")
    assert same(dict(more.model.named_parameters()), load_file(tmp_path / "first" / "state" / "model.safetensors"))


def test_weights_without_a_state_are_a_start_as_well(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    trainer(data, tokenizer, tmp_path / "first").run()
    shutil.rmtree(tmp_path / "first" / "state")
    more = trainer(data, tokenizer, tmp_path / "second")
    more.start_from(tmp_path / "first")
    assert same(dict(more.model.named_parameters()), weights(tmp_path / "first"))


def test_layers_keep_their_kind_and_what_is_asked_behind_them() -> None:
    assert placed("fssf", "fssf") == (0, 1, 2, 3)
    assert placed("fs", "fsssfs") == (0, 5)
    assert placed("fssffsss", "fsssffssfsss") == (0, 2, 3, 4, 5, 7, 9, 11)
    assert placed("fsssffssffsss", "fsssffssffssfs") == (*range(12), 13)  # a lookup more, of the line that is chosen
    assert placed("ff", "fss") is None
    assert placed("fss", "fs") is None


def test_the_small_size_grows_to_the_deep_one(tokenizer: SentencePieceTokenizer) -> None:
    small, deep = config_for("small", tokenizer), config_for("deep", tokenizer)
    assert fits(small, deep)
    assert not fits(deep, small)
    assert not fits(small, replace(deep, sliding_window=256))


@pytest.mark.parametrize("other", ["size", "tokenizer"])
def test_weights_that_do_not_fit_a_run_are_refused_by_name(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path, other: str
) -> None:
    first = tmp_path / "first"
    if other == "size":
        Trainer(config_for("small", tokenizer), tokenizer, data, first, SETTINGS).save()
    else:
        train_tokenizer([document(counting(3))] * 40, tmp_path, size=490, threads=1)
        small = SentencePieceTokenizer((tmp_path / "tokenizer.model").read_bytes())
        trainer(data, small, first).save()
    with pytest.raises(ValueError, match=f"first .*another {other}"):
        trainer(data, tokenizer, tmp_path / "second").start_from(first)


@pytest.mark.parametrize("size", SIZES)
def test_what_has_not_changed_can_be_looked_up_from_any_distance(size: str, tokenizer: SentencePieceTokenizer) -> None:
    types = config_for(size, tokenizer).layer_types
    layers = len(SIZES[size].layer_types)
    assert types[tapped_layers(layers)[ASKED.index("held")] - 1] == "full_attention"
    assert types.count("sliding_attention") >= layers // 2


@pytest.mark.parametrize(("attention", "full"), [("full", 2), ("cwm", 1)])
def test_which_layers_see_everything_can_be_chosen(data: Path, tmp_path: Path, attention: str, full: int) -> None:
    options = ["--config", "tiny", "--tokens", "2000", "--context", "512", "--batch", "1024", "--micro", "1024"]
    command = ["train", "--data", str(data), "--out", str(tmp_path), *options, "--threads", "1", "--fp32"]
    assert main([*command, "--attention", attention]) == 0
    assert load_model(tmp_path).config.layer_types.count("full_attention") == full


def test_a_run_without_documents_says_so(tokenizer: SentencePieceTokenizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no shard with documents to train on"):
        trainer(tmp_path, tokenizer, tmp_path / "out").run()


def test_the_commands_make_a_tokenizer_and_a_model_and_resume(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["tokenizer", "--data", str(data), "--out", str(tmp_path), "--size", "560"]) == 0
    command = ["train", "--data", str(data), "--tokenizer", str(tmp_path / "tokenizer.model"), "--out", str(out)]
    command += ["--config", "tiny", "--batch", "2048", "--context", "512", "--threads", "1", "--fp32"]
    assert main([*command, "--tokens", "3000"]) == 0
    before = json.loads((out / "state" / "state.json").read_text())["progress"]["step"]
    assert main([*command, "--tokens", "9000", "--resume", "--shard-size", "20000"]) == 0
    assert json.loads((out / "state" / "state.json").read_text())["progress"]["step"] > before
    assert len(list(out.glob("model-*.safetensors"))) > 1
    assert load_model(out).config.max_position_embeddings == 512


def test_two_processes_make_the_steps_of_one(data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path) -> None:
    command = ["train", "--data", str(data), "--config", "tiny", "--batch", "2048", "--context", "512", "--fp32"]
    command += ["--tokens", "6000", "--threads", "1"]
    assert main([*command, "--out", str(tmp_path / "one")]) == 0
    assert main([*command, "--out", str(tmp_path / "two"), "--processes", "2"]) == 0
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.allclose(one[name], two[name], atol=0.005) for name in one)  # matrices move by about 0.02


def test_a_run_needs_a_budget(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--data", str(data), "--out", str(tmp_path)])
    assert "--minutes or --tokens" in capsys.readouterr().err


# The optimizer


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    assert schedule(0.0) < schedule(0.005) < schedule(0.01) == 1.0 == schedule(0.6)
    assert schedule(5 / 6) == pytest.approx(0.5)
    assert schedule(1.0) == 0.0
    assert schedule(0.64, decay=0.36) == pytest.approx(1.0)
    assert schedule(0.82, decay=0.36) == pytest.approx(0.5)


def test_a_rate_that_falls_over_more_than_the_run_begins_below_the_top() -> None:
    assert schedule(0.0, decay=2) < schedule(0.004, decay=2) < schedule(0.01, decay=2) == pytest.approx(0.495)
    assert schedule(0.5, decay=2) == pytest.approx(0.25)
    assert schedule(1.0, decay=2) == 0.0
    assert max(schedule(step / 1000, decay=4) for step in range(1001)) < 0.25


def test_a_run_lets_its_rate_fall_over_the_part_it_is_told(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    for name, decay in (("third", 1 / 3), ("same", 1 / 3), ("all", 1.0)):
        trainer(data, tokenizer, tmp_path / name, tokens=12_000, decay=decay).run()
    assert same(weights(tmp_path / "third"), weights(tmp_path / "same"))
    assert not same(weights(tmp_path / "third"), weights(tmp_path / "all"))


@pytest.mark.parametrize("decay", ["0", "-1", "nan", "inf"])
def test_a_rate_falls_over_some_of_the_run(data: Path, decay: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["train", "--data", str(data), "--out", "nowhere", "--tokens", "10", "--decay", decay])
    assert refused.value.code == 2
    assert "--decay is a part of the budget" in capsys.readouterr().err


def test_fewer_layers_than_none_are_not_kept(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["train", "--data", str(data), "--out", "nowhere", "--tokens", "10", "--keep-layers", "-1"])
    assert refused.value.code == 2
    assert "--keep-layers is a number of layers" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 40, 16), (2, 16, 40)])
def test_orthogonalizing_brings_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)).float())
    assert values.shape == (shape[0], 16)
    assert values.median() > 0.6
    assert values.max() < 1.3


def test_a_run_learns_what_the_heads_ask_and_no_model_has_them(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, tokens=60_000, outcome_weight=5.0, parts_weight=1.0)
    branches = branch_tokens(tokenizer)
    config = replace(config_for("tiny", tokenizer), max_position_embeddings=512, branch_token_ids=branches)
    run = Trainer(config, tokenizer, data, tmp_path / "run", settings)
    figures = run.run()
    assert figures.keys() >= {f"heldout.asked.{name}" for name in ("held", "name", "first", "choice")}
    assert min(figures[f"heldout.asked.{name}"] for name in ("outcome", "branch")) > 0.5
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    for asked in ("held", "name", "first", "outcome", "branch"):
        losses = [line[f"loss.{asked}"] for line in lines if f"loss.{asked}" in line]
        assert max(losses[-3:]) < 0.95 * losses[0]  # and stays where it is without the weight
    again = Trainer(config, tokenizer, data, tmp_path / "run", settings)
    assert again.resume()
    assert again.heads is not None
    assert run.heads is not None
    assert same(again.heads.state_dict(), run.heads.state_dict())
    assert not any("heads" in name for name in weights(tmp_path / "run"))
    assert load_model(tmp_path / "run").config.branch_token_ids == branches


def test_no_text_has_the_tokens_of_conditions(tokenizer: SentencePieceTokenizer) -> None:
    text = "".join(map(chr, range(0x3000))) + "\ud800\udfff\U0010ffff\xfe\xff"
    assert not set(branch_tokens(tokenizer)) & set(tokenizer.encode([text, Special.ACTION, text]))


def test_some_layers_can_be_trained_alone_on_what_the_heads_ask(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, tokens=60_000, outcome_weight=5.0, parts_weight=1.0)
    config = replace(config_for("tiny", tokenizer), max_position_embeddings=512)
    first = Trainer(config, tokenizer, data, tmp_path / "first", settings)
    first.run()
    only = Trainer(config, tokenizer, data, tmp_path / "only", replace(settings, only=(1, 1)))
    only.start_from(tmp_path / "first")
    assert first.heads is not None
    assert only.heads is not None
    assert same(only.heads.state_dict(), first.heads.state_dict())
    only.run()
    before, after = (load_file(tmp_path / name / "state" / "model.safetensors") for name in ("first", "only"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed >= {name for name in before if name.startswith("model.layers.0.")}
    assert changed <= {name for name in before if name.startswith(("model.layers.0.", "heads."))}
    assert "heads.first.places.0" in changed
    lines = [json.loads(line) for line in (tmp_path / "only" / "log.jsonl").read_text().splitlines()]
    losses = [line["loss.first"] for line in lines if "loss.first" in line]
    assert max(losses[-3:]) < losses[0]
    again = Trainer(config, tokenizer, data, tmp_path / "only", replace(settings, only=(1, 1)))
    assert again.resume()


def test_the_first_layers_can_stay_as_they_are_while_those_above_learn(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, tokens=60_000, outcome_weight=5.0, parts_weight=1.0, kept=1)
    config = replace(
        config_for("tiny", tokenizer), max_position_embeddings=512, num_hidden_layers=4, layer_types=(FULL,) * 4
    )
    trainer = Trainer(config, tokenizer, data, tmp_path, settings)
    before = {name: parameter.detach().clone() for name, parameter in trainer.parameters.items()}
    trainer.run()
    changed = {name for name in before if not torch.equal(before[name], trainer.parameters[name])}
    assert changed >= {name for name in before if name.startswith("model.layers.1.")}
    assert not any(name.startswith(("model.embed_tokens.", "model.layers.0.")) for name in changed)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]
    asked = {name.removeprefix("loss.") for line in lines for name in line} & {*ASKED}
    assert asked == {"name", "first", "later", "outcome", "choice"}  # what the documents ask above the first layer
    assert {name.split(".")[1] for name in changed if name.startswith("heads.")} == asked
    assert Trainer(config, tokenizer, data, tmp_path, settings).resume()
    with pytest.raises(ValueError, match="leaves none of 4 layers"):
        Trainer(config, tokenizer, data, tmp_path, replace(settings, kept=4))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel says what a CPU can")
def test_a_cpu_without_instructions_for_bf16_is_told() -> None:
    has_them = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    assert has_bf16("cpu") == has_them
    assert has_bf16("cuda:1")


@pytest.mark.parametrize(
    ("only", "weight", "reason"),
    [
        ((2, 2), 1.0, "nothing is asked behind layer 2: end with one of 1"),
        ((1, 2), 1.0, "nothing is asked behind layer 2: end with one of 1"),
        ((1, 3), 1.0, "nothing is asked behind layer 3: end with one of 1"),
        ((1, 1), 0.0, "give these --parts-weight"),
    ],
)
def test_layers_behind_which_nothing_is_asked_are_refused(
    only: tuple[int, int], weight: float, reason: str, data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    config = replace(config_for("tiny", tokenizer), max_position_embeddings=512)
    with pytest.raises(ValueError, match=reason):
        Trainer(config, tokenizer, data, tmp_path, replace(SETTINGS, only=only, parts_weight=weight))


def test_the_command_trains_some_layers_alone_and_says_which_it_can(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.model").write_bytes(tokenizer.serialized)
    command = ["train", "--data", str(data), "--tokenizer", str(tmp_path / "tokenizer.model"), "--config", "tiny"]
    command += ["--batch", "2048", "--context", "512", "--threads", "1", "--fp32", "--tokens", "3000"]
    command += ["--out", str(tmp_path / "run"), "--parts-weight", "1"]
    assert main([*command, "--only-layers", "1-1"]) == 0
    assert main([*command, "--only-layers", "1-2"]) == 2
    assert capsys.readouterr().err == "nothing is asked behind layer 2: end with one of 1\n"
    for wrong in ("2", "2-1", "0-1", "a-b"):
        with pytest.raises(SystemExit):
            main([*command, "--only-layers", wrong])
        assert "name the first and the last, as in 8-10" in capsys.readouterr().err


def test_the_heads_come_and_go_between_the_parts_of_a_run(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    config = replace(config_for("tiny", tokenizer), max_position_embeddings=512)
    for part, weight in enumerate((0.0, 5.0, 0.0, 5.0), 1):
        run = Trainer(
            config, tokenizer, data, tmp_path / "run", replace(SETTINGS, tokens=8_000 * part, outcome_weight=weight)
        )
        assert run.resume() is (part > 1)
        before = run.optimizer.steps
        run.run()
        assert run.optimizer.steps > before
        kept = load_file(tmp_path / "run" / "state" / "model.safetensors")
        assert any("heads" in name for name in kept) is bool(weight)
    shown = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"loss.outcome" in line for line in shown if "loss.action" in line} == {True, False}


def test_the_sizes_have_the_parameters_that_their_names_promise(tokenizer: SentencePieceTokenizer) -> None:
    from cwm_server.architecture import Decoder

    with torch.device("meta"):
        counts = {
            name: sum(p.numel() for p in Decoder(replace(config, vocab_size=2048)).parameters())
            for name, config in SIZES.items()
        }
    assert 5_000 < counts["tiny"] < 50_000
    assert 5.5e6 < counts["small"] < 7e6
    assert 25e6 < counts["medium"] < 35e6
    assert 90e6 < counts["large"] < 110e6


@pytest.mark.parametrize(("count", "window"), [(300, 300), (300, 70), (128, 128), (1, 5), (257, 1)])
def test_attention_in_blocks_equals_attention_at_once(count: int, window: int) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, heads, count, 8, requires_grad=True) for heads in (4, 2, 2))
    distance = torch.arange(count)[:, None] - torch.arange(count)[None, :]
    repeated = (x.repeat_interleave(2, dim=1) for x in (k, v))
    expected = torch.nn.functional.scaled_dot_product_attention(
        q, *repeated, attn_mask=(distance >= 0) & (distance < window)
    )
    found = block_attention(q, k, v, window)
    assert torch.allclose(found, expected, atol=1e-5)
    grad = torch.randn_like(found)
    for mine, theirs in zip(
        torch.autograd.grad(found, (q, k, v), grad), torch.autograd.grad(expected, (q, k, v), grad), strict=True
    ):
        assert torch.allclose(mine, theirs, atol=1e-4)


# The corpus


def test_each_token_knows_what_it_belongs_to(tokenizer: SentencePieceTokenizer) -> None:
    segments: list[Segment] = [
        *encode_context("x\n"),
        *(Special.CALL, '{"n": "1"}', Special.ACTION, "def f(n):\n", Special.FRAME),
        *(Special.LINE, '{"n": "..", "total": "[12]", "m": "\'q\'"}', Special.ACTION, "    return n\n", Special.FRAME),
        *(Special.RETURN, Special.ACTION, "    return n\n", Special.ARGUMENT, '"1"', Special.FRAME, Special.END),
    ]
    packed = Encoder(tokenizer).pack([segments], 512)
    assert packed.tokens.tolist() == tokenizer.encode(segments)
    shown: dict[int, str] = dict.fromkeys((GIVEN, EVENT, LOCALS, CHANGED, ACTION, ARGUMENT), "")
    for token, kind in zip(packed.tokens, packed.classes, strict=True):
        text = tokenizer.decode([int(token)])[0]
        shown[int(kind)] += text.name + " " if isinstance(text, Special) else text
    assert shown[EVENT] == "LINE RETURN END "
    assert shown[GIVEN] == 'BEGIN CONTEXT x\nFRAME CALL {"n": "1"}ACTION def f(n):\nFRAME '
    assert shown[CHANGED] == '": "[12]", "": "\'q\'"}'
    assert shown[LOCALS] == '{"n": "..", "totalm'
    assert shown[ACTION] == "ACTION     return n\nFRAME ACTION     return n\nARGUMENT "
    assert shown[ARGUMENT] == '"1"FRAME '


@pytest.mark.parametrize("limit", [130, 200, 400, 10_000])
def test_a_long_document_is_cut_between_frames_and_every_frame_is_kept(
    tokenizer: SentencePieceTokenizer, limit: int
) -> None:
    trace = counting(30, 7)
    segments = document(trace)
    pieces = list(windows(segments, limit, Encoder(tokenizer).measure))
    header = len(encode_context(""))
    seen: list[Frame] = []
    for number, piece in enumerate(pieces):
        assert len(tokenizer.encode(piece)) <= limit
        assert piece[:header] == segments[:header]
        decoded = decode(piece[header:])
        assert not decoded.problems
        frames = list(decoded.frames)
        if number:
            assert replace(frames[0], scope=0) == seen[-1]
        seen += frames[1:] if number else frames
        assert (Special.END in piece) == (number == len(pieces) - 1)
    assert [(f.event, f.source, f.locals) for f in seen] == [(f.event, f.source, f.locals) for f in trace.frames]
    assert (len(pieces) == 1) == (limit == 10_000)


def test_a_piece_that_begins_with_an_exception_shows_all_values_after_it(tokenizer: SentencePieceTokenizer) -> None:
    lines = [f"    x = {number}\n" for number in range(4)]
    state = {"items": str(list(range(12)))}
    frames = [Frame(Event.CALL, "def f(items):\n", state), Frame(Event.LINE, lines[0], state)]
    frames += [Frame(Event.EXCEPTION, lines[0], None, "error"), Frame(Event.LINE, lines[1], state)]
    frames += [Frame(Event.LINE, line, state) for line in lines[2:]]
    segments = document(Trace(tuple(frames), Context("".join(lines)), Meta("3.11", Ending.OPEN)))
    measure = Encoder(tokenizer).measure
    after = segments.index(Special.EXCEPTION) + 6
    first, second, *_ = windows(segments, measure(segments[:after]), measure)
    assert first == segments[:after]
    shown = decode(second[len(encode_context("")) :])
    assert [frame.event for frame in shown.frames[:2]] == [Event.EXCEPTION, Event.LINE]
    assert shown.frames[1].locals == state
    assert not shown.problems


def test_packed_shards_are_reused_and_new_ones_are_added(
    data: Path, tokenizer: SentencePieceTokenizer, tmp_path: Path
) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    write_shard(shards / "shard-0000.jsonl", [document(counting(2))] * 3)
    first = corpus.pack_directory(shards, tmp_path / "packed", tokenizer, 512)
    stamp = first["train"][0].stat().st_mtime_ns
    write_shard(shards / "shard-0001.jsonl", [document(counting(3))] * 3)
    second = corpus.pack_directory(shards, tmp_path / "packed", tokenizer, 512)
    assert second["train"][0].stat().st_mtime_ns == stamp
    joined = corpus.join([corpus.load_packed(path) for path in second["train"]])
    assert len(joined) == 4
    assert tokenizer.decode(joined.document(3).tokens.tolist()) == document(counting(3))


def test_each_process_of_a_run_packs_its_part_of_the_shards(tokenizer: SentencePieceTokenizer, tmp_path: Path) -> None:
    for number in range(5):
        write_shard(tmp_path / f"shard-{number:04}.jsonl", [document(counting(number + 1))] * 2)
    packed = tmp_path / "packed"
    parts = [corpus.pack_directory(tmp_path, packed, tokenizer, 512, rank, 2)["train"] for rank in range(2)]
    assert [len(part) for part in parts] == [3, 2]
    stamps = {path: path.stat().st_mtime_ns for part in parts for path in part}
    together = corpus.pack_directory(tmp_path, packed, tokenizer, 512)["train"]
    assert together == sorted(stamps)
    assert {path: path.stat().st_mtime_ns for path in together} == stamps


@pytest.mark.parametrize("line", ["{", '{"segments": [99]}', '{"segments": 3}', "[]"])
def test_a_line_that_is_no_document_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "shard-0000.jsonl"
    path.write_text(json.dumps({"segments": [0]}) + "\n" + line + "\n")
    with pytest.raises(ValueError, match=r"shard-0000\.jsonl, line 2 is not a document"):
        list(corpus.read_shard(path))


# Batches


def test_an_epoch_has_every_document_once_in_an_order_of_its_own() -> None:
    lengths = np.random.default_rng(0).integers(5, 900, 3000)
    epochs = [plan(lengths, 4096, 0, epoch) for epoch in (0, 0, 1)]
    for batches in epochs:
        assert sorted(np.concatenate(batches).tolist()) == list(range(3000))
        padded = [len(batch) * (-(-lengths[batch].max() // 64) * 64) for batch in batches]
        assert max(padded) <= 4096
        assert sum(len(batch) % 2 for batch in batches) < 0.05 * len(batches)  # two processes have as many rows each
        assert lengths.sum() / sum(padded) > 0.85
    assert [batch.tolist() for batch in epochs[0]] == [batch.tolist() for batch in epochs[1]]
    assert [batch.tolist() for batch in epochs[0]] != [batch.tolist() for batch in epochs[2]]


def test_the_processes_of_a_run_share_each_batch(tokenizer: SentencePieceTokenizer) -> None:
    packed = Encoder(tokenizer).pack([document(counting(n)) for n in range(7)], 512)
    batch = gather(packed, np.arange(7))
    parts = [piece.ids for rank in range(3) for piece in split(batch, 600, rank, 3)]
    assert sorted(row.tolist() for part in parts for row in part) == sorted(batch.ids.tolist())


def test_evaluation_counts_a_frame_as_right_only_when_all_of_it_is(tokenizer: SentencePieceTokenizer) -> None:
    packed = Encoder(tokenizer).pack([document(counting(3))], 512)
    tokens = torch.from_numpy(packed.tokens.astype(np.int64))
    wrong = int(np.flatnonzero(packed.classes == CHANGED)[0])

    class Oracle(torch.nn.Module):
        """Knows the document but for one token of a changed value."""

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            following = torch.zeros_like(ids)
            following[0, : len(tokens) - 1] = tokens[1:]
            following[0, wrong - 1] = 0
            return torch.nn.functional.one_hot(following, tokenizer.vocabulary_size) * 20.0

    figures = evaluate(Oracle(), packed, 1)  # type: ignore[arg-type]
    frames = len(counting(3).frames)
    # The entry's call is given; the end stands as a frame of its own.
    assert figures["heldout.frame"] == pytest.approx((frames - 1) / frames)
    assert figures["heldout.changed"] < 1.0
    assert figures["heldout.action"] == figures["heldout.event"] == figures["heldout.locals"] == 1.0


def test_evaluation_takes_documents_from_all_of_them(tokenizer: SentencePieceTokenizer) -> None:
    packed = Encoder(tokenizer).pack([document(counting(1 + number)) for number in range(9)], 512)
    seen: list[int] = []

    class Reader(torch.nn.Module):
        """Keeps how long what it reads is."""

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            seen.extend(int(count) for count in (ids != 0).sum(1))
            return torch.zeros(*ids.shape, tokenizer.vocabulary_size)

    evaluate(Reader(), packed, 3)  # type: ignore[arg-type]
    lengths = [int((packed.document(number).tokens != 0).sum()) for number in (0, 4, 8)]
    assert sorted(seen) == lengths
    seen.clear()
    evaluate(Reader(), packed, 100)  # type: ignore[arg-type]
    assert len(seen) == 9
