"""`python -m cwm_server.training tokenizer|train|average`: a tokenizer of a corpus, a model, one between two."""

from __future__ import annotations

import argparse
import itertools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m cwm_server.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    tokenizer = commands.add_parser("tokenizer", help="learn a vocabulary from the shards of a corpus")
    tokenizer.add_argument("--data", type=Path, required=True, help="directory of shards (*.jsonl)")
    tokenizer.add_argument("--out", type=Path, required=True, help="directory for tokenizer.model")
    tokenizer.add_argument("--size", type=int, default=2048, help="pieces in the vocabulary")
    tokenizer.add_argument("--documents", type=int, default=4000, help="documents to learn from")
    train = commands.add_parser("train", help="train a model for a bounded time or number of tokens")
    train.add_argument("--data", type=Path, required=True, help="directory of shards (*.jsonl)")
    train.add_argument("--tokenizer", type=Path, help="tokenizer.model; default: the one in --data")
    train.add_argument("--out", type=Path, required=True, help="directory for the model, its log and its state")
    train.add_argument("--config", default="small", choices=["tiny", "small", "deep", "medium", "large"])
    train.add_argument(
        "--attention",
        choices=["cwm", "full"],
        help="layers that see everything: every fourth, or all (default: every fourth, and the one that looks up)",
    )
    train.add_argument(
        "--init", type=Path, help="directory of a model to start from, with its tokenizer; it may be smaller"
    )
    train.add_argument("--minutes", type=float, help="budget of time, all resumed runs together")
    train.add_argument("--tokens", type=float, help="budget of tokens")
    train.add_argument(
        "--decay",
        type=float,
        default=1 / 3,
        help="part of the budget, at its end, over which the learning rate falls; 2: in all of it, from half the top",
    )
    train.add_argument("--context", type=int, default=2048, help="longest document in tokens; longer ones are cut")
    train.add_argument("--batch", type=int, default=8_192, help="tokens of a step")
    train.add_argument("--micro", type=int, default=4_096, help="tokens that a process works on at once")
    train.add_argument("--threads", type=int, default=2, help="threads of a process")
    train.add_argument("--processes", type=int, default=1, help="processes that share each step")
    train.add_argument("--device", default="cpu", help="cpu or cuda")
    train.add_argument(
        "--fp32", action="store_true", help="no bf16 autocast, nor where a CPU has no instructions for it"
    )
    train.add_argument("--compile", action="store_true", help="compile the training step")
    train.add_argument("--rate", type=float, help="learning rate of the matrices")
    train.add_argument("--changed-weight", type=float, default=1.0, help="weight of the loss on changed values")
    train.add_argument("--action-weight", type=float, default=1.0, help="weight of the loss on the lines that run next")
    train.add_argument("--argument-weight", type=float, default=1.0, help="weight of the loss on returned values")
    train.add_argument(
        "--outcome-weight", type=float, default=0.0, help="weight of the loss on how the conditions of lines come out"
    )
    train.add_argument(
        "--parts-weight", type=float, default=0.0, help="weight of the loss on what names and expressions stand for"
    )
    train.add_argument(
        "--only-layers",
        type=_layers,
        metavar="FIRST-LAST",
        help="train these layers, counted from 1, on what the heads behind them ask; those below stay as they are",
    )
    train.add_argument(
        "--keep-layers",
        type=int,
        default=0,
        metavar="N",
        help="so many of the first layers, and the embedding, stay as they are; what is asked behind them is not",
    )
    train.add_argument("--given-weight", type=float, default=0.1, help="weight of the loss on the source context")
    train.add_argument("--eval-every", type=int, default=100, help="steps between evaluations")
    train.add_argument("--save-minutes", type=float, default=5.0, help="minutes between checkpoints")
    train.add_argument("--shard-size", type=int, help="cut the weights into files of at most so many bytes")
    train.add_argument("--resume", action="store_true", help="continue from the state in --out")
    train.add_argument("--seed", type=int, default=0)
    between = commands.add_parser("average", help="a model between one and what a run made of it")
    between.add_argument("before", type=Path, help="directory of a model")
    between.add_argument("after", type=Path, help="directory of a run that began with it")
    between.add_argument("--share", type=_share, default=0.5, help="how far the new model is on the way, 0 to 1 (0.5)")
    between.add_argument("--out", type=Path, required=True, help="directory for the new model")
    options = parser.parse_args(arguments)
    if options.command == "tokenizer":
        return _tokenizer(options)
    if options.command == "average":
        return _average(options)
    if options.minutes is None and options.tokens is None:
        parser.error("a run needs a budget: --minutes or --tokens")
    if not 0 < options.decay < float("inf"):
        parser.error("--decay is a part of the budget: a number above 0")
    if options.keep_layers < 0:
        parser.error("--keep-layers is a number of layers: from 0 on")
    if options.processes > 1 and "RANK" not in os.environ:
        return _spawn(list(arguments if arguments is not None else sys.argv[1:]), options.processes)
    return _train(options)


