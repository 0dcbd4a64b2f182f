"""vLLM, SGLang and fgserve by their protocols: recognised by what they answer, and all of them say the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from cwm_tracer import wire
from cwm_tracer.model import Context, Ending, Event, Frame, Meta, Trace, Verification
from cwm_tracer.wire import START, Special
from engines import Fgserve, Sglang, Vllm
from oracle import END, FRAME, TOKENIZER, Oracle
from pytest_cwm.predictors.base import PredictionError, Sampling
from pytest_cwm.predictors.completions import TokenPredictor
from pytest_cwm.predictors.http import JsonClient, Timeouts
from pytest_cwm.predictors.recognise import make_transport
from pytest_cwm.report.notes import notes_of
from serving import Call, Reply, answering
from test_completions_predictor import BELIEFS, CONTEXT, placeless, truth_of

QUICK = Timeouts(connect=2, read=20, retry=0.01)
ENGINES = {"vllm": Vllm, "sglang": Sglang, "fgserve": Fgserve}
SCORING = ("vllm", "sglang")


@contextlib.contextmanager
def asking(server, engine: str = "auto", **options) -> Iterator[tuple[TokenPredictor, list[Call]]]:
    with answering(server) as (url, calls):
        transport = make_transport(engine, JsonClient(url, timeouts=QUICK), TOKENIZER)
        with contextlib.closing(TokenPredictor(transport, TOKENIZER, name="?", **options)) as predictor:
            yield predictor, calls


# -- recognised


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_recognised_by_what_it_answers(name):
    truth = truth_of()
    with asking(ENGINES[name](Oracle(truth.frames))) as (predictor, _):
        assert predictor.engine is None
        verification = predictor.verify(truth)
        assert verification.failure is None
        assert [choice.frame for choice in verification.choices[1:]] == [placeless(frame) for frame in truth.frames[1:]]
        assert (predictor.engine, predictor.scores) == (name, name in SCORING)
        assert predictor.constrained is False


def test_an_sglang_behind_another_name_is_recognised_by_its_own_route():
    truth = truth_of()
    server = Sglang(Oracle(truth.frames))
    server.owner = "somebody"
    with asking(server) as (predictor, _):
        assert predictor.verify(truth).failure is None
        assert predictor.engine == "sglang"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda call: Reply({"detail": "Not Found"}, 404), "has no /v1/models: it is none of the model servers"),
        (lambda call: Reply({}, 401), "refused the token (HTTP 401)"),
        (lambda call: Reply({"data": 3}), "/v1/models lists no model"),
        (lambda call: Reply(b"<html>hello</html>"), "not JSON but '<html>hello</html>'"),
    ],
)
def test_what_is_no_model_server_is_said_to_be_none(answer, message):
    with asking(answer) as (predictor, _):
        failure = predictor.verify(truth_of()).failure
    assert failure is not None
    assert message in failure
    assert "\n" not in failure


# -- what an engine does not know it ignores


def test_an_engine_that_ignores_prompt_logprobs_is_asked_frame_by_frame():
    truth = truth_of()
    wrong = Frame(Event.LINE, "    elsewhere\n", {"x": "2"}, scope=1)
    server = Vllm(Oracle(truth.frames, {3: wrong}), knows=("return_token_ids",))
    with asking(server) as (predictor, _):
        verification = predictor.verify(truth)
        assert (verification.failure, predictor.scores) == (None, False)
    assert verification.choices[3].frame == wrong
    assert verification.choices[4].frame == placeless(truth.frames[4])
    assert {choice.bits for choice in verification.choices[1:]} == {None}


def test_an_engine_that_allows_no_alternatives_is_asked_for_ranks_alone():
    truth = truth_of()
    with asking(Vllm(Oracle(truth.frames), max_logprobs=0)) as (predictor, calls):
        verification = predictor.verify(truth)
        assert (verification.failure, predictor.scores) == (None, True)
    assert calls[-1].json["prompt_logprobs"] == 0


def test_an_engine_that_ignores_return_token_ids_can_not_be_used():
    with asking(Vllm(Oracle(truth_of().frames), knows=("prompt_logprobs",))) as (predictor, _):
        failure = predictor.verify(truth_of()).failure
    assert "does not know return_token_ids, without which nothing it says can be read" in failure


def test_an_engine_that_ignores_stop_tokens_is_cut_at_them():
    truth = truth_of()
    with asking(Vllm(Oracle(truth.frames), knows=("return_token_ids",))) as (predictor, _):
        assert predictor.next_frame(CONTEXT, truth.frames[:2]).frame == placeless(truth.frames[2])


def test_an_engine_that_was_named_wrongly_says_so():
    for engine, server, message in (
        ("sglang", Vllm, "has no /generate: is it SGLang?"),
        ("fgserve", Vllm, "answered HTTP 404"),
        ("vllm", Fgserve, "answered HTTP 404"),
    ):
        with asking(server(Oracle(truth_of().frames)), engine) as (predictor, _):
            failure = predictor.verify(truth_of()).failure
        assert failure is not None
        assert message in failure


# -- what they say


@pytest.mark.parametrize("name", ENGINES)
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(beliefs=BELIEFS)
def test_verifying_gives_what_stepping_gives(name, beliefs):
    truth = truth_of(9)
    with asking(ENGINES[name](Oracle(truth.frames, beliefs)), name) as (predictor, _):
        verification = predictor.verify(truth)
        assert verification.failure is None
        for index in range(1, 9):
            stepped = predictor.next_frame(CONTEXT, truth.frames[:index])
            choice = verification.choices[index]
            assert (choice.frame, choice.problems, choice.ended) == (stepped.frame, stepped.problems, stepped.ended)


@pytest.mark.parametrize("name", ENGINES)
def test_a_roll_out_goes_to_the_end(name):
    truth = truth_of(30)
    with asking(ENGINES[name](Oracle(truth.frames)), name) as (predictor, _):
        rolled = predictor.roll_out(CONTEXT, truth.frames[:3], max_frames=50)
        assert (rolled.trace.meta.ending, rolled.failure) == (Ending.RETURNED, None)
        assert [placeless(frame) for frame in rolled.trace.frames] == [placeless(frame) for frame in truth.frames]
        assert predictor.roll_out(CONTEXT, truth.frames[:3], max_frames=9).trace.meta.ending is Ending.TRUNCATED
        forced = predictor.next_frame(CONTEXT, truth.frames[:2], event=Event.LINE)
        assert forced.frame.source == "forced\n"


@pytest.mark.parametrize("name", SCORING)
def test_a_trace_beyond_the_context_is_verified_in_windows(name):
    truth = truth_of(30)
    with asking(ENGINES[name](Oracle(truth.frames, context_length=700))) as (predictor, _):
        verification = predictor.verify(truth)
        rolled = predictor.roll_out(CONTEXT, truth.frames[:1], max_frames=100)
    assert verification.failure is None
    assert verification.windows > 1
    assert [choice.frame for choice in verification.choices[1:]] == [placeless(frame) for frame in truth.frames[1:]]
    assert rolled.failure is not None
    assert "context of 700 tokens is full" in rolled.failure


# -- ties


@pytest.mark.parametrize("name", SCORING)
def test_a_tie_at_the_maximum_counts_as_agreement_and_is_counted(name):
    truth = truth_of()
    length = len(TOKENIZER.encode(wire.encode_context(CONTEXT.text)))
    server = ENGINES[name](Oracle(truth.frames), ties=lambda prompt, place: place in (length + 30, length + 61))
    with asking(server) as (predictor, calls):
        verification = predictor.verify(truth)
    assert [choice.frame for choice in verification.choices[1:]] == [placeless(frame) for frame in truth.frames[1:]]
    assert verification.ties == 2
    assert len([call for call in calls if call.method == "POST"]) == 2  # the probe and the scores: nothing was decoded


@pytest.mark.parametrize("name", SCORING)
def test_a_second_that_is_less_probable_is_no_tie(name):
    truth = truth_of()
    wrong = Frame(Event.LINE, "    elsewhere\n", {"x": "2"}, scope=1)
    with asking(ENGINES[name](Oracle(truth.frames, {3: wrong}))) as (predictor, _):
        verification = predictor.verify(truth)
    assert (verification.choices[3].frame, verification.ties) == (wrong, 0)


# -- special tokens in source, names and values are text


def hostile_truth(special: Special) -> Trace:
    """A trace in which a special token's text stands in the source, in a name, and several times in values."""
    text = special.value
    frames = [
        Frame(Event.CALL, f"def f(a='{text}'):\n", {"a": f"'{text}'", text: f"['{text}', '{text}']"}),
        Frame(Event.LINE, f"    b = a + '{text}{text}'\n", {"a": f"'{text}'", text: f"'{text * 2}'"}),
        Frame(Event.LINE, f"    {text}\n", {"a": f"'{text}'", "b": f"'{text}\\n{text}'"}),
        Frame(Event.EXCEPTION, f"    raise E('{text}')\n", argument=f"(E, E('{text}'), <traceback object>)"),
        Frame(Event.RETURN, f"    return b, '{text}'\n", argument=f"'{text * 4}'"),
    ]
    cursor, numbered = START, []
    for frame in frames:
        numbered.append(replace(frame, scope=cursor.scope_of(frame.event)))
        cursor = cursor.after(frame)
    return Trace(tuple(numbered), Context(f"def f(a='{text}'):  # << START_OF_TRACE\n    {text}\n"), Meta("3.11"))


