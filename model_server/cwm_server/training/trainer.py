"""Trains a decoder on packed traces for a bounded time or number of tokens; resumable, in one process or several."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cwm_server.architecture import Decoder, save_model
from cwm_server.model_config import ModelConfig
from cwm_server.tokenizer import SENTENCEPIECE_FILE, SentencePieceTokenizer
from cwm_server.training.attention import block_attention
from cwm_server.training.batches import Batch, gather, loss_weights, plan, split
from cwm_server.training.corpus import CLASSES, Packed, join, load_packed, pack_directory
from cwm_server.training.evaluation import evaluate
from cwm_server.training.growth import fits, grow
from cwm_server.training.heads import ASKED, CHOICE, Heads, branch_odds, questions_of, tapped_layers
from cwm_server.training.log import FIGURES, Log, Window
from cwm_server.training.optimizer import Optimizer, Rates, initialize, schedule
from cwm_server.training.parts import IGNORED, KINDS
from cwm_server.training.runs import HEADS, STATE, STATE_WEIGHTS, model_of, parted


@dataclass(frozen=True, slots=True)
class Settings:
    """One training run. The budget is `minutes`, or `tokens`, or whichever is used up first."""

    minutes: float | None = None
    tokens: float | None = None
    decay: float = 1 / 3  # of the budget, at its end: there the learning rate falls; see `schedule`
    context: int = 1024
    batch: int = 8_192
    micro: int = 4_096
    seed: int = 0
    device: str = "cpu"
    bf16: bool = True
    compile: bool = False
    given_weight: float = 0.1
    changed_weight: float = 1.0
    action_weight: float = 1.0
    argument_weight: float = 1.0
    outcome_weight: float = 0.0
    parts_weight: float = 0.0
    eval_every: int = 100
    eval_documents: int = 64
    log_every: int = 10
    save_minutes: float = 5.0
    shard_size: int | None = None
    only: tuple[int, int] | None = None  # the first and the last layer to be trained, counted from 1; see `Trainer`
    kept: int = 0  # so many of the first layers, and the embedding, stay as they are


@dataclass(slots=True)
class Progress:
    """Where a run stands, as `state.json` keeps it."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    epoch: int = 0
    batch: int = 0
    files: int = 0  # packed files that the epoch is made of


