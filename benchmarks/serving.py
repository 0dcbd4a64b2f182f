"""What it costs to ask the embedded server, in ratios that are measured side by side.

    python benchmarks/serving.py [--model DIR] [--repeat 3] [--engine numpy|torch] [--only verify,rollout,...]

The truth of `verify` is what the model itself says of a recursion, with as many changed values as leave at most five
frames in which it diverges; stepping is one token after another, under the same constraint. The drafts of `rollout`
are right to various degrees. Engines are asked in turns, a figure is the median of `--repeat` rounds. fp32.

`start`, `verify` and `debugger` ask the child process as users have it: numpy, a thread for each processor that reads
parts of long prompts. `verify` steps with the same engine and as many threads, of which decoding uses one. `rollout`,
`bandwidth` and `transformers` have one thread, also those that are compared with.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")

import argparse
import contextlib
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cwm_server.engine import Engine
from cwm_server.grammar import Constraint, Grammars, Options
from cwm_server.language_model import LanguageModel
from cwm_server.loading import load
from cwm_server.numpy_model import load_numpy
from cwm_server.threads import usable
from cwm_server.tokenizer import EMBEDDED, load_tokenizer
from cwm_tracer import wire
from cwm_tracer.model import Context, Event, Frame, Trace
from cwm_tracer.wire import Special
from pytest_cwm.predictors.embedded import EmbeddedPredictor
from pytest_cwm.predictors.prompts import Codec

ITEMS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3, 2, 7]
SOURCE = f"""\
def total(numbers):
    result = 0
    for number in numbers:
        result += number
    return result

def main():  # << START_OF_TRACE
    return total({ITEMS})
"""
# What stands in a module beside what is tested: with it the warm test has some 1 200 tokens.
MODULE = """
def largest(numbers):
    best = numbers[0]
    for number in numbers[1:]:
        if number > best:
            best = number
    return best

def histogram(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])

def gcd(a, b):
    while b:
        a, b = b, a % b
    return a

def is_prime(n):
    if n < 2:
        return False
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 1
    return True

def flatten(rows):
    flat = []
    for row in rows:
        for item in row:
            flat.append(item)
    return flat

def merged(first, second):
    result = []
    while first and second:
        if first[0] <= second[0]:
            result.append(first.pop(0))
        else:
            result.append(second.pop(0))
    return result + first + second

def encoded(text, shift):
    letters = []
    for letter in text:
        if letter.isalpha():
            start = ord("a") if letter.islower() else ord("A")
            letters.append(chr((ord(letter) - start + shift) % 26 + start))
        else:
            letters.append(letter)
    return "".join(letters)

def fibonacci(count):
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers[:count]
"""
CONTEXT = Context(SOURCE)
RECURSION = """\
def down(n):
    if n == 0:
        return 0
    return down(n - 1)

def main():  # << START_OF_TRACE
    return down(90)
"""
ENDLESS = """\
def main():  # << START_OF_TRACE
    n = 0
    while True:
        n += 1
"""
_FRAME = 512  # tokens
_DIVERGING = 5  # frames of the trace that is verified
ENTRY = Frame(Event.CALL, "def main():\n", {})


def main() -> int:
    """Measure what is asked for, print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--engine", choices=["numpy", "torch"], default="numpy", help="of rollout and transformers")
    parser.add_argument("--only", default="start,verify,rollout,debugger,bandwidth,transformers")
    options = parser.parse_args()
    print(f"threads of the child process           {usable():8}")
    for name in options.only.split(","):
        SECTIONS[name](options.model, options.repeat, options.engine)
    return 0


def loaded(model: Path, engine: str) -> LanguageModel:
    """A model on one thread."""
    found = load(model, engine=engine, threads=1)
    found.prepare()
    return found.model


def recorded(items: Sequence[int] = ITEMS) -> Trace:
    """What really happens in `SOURCE`, written out."""
    text = SOURCE.replace(repr(ITEMS), repr(list(items)))
    head, step = "    for number in numbers:\n", "        result += number\n"
    state = {"numbers": repr(list(items))}
    call = text.splitlines(keepends=True)[7]
    frames = [ENTRY, Frame(Event.LINE, call, {}), Frame(Event.CALL, "def total(numbers):\n", dict(state))]
    frames.append(Frame(Event.LINE, "    result = 0\n", dict(state)))
    state["result"] = "0"
    for item in items:
        frames.append(Frame(Event.LINE, head, dict(state)))
        state["number"] = str(item)
        frames.append(Frame(Event.LINE, step, dict(state)))
        state["result"] = str(int(state["result"]) + item)
    frames.append(Frame(Event.LINE, head, dict(state)))
    frames.append(Frame(Event.LINE, "    return result\n", dict(state)))
    frames.append(Frame(Event.RETURN, "    return result\n", argument=state["result"]))
    frames.append(Frame(Event.RETURN, call, argument=state["result"]))
    return Trace(tuple(frames), Context(text))