@pytest.mark.parametrize("special", Special, ids=lambda special: special.name)
@pytest.mark.parametrize("name", ["ours", *ENGINES])
def test_a_special_token_in_source_names_and_values_is_text(name, special):
    truth = hostile_truth(special)
    wrong = Frame(Event.LINE, f"    c = '{special.value}'\n", {"a": f"'{special.value * 3}'"})
    for beliefs in ({}, {2: wrong}):
        server = ENGINES.get(name, lambda oracle: oracle)(Oracle(truth.frames, beliefs))
        with asking(server, "vllm" if name == "ours" else name) as (predictor, calls):
            verification = predictor.verify(truth)
            rolled = predictor.roll_out(truth.context, truth.frames[:1], max_frames=20)
            stepped = [predictor.next_frame(truth.context, truth.frames[:index]) for index in range(1, 5)]
        expected = [placeless(frame) for frame in truth.frames]
        if beliefs:
            expected[2] = wrong
        assert verification.failure is None
        assert [choice.frame for choice in verification.choices[1:]] == expected[1:]
        assert [choice.frame for choice in stepped] == expected[1:]
        assert beliefs or [placeless(frame) for frame in rolled.trace.frames] == expected
        assert rolled.problems == ()
        for call in calls:
            for prompt in prompts_of(call):
                read = TOKENIZER.decode(prompt)
                assert read[:2] == [Special.BEGIN, Special.CONTEXT]
                assert Special.BEGIN not in read[1:]
                assert Special.CONTEXT not in read[2:]