def _layers(text: str) -> tuple[int, int]:
    """`8-10` as a pair. Raises ArgumentTypeError for anything else."""
    found = re.fullmatch(r"([1-9]\d*)-([1-9]\d*)", text)
    if found is None or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} are no layers; name the first and the last, as in 8-10")
    return int(found[1]), int(found[2])


def _share(text: str) -> float:
    """A number from 0 to 1. Raises ArgumentTypeError for anything else."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; name a number from 0 to 1")
    return share


def _tokenizer(options: argparse.Namespace) -> int:
    from cwm_server.training.corpus import read_shard, shards
    from cwm_server.training.tokenizer_training import train_tokenizer

    found = shards(options.data)
    if not found:
        print(f"{options.data}: no shards (*.jsonl) in it; make the data first", file=sys.stderr)
        return 2
    documents = itertools.chain.from_iterable(read_shard(path, "train") for path in found)
    path = train_tokenizer(itertools.islice(documents, options.documents), options.out, options.size)
    print(path)
    return 0


def _average(options: argparse.Namespace) -> int:
    from cwm_server.architecture import CheckpointError
    from cwm_server.training.averaging import average

    try:
        average(options.before, options.after, options.share, options.out)
    except (ValueError, CheckpointError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _spawn(arguments: list[str], processes: int) -> int:
    """Run this command in several processes that find each other the way torchrun's do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "cwm_server.training", *arguments]
    running = [subprocess.Popen(command, env={**common, "RANK": str(rank)}) for rank in range(processes)]
    try:
        return max(process.wait() for process in running)
    finally:
        for process in running:
            process.kill()


def _train(options: argparse.Namespace) -> int:
    import torch
    import torch.distributed as dist

    from cwm_server.model_config import FULL
    from cwm_server.tokenizer import SENTENCEPIECE_FILE, SentencePieceTokenizer
    from cwm_server.training.configs import branch_tokens, config_for
    from cwm_server.training.optimizer import Rates
    from cwm_server.training.precision import has_bf16
    from cwm_server.training.trainer import Settings, Trainer

    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    torch.set_num_threads(max(1, options.threads // options.processes))
    if world > 1:
        if options.device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", rank)))
        dist.init_process_group("nccl" if options.device == "cuda" else "gloo")
    path = options.tokenizer or (options.init or options.data) / SENTENCEPIECE_FILE
    tokenizer = SentencePieceTokenizer(path.read_bytes())
    settings = Settings(
        minutes=options.minutes,
        tokens=options.tokens,
        decay=options.decay,
        context=options.context,
        batch=options.batch,
        micro=options.micro,
        seed=options.seed,
        device=options.device,
        bf16=not options.fp32 and has_bf16(options.device),
        compile=options.compile,
        changed_weight=options.changed_weight,
        action_weight=options.action_weight,
        argument_weight=options.argument_weight,
        outcome_weight=options.outcome_weight,
        parts_weight=options.parts_weight,
        given_weight=options.given_weight,
        eval_every=options.eval_every,
        save_minutes=options.save_minutes,
        shard_size=options.shard_size,
        only=options.only_layers,
        kept=options.keep_layers,
    )
    rates = Rates() if options.rate is None else Rates(matrices=options.rate)
    config = replace(config_for(options.config, tokenizer), max_position_embeddings=options.context)
    if options.outcome_weight:
        config = replace(config, branch_token_ids=branch_tokens(tokenizer))
    if options.attention is not None:
        pattern = (FULL,) * config.num_hidden_layers if options.attention == "full" else ()
        config = replace(config, layer_types=pattern)
    try:
        trainer = Trainer(config, tokenizer, options.data, options.out, settings, rates, rank, world)
        if options.init is not None:
            trainer.start_from(options.init)
        if options.resume and not trainer.resume() and rank == 0:
            print(f"{options.out}: no state to resume, starting anew", file=sys.stderr)
    except ValueError as error:
        if rank == 0:
            print(error, file=sys.stderr)
        return 2
    trainer.run()
    if world > 1:
        dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