def imagined(predictor: EmbeddedPredictor, tokens: int, changes: int) -> Trace:
    """What the model says of a recursion, about so many tokens with the context; some values are changed."""
    codec, text = Codec(load_tokenizer()), RECURSION
    context = Context(text)
    said = predictor.roll_out(context, (ENTRY,), max_frames=400).trace.frames
    frames: list[Frame] = []
    count = len(codec.context(text))
    for frame, cursor in _cursors(said):
        count += len(codec.frame(frame, cursor))
        if count > tokens:
            break
        frames.append(dataclasses.replace(frame, tokens=None))
    for place in range(1, changes + 1):
        index = place * len(frames) // (changes + 1)
        frames[index] = changed(frames[index])
    return Trace(tuple(frames), context)


def changed(frame: Frame) -> Frame:
    """The frame with another value."""
    if not frame.locals:
        return dataclasses.replace(frame, argument="1") if frame.argument is not None else frame
    name = next(iter(frame.locals))
    return dataclasses.replace(frame, locals={**frame.locals, name: "1"})


def median(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """Seconds of each call, asked in turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seconds in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
    return [statistics.median(each) for each in times]


def start(model: Path, repeat: int, engine: str) -> None:
    """From nothing to the first answer; a warm test."""
    cold = []
    for _ in range(repeat):
        began = time.perf_counter()
        with contextlib.closing(EmbeddedPredictor(model)) as predictor:
            predictor.next_frame(CONTEXT, (ENTRY,))
            cold.append(time.perf_counter() - began)
    print(f"cold start to first answer             {statistics.median(cold):8.2f} s      (bar 4)")
    with contextlib.closing(EmbeddedPredictor(model)) as predictor:
        predictor.verify(recorded())  # another context
        codec, times, wrong = Codec(load_tokenizer()), [], 0
        for number in range(repeat):
            whole = recorded([*ITEMS[number + 1 :], *ITEMS[: number + 1]])
            test = Trace(whole.frames[:30], Context(whole.context.text + MODULE))
            began = time.perf_counter()
            verification = predictor.verify(test)
            times.append(time.perf_counter() - began)
            wrong = _wrong(test, verification)
        tokens = len(codec.context(test.context.text)) + sum(len(codec.frame(*pair)) for pair in _cursors(test.frames))
        print(
            f"warm test, 30 frames, {tokens:4} tokens        {1000 * statistics.median(times):8.0f} ms     "
            f"(bar 500; {wrong} frames diverge)"
        )


def verify(model: Path, repeat: int, engine: str) -> None:
    """Verification against stepping through the same trace."""
    with contextlib.closing(EmbeddedPredictor(model)) as predictor:
        for changes in (3, 2, 1, 0):
            truth = imagined(predictor, 1_980, changes)
            wrong = _wrong(truth, predictor.verify(truth))
            if wrong <= _DIVERGING:
                break

        def step() -> None:
            for index in range(1, len(truth.frames)):
                predictor.next_frame(truth.context, truth.frames[:index])

        decoder, tokenizer = load_numpy(model, usable()), load_tokenizer(model)
        codec, stop = Codec(tokenizer), {tokenizer.special(Special.FRAME), tokenizer.special(Special.END)}

        grammars = Grammars(tokenizer, decoder.config.vocab_size)

        def step_plainly() -> None:
            plain = Engine(decoder, guessing=False)
            ids = codec.context(truth.context.text)
            for frame, cursor in _cursors(truth.frames[:-1]):
                ids = ids + codec.frame(frame, cursor)
                rules = Constraint(grammars, Options(frame_tokens=_FRAME))
                plain.generate([ids], max_tokens=min(_FRAME, 2048 - len(ids)), stop=stop, constraint=rules)

        fast, slow, slower = median(repeat, lambda: predictor.verify(truth), step, step_plainly)
    tokens = sum(len(codec.frame(*pair)) for pair in _cursors(truth.frames))
    print(
        f"verify against stepping                {slower / fast:8.1f} x      (bar 10; {tokens} tokens, "
        f"{len(truth.frames)} frames, {wrong} diverge, {fast:.2f} s against {slower:.2f} s)\n"
        f"verify against stepping with guesses   {slow / fast:8.1f} x      ({slow:.2f} s)"
    )


def rollout(model: Path, repeat: int, engine: str) -> None:
    """Roll-outs with and without guesses, of the same engine."""
    decoder, tokenizer = loaded(model, engine), load_tokenizer(model)
    codec = Codec(tokenizer)
    stop = {tokenizer.special(Special.END)}
    prompt = codec.context(SOURCE) + codec.frame(ENTRY, wire.START)
    true = [token for frame, cursor in _cursors(recorded().frames) for token in codec.frame(frame, cursor)]
    grammars = Grammars(tokenizer, decoder.config.vocab_size)

    def ask(guessing: bool, constraint: Constraint | None, draft: Sequence[int] = ()) -> list[int]:
        engine = Engine(decoder, guessing=guessing)  # a new one, which has read nothing that could be a draft
        return engine.generate([prompt], max_tokens=700, stop=stop, constraint=constraint, draft=draft)[0].ids

    for kind, constraint in (("constrained", Constraint(grammars)), ("unconstrained", None)):
        said = ask(False, constraint)
        shuffled = np.random.default_rng(0).permutation(said).tolist()
        drafts = {"what it says": said, "the real trace": true, "nothing": [], "nonsense": shuffled}
        for name, draft in drafts.items():
            slow, fast = median(
                repeat,
                lambda constraint=constraint: ask(False, constraint),  # type: ignore[misc]
                lambda constraint=constraint, draft=draft: ask(True, constraint, draft),  # type: ignore[misc]
            )
            same = ask(True, constraint, draft) == said
            right = sum(a == b for a, b in zip(said, draft, strict=False)) / len(said)
            print(
                f"roll-out, {kind}, draft: {name:15} {slow / fast:6.2f} x      (bar 3 where mostly right, never below "
                f"0.95; {right:.0%} of it right, {len(said) / fast:.0f} tokens/s, equal: {same})"
            )


def debugger(model: Path, repeat: int, engine: str) -> None:
    """Tokens that are sent in 300 steps."""
    context = Context(ENDLESS)
    with contextlib.closing(EmbeddedPredictor(model)) as predictor:
        predictor.next_frame(context, (ENTRY,))
        client = predictor._transport._remote._client  # type: ignore[attr-defined]
        posted, post = 0, client.post

        def counting(path: str, body: dict[str, Any]) -> Any:
            nonlocal posted
            prompt = body["prompt"]
            posted += sum(map(len, prompt)) if prompt and isinstance(prompt[0], list) else len(prompt)
            return post(path, body)

        client.post = counting
        frames = [ENTRY]
        while len(frames) <= 300:
            said = predictor.next_frame(context, frames)
            if said.frame is None:
                break
            frames.append(said.frame)
        final = len(predictor._model.prompt(context, frames).ids)
    print(
        f"tokens sent in {len(frames) - 1:3} debugger steps      {posted / final:8.2f} x      (bar 3; {posted} tokens, "
        f"the final prompt has {final})"
    )


def transformers(model: Path, repeat: int, engine: str) -> None:
    """Our engine against `transformers`' generate, the same checkpoint."""
    try:
        import torch
        from transformers import CwmForCausalLM
    except ImportError:
        print("transformers is not installed: pip install 'transformers>=5'", file=sys.stderr)
        return
    torch.set_num_threads(1)
    theirs = CwmForCausalLM.from_pretrained(model, dtype=torch.float32)
    ours = loaded(model, engine)
    prompt = torch.randint(16, 2_000, (1, 600))
    ids = prompt[0].tolist()

    def generate(tokens: int) -> None:
        with torch.inference_mode():
            theirs.generate(
                prompt, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, attention_mask=prompt * 0 + 1
            )

    def ask(tokens: int) -> None:
        Engine(ours, guessing=False).generate([ids], max_tokens=tokens)

    their_prefill, our_prefill, their_all, our_all = median(
        repeat, lambda: generate(1), lambda: ask(1), lambda: generate(129), lambda: ask(129)
    )
    ratio = (their_all - their_prefill) / (our_all - our_prefill)
    print(f"decode against transformers, {engine}     {ratio:8.2f} x      (bar 1.5)")
    print(f"prefill against transformers, {engine}    {their_prefill / our_prefill:8.2f} x      (bar 1)")


def bandwidth(model: Path, repeat: int, engine: str) -> None:
    """How close decoding one row is to reading all weights once for each token."""
    decoder = load_numpy(model)
    other = np.ones(decoder.weight_bytes // 4, np.float32)

    def decode() -> None:
        cache = decoder.cache(1, 128)
        for token in range(16, 116):
            decoder.logits(decoder.read([[token]], cache)).best()

    def read() -> None:
        for _ in range(100):
            other.dot(other)

    decoding, reading = median(repeat, decode, read)
    size = decoder.weight_bytes
    print(
        f"decode against memory bandwidth        {reading / decoding:8.0%}        ({size / 1e6:.1f} MB a token: "
        f"{100 / decoding:.0f} tokens/s are {100 * size / decoding / 1e9:.1f} GB/s, "
        f"a dot product of that size reads {100 * size / reading / 1e9:.1f} GB/s)"
    )


def _cursors(frames: Sequence[Frame]) -> list[tuple[Frame, wire.Cursor]]:
    cursor, pairs = wire.START, []
    for frame in frames:
        pairs.append((frame, cursor))
        cursor = cursor.after(frame)
    return pairs


def _wrong(truth: Trace, verification: Any) -> int:
    pairs = zip(truth.frames, verification.choices, strict=True)
    return sum(
        choice is not None and (choice.frame is None or _said(choice.frame) != _said(frame)) for frame, choice in pairs
    )


def _said(frame: Frame) -> tuple[object, ...]:
    return frame.event, frame.source, frame.locals, frame.argument


SECTIONS: dict[str, Callable[[Path, int, str], None]] = {
    "start": start,
    "verify": verify,
    "rollout": rollout,
    "debugger": debugger,
    "bandwidth": bandwidth,
    "transformers": transformers,
}

if __name__ == "__main__":
    sys.exit(main())