def prompts_of(call: Call) -> list[list[int]]:
    body = call.json or {}
    shown = body.get("prompt", body.get("input_ids"))
    prompts = [] if shown is None else shown if isinstance(shown[0], list) else [shown]
    return [prompt for prompt in prompts if len(prompt) > 2]  # the probe has two tokens


# -- SGLang


def test_sglang_is_asked_one_token_earlier_and_answered_in_order():
    truth = truth_of()
    wrong = Frame(Event.LINE, "    elsewhere\n", {"x": "2"})
    with asking(Sglang(Oracle(truth.frames, {2: wrong, 5: wrong})), "sglang") as (predictor, calls):
        verification = predictor.verify(truth)
    assert verification.failure is None
    assert (verification.choices[2].frame, verification.choices[5].frame) == (wrong, wrong)
    scoring, decoding = calls[-2].json, calls[-1].json
    first = len(TOKENIZER.encode(wire.encode_context(CONTEXT.text) + wire.encode_frame(truth.frames[0], START)))
    assert (scoring["logprob_start_len"], scoring["top_logprobs_num"]) == (first - 1, 2)
    assert scoring["sampling_params"] == {"max_new_tokens": 1, "temperature": 0.0}
    settings = decoding["sampling_params"]
    assert (settings["stop_token_ids"], settings["no_stop_trim"]) == (sorted([FRAME, END]), True)
    assert len(decoding["input_ids"]) == 2