class Trainer:
    """One process of a run: `rank` of `world`, which share each batch's rows and sum their gradients.

    A run that trains `only` some layers asks what the heads behind them ask and nothing else. The layers below stay as
    they are, and those above are not run. Raises ValueError where none is asked behind the last of them, and where all
    layers are `kept`.
    """

    def __init__(
        self,
        config: ModelConfig,
        tokenizer: SentencePieceTokenizer,
        data: Path,
        out: Path,
        settings: Settings,
        rates: Rates | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.config, self.tokenizer, self.data, self.out = config, tokenizer, data, out
        self.settings, self.rank, self.world = settings, rank, world
        self.progress = Progress()
        self.model = Decoder(config)
        initialize(self.model, settings.seed)
        self.model.to(settings.device)
        if settings.device == "cpu":
            disable: Any = torch.compiler.disable
            self.model.replace_causal_attention(disable(block_attention) if settings.compile else block_attention)
        asks = settings.outcome_weight or settings.parts_weight
        self.heads = Heads(config.hidden_size).to(settings.device) if asks else None
        self.parameters = dict(self.model.named_parameters())
        if self.heads is not None:
            self.parameters |= {HEADS + name: parameter for name, parameter in self.heads.named_parameters()}
        self.weights = loss_weights(
            settings.given_weight, settings.changed_weight, settings.action_weight, settings.argument_weight
        ).to(settings.device)
        # By what the sum of the losses is divided: how many tokens or, without them, how many questions there are.
        self._normal = torch.cat((self.weights[: len(CLASSES)].cpu(), torch.zeros(len(ASKED) + 1)))
        self._tapped = tapped_layers(config.num_hidden_layers)
        self.trained = self.parameters
        losses: Callable[..., tuple[Tensor, Tensor, Tensor]] = self._losses
        if settings.only is not None:
            self.trained = self._chosen(*settings.only)
            losses = self._answers
        elif settings.kept:
            self.trained = self._above(settings.kept)
        self._loss = torch.compile(losses, dynamic=True) if settings.compile else losses
        self.optimizer = Optimizer(self.trained, rates, rank, world)
        self._packs: dict[Path, Packed] = {}

    def run(self) -> dict[str, float]:
        """Train until the budget is used up; write the weights. Returns the last evaluation."""
        self.out.mkdir(parents=True, exist_ok=True)
        began, before = time.monotonic(), self.progress.seconds
        saved = began
        log, window = Log(self.out), Window()
        result: dict[str, float] = {}
        train, held_out, batches = self._epoch()
        while True:
            self.progress.seconds = before + time.monotonic() - began
            share = self._share(self.progress)
            if self.progress.batch >= len(batches):
                self.progress.epoch, self.progress.batch, self.progress.files = self.progress.epoch + 1, 0, 0
                train, held_out, batches = self._epoch()
            batch = gather(train, batches[self.progress.batch])
            share, loss_sums, counts = self._gradients(batch, share)
            if share >= 1.0:
                break
            norm = self.optimizer.step(schedule(share, decay=self.settings.decay))
            self.progress.step += 1
            self.progress.batch += 1
            self.progress.tokens += int((batch.classes != 255).sum())
            window.add(loss_sums, counts)
            due = self.progress.step % self.settings.eval_every == 0
            if self.rank == 0 and self.progress.step % self.settings.log_every == 0:
                seen = {"step": self.progress.step, "tokens": self.progress.tokens, "seconds": self.progress.seconds}
                log.add(seen | window.flush(self.progress.tokens) | {"norm": norm, "share": share})
            if self.rank == 0 and due:
                result = self._evaluate(held_out, log)
            if self.rank == 0 and time.monotonic() - saved > self.settings.save_minutes * 60:
                self.save()
                saved = time.monotonic()
        if self.rank == 0:
            result = self._evaluate(held_out, log)
            self.save()
        log.close()
        return result

    def save(self) -> None:
        """Write the weights as they ship, and beside them all that a resumed run needs."""
        save_model(self.model, self.out, self.settings.shard_size, self.tokenizer.digest)
        (self.out / SENTENCEPIECE_FILE).write_bytes(self.tokenizer.serialized)
        final, part, old = (self.out / (STATE + suffix) for suffix in ("", ".part", ".old"))
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file({n: p.detach().cpu().contiguous() for n, p in self.parameters.items()}, part / STATE_WEIGHTS)
        save_file({n: t.cpu().contiguous() for n, t in self.optimizer.state().items()}, part / "optimizer.safetensors")
        facts = {
            "progress": asdict(self.progress),
            "settings": asdict(self.settings),
            "optimizer_steps": self.optimizer.steps,
        }
        facts |= {"tokenizer": self.tokenizer.digest, "data": str(self.data.resolve())}
        (part / "state.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        # At every moment one of the two is complete.
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        part.rename(final)
        shutil.rmtree(old, ignore_errors=True)

    def start_from(self, directory: Path) -> None:
        """Take the weights of another model with this tokenizer, of this size or one that grows to it.

        Those of a run as its state has them, in full precision and with its heads. The optimizer starts anew.
        """
        tokenizer = SentencePieceTokenizer((directory / SENTENCEPIECE_FILE).read_bytes())
        if tokenizer.digest != self.tokenizer.digest:
            raise ValueError(f"{directory} was trained with another tokenizer; name its own with --tokenizer")
        model, heads = model_of(directory)
        if not fits(model.config, self.config):
            raise ValueError(f"{directory} holds a model of another size that does not grow to this; name its --config")
        self.model.load_state_dict(grow(model.state_dict(), model.config, self.model.state_dict(), self.config))
        self._load_heads(heads)

    def resume(self) -> bool:
        """Continue from the state in the output directory, on other data if they are others; False without a state."""
        state = next((s for s in (self.out / STATE, self.out / (STATE + ".old")) if (s / "state.json").exists()), None)
        if state is None:
            return False
        facts: dict[str, Any] = json.loads((state / "state.json").read_text(encoding="utf-8"))
        if facts["tokenizer"] != self.tokenizer.digest:
            raise ValueError(f"{state} was trained with another tokenizer; name another output directory")
        weights, heads = parted(load_file(state / STATE_WEIGHTS))
        self.model.load_state_dict(weights)
        self._load_heads(heads)
        kept = load_file(state / "optimizer.safetensors")
        self.optimizer.load(_with_heads(kept, self.optimizer.state()), facts["optimizer_steps"])
        self.progress = Progress(**facts["progress"])
        if facts.get("data") not in (None, str(self.data.resolve())):  # other documents: from their beginning
            self.progress.epoch, self.progress.batch, self.progress.files = self.progress.epoch + 1, 0, 0
        return True

    def _load_heads(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the heads that are among the tensors; others stay as they are."""
        if self.heads is not None:
            own = self.heads.state_dict()
            self.heads.load_state_dict({name: tensors.get(name, own[name]) for name in own})

    def _epoch(self) -> tuple[Packed, Packed, list[Any]]:
        """The documents of this epoch and their batches. Shards that came since the last epoch take part."""
        corpus = (self.data, self.out / "packed", self.tokenizer, self.settings.context)
        if self.world > 1:
            pack_directory(*corpus, self.rank, self.world)
            dist.barrier()
        paths = pack_directory(*corpus)
        files = self.progress.files or len(paths["train"])
        if self.world > 1:
            shared = torch.tensor([files], device=self.settings.device)
            dist.broadcast(shared, 0)
            files = int(shared)
        self.progress.files = files
        for path in paths["train"][:files]:
            if path not in self._packs:
                self._packs[path] = load_packed(path)
        train = join([self._packs[path] for path in paths["train"][:files]])
        if not len(train):
            raise ValueError(f"{self.data}: no shard with documents to train on; make the data first")
        held_out = join([load_packed(path) for path in paths["heldout"]])
        return train, held_out, plan(train.lengths(), self.settings.batch, self.settings.seed, self.progress.epoch)

    def _share(self, progress: Progress) -> float:
        """How much of the budget is used up, 0 to 1."""
        shares = []
        if self.settings.minutes is not None:
            shares.append(progress.seconds / 60 / self.settings.minutes)
        if self.settings.tokens is not None:
            shares.append(progress.tokens / self.settings.tokens)
        if not shares:
            raise ValueError("a run needs a budget: minutes or tokens")
        return min(1.0, max(shares))

    def _gradients(self, batch: Batch, share: float) -> tuple[float, Tensor, Tensor]:
        """Gradients of a batch's mean weighted loss on all processes; rank 0's share, loss and count per class."""
        loss_sums, counts = torch.zeros(len(FIGURES)), torch.zeros(len(FIGURES))
        for parameter in self.trained.values():
            parameter.grad = None
        for piece in split(batch, self.settings.micro, self.rank, self.world):
            questions = questions_of(piece.parts) if self.heads is not None else []
            ids, classes, outcomes, *flat = (
                tensor.to(self.settings.device)
                for tensor in (piece.ids, piece.classes, piece.outcomes, *itertools.chain.from_iterable(questions))
            )
            with self._autocast():
                total, losses, asked = self._loss(ids, classes, outcomes, list(zip(flat[::2], flat[1::2], strict=True)))
            torch.autograd.backward(total / 1000)
            kinds = classes[:, 1:].flatten().long()
            known = kinds < len(CLASSES)
            per_class = torch.zeros(256, device=losses.device).index_add_(0, kinds, losses.detach())
            loss_sums += torch.cat((per_class[: len(CLASSES)], asked.detach())).cpu()
            counts += torch.bincount(kinds[known], minlength=len(FIGURES)).cpu()
            if self.heads is not None:
                asks = [int((pieces[:, 0] != IGNORED).sum()) for _, pieces in questions]
                asks += [int(judge.question.is_asked(outcomes).sum()) for judge in self.heads.judges]
                branches = asks[-1] if self.config.branch_token_ids is not None else 0
                asks = [count * self._is_trained(layer) for count, layer in zip(asks, self._tapped, strict=True)]
                counts[len(CLASSES) :] += torch.tensor([*asks, branches])
        share = self._reduce(share, loss_sums, counts)
        weight = float((counts * self._normal).sum())
        for parameter in self.trained.values():
            if parameter.grad is not None:
                parameter.grad.mul_(1000 / max(weight, 1.0))
        return share, loss_sums, counts

    def _reduce(self, share: float, loss_sums: Tensor, counts: Tensor) -> float:
        """Sum gradients and figures over all processes, in place. Returns rank 0's share, so that all stop together."""
        if self.world == 1:
            return share
        for parameter in self.trained.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        grads = [p.grad for p in self.trained.values() if p.grad is not None]
        figures = torch.cat([loss_sums, counts, torch.tensor([share if self.rank == 0 else 0.0])]).to(grads[0].device)
        flat = torch.cat([grad.flatten() for grad in grads] + [figures])
        dist.all_reduce(flat)
        sizes = [grad.numel() for grad in grads]
        *pieces, figures = torch.split(flat, [*sizes, figures.numel()])
        for grad, piece in zip(grads, pieces, strict=True):
            grad.copy_(piece.view_as(grad))
        n = len(FIGURES)
        loss_sums.copy_(figures[:n])
        counts.copy_(figures[n : 2 * n])
        return float(figures[-1])

    def _losses(
        self, ids: Tensor, classes: Tensor, outcomes: Tensor, questions: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Weighted sum of the losses of a piece, each token's loss (B * (T - 1),), and sums of those of the heads."""
        hidden, found = self.model.tapped(ids, self._tapped)
        logits = self.model.head(hidden[:, :-1]).float()
        losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        total = (losses * self.weights[classes[:, 1:].flatten().long()]).sum()
        asked = torch.zeros(len(ASKED) + 1, device=ids.device)
        if self.heads is None:
            return total, losses, asked
        taps = [tap if self._is_trained(layer) else None for tap, layer in zip(found, self._tapped, strict=True)]
        asked[:-1] = self.heads(taps, self.model.model.embed_tokens.weight, outcomes, questions)
        if self.config.branch_token_ids is not None:
            asked[-1] = CHOICE.losses(branch_odds(logits, self.config.branch_token_ids), outcomes[:, :-1]).sum()
        return total + self._weighed(asked), losses, asked

    def _answers(
        self, ids: Tensor, classes: Tensor, outcomes: Tensor, questions: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same of a run that trains only some layers, without the losses of tokens."""
        assert self.heads is not None
        taps = iter(self.model.taps(ids, [layer for layer in self._tapped if self._is_trained(layer)]))
        behind = [next(taps) if self._is_trained(layer) else None for layer in self._tapped]
        asked = F.pad(self.heads(behind, self.model.model.embed_tokens.weight, outcomes, questions), (0, 1))
        return self._weighed(asked), torch.zeros(classes[:, 1:].numel(), device=ids.device), asked

    def _weighed(self, asked: Tensor) -> Tensor:
        return self.settings.parts_weight * asked[:KINDS].sum() + self.settings.outcome_weight * asked[KINDS:].sum()

    def _is_trained(self, layer: int) -> bool:
        first, last = self.settings.only or (self.settings.kept + 1, self.config.num_hidden_layers)
        return first <= layer <= last

    def _chosen(self, first: int, last: int) -> dict[str, nn.Parameter]:
        """The parameters of some layers, and of the heads behind them; all others are left alone."""
        asked = [self._is_trained(layer) for layer in self._tapped]
        if self.heads is None:
            raise ValueError("layers alone learn from questions: give these --parts-weight or --outcome-weight")
        if last not in self._tapped:
            ends = ", ".join(str(layer) for layer in sorted(set(self._tapped)))
            raise ValueError(f"nothing is asked behind layer {last}: end with one of {ends}")
        begins = {f"model.layers.{layer - 1}." for layer in range(first, last + 1)}
        begins |= {f"{HEADS}{name}." for name, is_asked in zip(ASKED, asked, strict=True) if is_asked}
        self._normal = torch.cat((torch.zeros(len(CLASSES)), torch.tensor([*asked, False]).float()))
        return self._trained_where(lambda name: name.startswith(tuple(begins)))

    def _above(self, kept: int) -> dict[str, nn.Parameter]:
        """The parameters of the layers above so many, and of the heads behind these."""
        if kept >= self.config.num_hidden_layers:
            raise ValueError(f"--keep-layers {kept} leaves none of {self.config.num_hidden_layers} layers to train")
        stay = {"model.embed_tokens.", "lm_head."} | {f"model.layers.{layer}." for layer in range(kept)}
        stay |= {f"{HEADS}{name}." for name, layer in zip(ASKED, self._tapped, strict=True) if layer <= kept}
        return self._trained_where(lambda name: not name.startswith(tuple(stay)))

    def _trained_where(self, is_trained: Callable[[str], bool]) -> dict[str, nn.Parameter]:
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(is_trained(name))
        return {name: parameter for name, parameter in self.parameters.items() if parameter.requires_grad}

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(self.settings.device.split(":")[0], torch.bfloat16, enabled=self.settings.bf16)

    def _evaluate(self, held_out: Packed, log: Log) -> dict[str, float]:
        if not len(held_out):
            return {}
        with self._autocast():
            figures = evaluate(
                self.model, held_out, self.settings.eval_documents, self.settings.device, heads=self.heads
            )
        log.add({"step": self.progress.step, "tokens": self.progress.tokens, **figures})
        return figures


def _with_heads(kept: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """What was kept of an optimizer, but of the heads what there is here: they can come and go between runs."""
    heads = {name: kept.get(name, tensor) for name, tensor in own.items() if HEADS in name}
    return {name: tensor for name, tensor in kept.items() if HEADS not in name} | heads
