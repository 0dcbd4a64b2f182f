"""Verification and roll-outs with the truth as draft, against the plainest way to the same answer: frame by frame."""

from __future__ import annotations

import contextlib

import pytest

pytest.importorskip("numpy")
for needed in ("sentencepiece", "safetensors", "starlette", "uvicorn", "requests"):
    pytest.importorskip(needed)

import golden  # noqa: E402
import tiny_models  # noqa: E402
from cwm_server.api import create_app  # noqa: E402
from cwm_server.engine import Engine  # noqa: E402
from cwm_server.grammar import Constraint, Grammars, Options  # noqa: E402
from cwm_tracer import wire  # noqa: E402
from cwm_tracer.model import Context, Ending, Meta, Trace  # noqa: E402
from cwm_tracer.wire import START_MARKER, Special  # noqa: E402
from pytest_cwm.predictors.completions import CompletionsPredictor  # noqa: E402
from serving import running  # noqa: E402
from tiny_tokenizer import tiny_tokenizer  # noqa: E402

PROGRAMS = ["closures", "exceptions", "generators", "recursion", "lines"]
FRAMES = 14


def trace(name: str) -> Trace:
    source = (golden.FOLDER / f"{name}.py").read_text(encoding="utf-8").split("\n")
    index = next(index for index, line in enumerate(source) if line.startswith("def main("))
    source[index] += f"  {START_MARKER}"
    text = (golden.FOLDER / f"{name}.txt").read_text(encoding="utf-8").replace("<|frame_sep|>\n", "<|frame_sep|>")
    frames = wire.decode(wire.from_text(text)).frames[:FRAMES]
    return Trace(frames, Context("\n".join(source)), Meta("3.11", Ending.OPEN))


@pytest.fixture(scope="module", params=tiny_models.ENGINES)
def url(request, tmp_path_factory):
    directory = tiny_models.tokenized(tmp_path_factory.mktemp("models") / "tiny", 4096)
    model = tiny_models.load(request.param, directory)
    with running(create_app(Engine(model), "tiny", tokenizer=tiny_tokenizer())) as address:
        yield address


def predictor(url: str, constrain: bool) -> contextlib.closing[CompletionsPredictor]:
    return contextlib.closing(CompletionsPredictor(url, tiny_tokenizer(), constrain=constrain, frame_tokens=150))


@pytest.mark.parametrize("name", PROGRAMS)
def test_verifying_gives_what_stepping_gives(url, name):
    truth = trace(name)
    with predictor(url, constrain=True) as asked:
        verification = asked.verify(truth)
        assert asked.constrained is True
        assert (verification.failure, verification.outside, verification.windows) == (None, 0, 1)
        for index, choice in enumerate(verification.choices[1:], 1):
            stepped = asked.next_frame(truth.context, truth.frames[:index])
            assert (choice.frame, choice.problems, choice.ended) == (stepped.frame, stepped.problems, stepped.ended)
            assert choice.problems == ()


@pytest.mark.parametrize("constrain", [True, False])
@pytest.mark.parametrize("name", PROGRAMS[:2])
def test_a_draft_changes_no_roll_out(url, name, constrain):
    truth = trace(name)
    with predictor(url, constrain) as asked:
        plain = asked.roll_out(truth.context, truth.frames[:2], max_frames=FRAMES)
        drafted = asked.roll_out(truth.context, truth.frames[:2], max_frames=FRAMES, draft=truth.frames)
    assert drafted == plain
    assert not constrain or plain.problems == ()


@pytest.mark.parametrize("engine", tiny_models.ENGINES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_tokens_that_must_come_are_those_of_plain_decoding(tmp_path, engine, name):
    tokenizer, truth = tiny_tokenizer(), trace(name)
    model = tiny_models.load(engine, tiny_models.tokenized(tmp_path / "tiny", 4096))
    grammars = Grammars(tokenizer, model.config.vocab_size)
    context = tokenizer.encode(wire.encode_context(truth.context.text))
    ids = [*context, *tokenizer.encode(wire.encode(truth))]
    ends = [place + 1 for place, token in enumerate(ids) if token == tokenizer.special(Special.FRAME)][1:-1]
    asked = {
        "max_tokens": 120,
        "stop": {tokenizer.special(Special.END)},
        "constraint": Constraint(grammars, Options(frame_tokens=60)),
        "top": 2,
    }
    calls = []
    read = model.read_together
    model.read_together = lambda reads: calls.append(1) or read(reads)
    plain = Engine(model, guessing=False).generate([ids[:end] for end in ends[:6]], **asked)
    one_by_one = len(calls)
    calls.clear()
    guessed = Engine(model).generate([ids[:end] for end in ends[:6]], **asked)
    assert len(calls) < one_by_one
    alone = [Engine(model).generate([ids[:end]], **asked)[0] for end in ends[:6]]
    for one, other, third in zip(plain, guessed, alone, strict=True):
        # What is read together is summed up in another order: of two tokens that are all but equal either may come.
        tied = (place for place, best in enumerate(one.top) if len(best) > 1 and best[0][1] - best[1][1] < 1e-4)
        sure = next(tied, len(one.ids))
        assert sure > 10
        assert one.ids[:sure] == other.ids[:sure] == third.ids[:sure]
        # The model's own, also of what must come.
        assert other.logprobs[:sure] == pytest.approx(one.logprobs[:sure], abs=1e-3)
        assert [len(best) for best in other.top[:sure]] == [len(best) for best in one.top[:sure]]
        assert third.logprobs[:sure] == pytest.approx(one.logprobs[:sure], abs=1e-3)


def test_a_session_sends_little_more_than_its_last_prompt(url, monkeypatch):
    truth = trace("recursion")
    with predictor(url, constrain=True) as asked:
        asked.next_frame(truth.context, truth.frames[:1])
        client = asked._transport._client
        sent, post = [], client.post
        monkeypatch.setattr(client, "post", lambda path, body: sent.append(len(body["prompt"])) or post(path, body))
        frames = list(truth.frames[:1])
        for _ in range(20):
            frames.append(asked.next_frame(truth.context, frames).frame or truth.frames[1])
        assert sum(sent) < len(asked.prompt_ids(truth.context, frames))


def test_a_server_that_has_forgotten_is_told_again(url):
    truth = trace("recursion")
    with predictor(url, constrain=True) as asked:
        before = asked.next_frame(truth.context, truth.frames[:3])
        history = asked._transport._history._sequences
        kept = [("cmpl-forgotten", ids) for _, ids in history]
        history.clear()
        history.extend(kept)
        assert asked.next_frame(truth.context, truth.frames[:3]) == before


def test_a_window_that_ends_as_the_one_before_is_scored_as_if_it_were_sent_in_full(url):
    first, second = [*range(100), 7, 9, 3], [*range(90), 5, 6, 3]
    with predictor(url, constrain=False) as asked, predictor(url, constrain=False) as anew:
        asked._transport.score(first)
        assert asked._transport.score(second) == anew._transport.score(second)