def test_sglang_gets_a_seed_where_it_is_to_sample():
    truth = truth_of()
    with asking(Sglang(Oracle(truth.frames)), "sglang") as (predictor, calls):
        predictor.next_frame(CONTEXT, (), event=Event.CALL, sampling=Sampling(0.8, 0.9, 17))
    settings = calls[-1].json["sampling_params"]
    assert (settings["temperature"], settings["top_p"], settings["sampling_seed"]) == (0.8, 0.9, 17)


# As SGLang 0.5 sends it for three tokens that were asked for from the first on.
SCORED = {
    "text": "!",
    "output_ids": [7],
    "meta_info": {
        "id": "0b3c",
        "finish_reason": {"type": "length", "length": 1},
        "prompt_tokens": 3,
        "weight_version": "default",
        "num_retractions": 0,
        "input_token_logprobs": [[None, 1, None], [-0.5, 2, None], [-3.25, 3, None]],
        "output_token_logprobs": [[-0.1, 7, None]],
        "output_token_logprobs_length": 1,
        "input_top_logprobs": [None, [[-0.5, 2, None], [-2.5, 4, None]], [[-0.25, 9, None], [-3.25, 3, None]]],
        "output_top_logprobs": [[[-0.1, 7, None]]],
        "reasoning_tokens": 0,
        "completion_tokens": 1,
        "cached_tokens": 0,
        "e2e_latency": 0.013,
    },
}


def scored(**changes):
    return {**SCORED, "meta_info": {**SCORED["meta_info"], **changes}}


def sglang_scores(answer: object):
    with answering(lambda call: Reply(answer)) as (url, _):
        return make_transport("sglang", JsonClient(url, timeouts=QUICK), TOKENIZER).score([1, 2, 3])


def test_sglangs_scores_are_read():
    assert [(s.logprob, s.rank, s.tied) for s in sglang_scores(SCORED)] == [(-0.5, 1, False), (-3.25, 2, False)]
    tie = scored(input_top_logprobs=[None, [[-0.5, 2, None], [-0.5, 4, None]], [[-3.25, 9, None], [-3.25, 8, None]]])
    assert [(s.logprob, s.rank, s.tied) for s in sglang_scores(tie)] == [(-0.5, 1, True), (-3.25, 1, True)]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([], "0 answers for 1 prompts"),
        ({"text": "!"}, "meta_info is missing"),
        (scored(input_token_logprobs=None), "meta_info has no input_token_logprobs"),
        (scored(input_token_logprobs=[[None, 1, None]]), "1 and 3 logprobs for 3 prompt tokens"),
        (scored(input_token_logprobs=[[None, 1, None], ["x", 2, None], [-1.0, 3, None]]), "the logprob 'x' at token 1"),
        (scored(input_token_logprobs=[[None, 1, None], [-1.0, 5, None], [-1.0, 3, None]]), "shows token 5 at 1, not 2"),
        (scored(input_top_logprobs=[None, None, None]), "the logprob None at token 1"),
        (scored(finish_reason={"type": "abort", "message": "out of memory"}), "broke off: out of memory"),
    ],
)
def test_sglangs_wrong_answers_are_named(answer, message):
    with pytest.raises(PredictionError) as caught:
        sglang_scores(answer)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_sglang_that_trims_the_stop_token_is_understood():
    answer = {"text": "", "output_ids": [5, 6], "meta_info": {"finish_reason": {"type": "stop", "matched": FRAME}}}
    with answering(lambda call: Reply(answer)) as (url, _):
        transport = make_transport("sglang", JsonClient(url, timeouts=QUICK), TOKENIZER)
        generated = transport.generate([[1, 2]], max_tokens=9, stop=(FRAME, END), sampling=Sampling())[0]
    assert (generated.ids, generated.stopped) == ((5, 6, FRAME), True)


# -- fgserve


def test_fgserve_is_asked_greedily_without_its_temperature_of_nothing():
    truth = truth_of()
    server = Fgserve(Oracle(truth.frames))
    with asking(server) as (predictor, calls):
        assert predictor.verify(truth).failure is None
        assert predictor.next_frame(CONTEXT, truth.frames, sampling=Sampling(0.7, 0.9)).ended
    posts = [call.json for call in calls if call.method == "POST"]
    assert {(body["temperature"], body["top_p"]) for body in posts} == {(1.0, 0.0), (0.7, 0.9)}
    assert {body.get("stop") for body in posts[1:]} == {Special.FRAME.value}
    assert len(posts) == len(truth.frames) + 1  # the probe, one for each frame, the last step
    assert not server.dead


def test_fgserve_that_stops_at_an_end_of_its_own_ends_the_answer():
    def stopping(call: Call) -> Reply:
        return Reply({"choices": [{"index": 0, "tokens": [1, 2], "text": "", "logprobs": None}]})

    with answering(stopping) as (url, calls):
        transport = make_transport("fgserve", JsonClient(url, timeouts=QUICK), TOKENIZER)
        generated = transport.generate([[1, 2]], max_tokens=9, stop=(END,), sampling=Sampling())[0]
    assert (generated.ids, generated.stopped, len(calls)) == ((1, 2), True, 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "choices[0].tokens is missing"),
        ({"choices": [{"tokens": "x"}]}, "choices[0].tokens is no list of token ids"),
        ({"choices": [{"tokens": [-1]}]}, "choices[0].tokens is no list of token ids"),
    ],
)
def test_fgserves_wrong_answers_are_named(answer, message):
    with asking(lambda call: Reply(answer), "fgserve") as (predictor, _):
        failure = predictor.verify(truth_of()).failure
    assert failure is not None
    assert message in failure


def test_the_report_counts_ties():
    truth = truth_of()
    for count, text in ((1, "a true token is as probable"), (3, "3 true tokens are as probable")):
        notes = notes_of(truth, Verification((None,), ties=count), None, 0, 0)
        assert notes == (f"{text} as another, which counts as agreement: the engine does not show its choice",)


# What a real SGLang 0.5.23 was asked by this client and answered, serving a checkpoint of the embedded model on a CPU.
RECORDED = json.loads((Path(__file__).parent / "gold" / "sglang.json").read_text())


def replayed(call: Call) -> Reply:
    """The recorded answer; only what is asked exactly as it was then has one."""
    found = [each["answer"] for each in RECORDED if (each["path"], each["request"]) == (call.path, call.json)]
    return Reply(found[0]) if found else Reply({"error": {"message": "this was never asked"}}, 400)


def test_the_recorded_answers_of_a_real_sglang_are_read():
    probe, scoring, one, several = (each["request"] for each in RECORDED)
    assert probe["input_ids"] == [1, 2]
    with answering(replayed) as (url, _):
        transport = make_transport("sglang", JsonClient(url, timeouts=QUICK), TOKENIZER)
        transport.probe()
        assert transport.can_score
        ids = scoring["input_ids"]
        scores = transport.score(ids, scoring["logprob_start_len"] + 1)
        answers = []
        for request in (one, several):
            prompts = request["input_ids"] if request is several else [request["input_ids"]]
            settings = request["sampling_params"]
            answers.append(
                transport.generate(
                    prompts,
                    max_tokens=settings["max_new_tokens"],
                    stop=settings["stop_token_ids"],
                    sampling=Sampling(),
                )
            )
    assert len(scores) == len(ids) - scoring["logprob_start_len"] - 1
    assert all(score.logprob <= 0 and score.rank in (1, 2) and not score.tied for score in scores)
    assert 0.5 < sum(score.rank == 1 for score in scores) / len(scores) < 1
    assert [len(each) for each in answers] == [1, len(several["input_ids"])]
    separator = max(one["sampling_params"]["stop_token_ids"])
    assert all(answer.stopped and answer.ids[-1] == separator for each in answers for answer in each)
