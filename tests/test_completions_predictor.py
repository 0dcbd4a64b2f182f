"""The predictor of the completions protocol: with a model that answers by the rules, and with servers that don't."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_tracer import wire
from cwm_tracer.model import Context, Ending, Event, Frame, Meta, ProblemKind, Trace
from cwm_tracer.wire import START, Special
from oracle import END, FRAME, TOKENIZER, Oracle
from pytest_cwm.predictors import make_predictor
from pytest_cwm.predictors.base import PredictionError, Sampling
from pytest_cwm.predictors.completions import CompletionsPredictor
from pytest_cwm.predictors.http import Timeouts
from serving import Call, Reply, answering

CONTEXT = Context("def f(a):  # << START_OF_TRACE\n    ...\n")
QUICK = Timeouts(connect=2, read=20, retry=0.01)
CONTEXT_TOKENS = len(TOKENIZER.encode(wire.encode_context(CONTEXT.text)))


def truth_of(count: int = 8, value: str = "1") -> Trace:
    """A call, lines, a callee with an exception, a return; every source line is another one."""
    frames = [Frame(Event.CALL, "def f(a):\n", {"a": value}, file="f.py", line=1)]
    for number in range(1, count - 1):
        kind = number % 5
        source = f"    step {number}\n"
        if kind == 2:
            frames.append(Frame(Event.CALL, source, {"x": str(number)}, scope=len(frames), file="f.py", line=number))
        elif kind == 3:
            frames.append(
                Frame(Event.EXCEPTION, source, argument="(E, E(), <traceback object>)", file="f.py", line=number)
            )
        elif kind == 4:
            frames.append(Frame(Event.RETURN, source, argument="None", file="f.py", line=number))
        else:
            frames.append(Frame(Event.LINE, source, {"a": value, "n": str(number)}, file="f.py", line=number))
    frames.append(Frame(Event.RETURN, "    return a\n", argument=value, file="f.py", line=count))
    cursor, numbered = START, []
    for frame in frames:
        numbered.append(replace(frame, scope=cursor.scope_of(frame.event)))
        cursor = cursor.after(frame)
    return Trace(tuple(numbered), CONTEXT, Meta("3.11"))


def placeless(frame: Frame) -> Frame:
    return replace(frame, file=None, line=None)


@contextlib.contextmanager
def asking(oracle: Oracle, **options: object) -> Iterator[tuple[CompletionsPredictor, list[Call]]]:
    with answering(oracle) as (url, calls):
        predictor = CompletionsPredictor(url, TOKENIZER, timeouts=QUICK, **options)  # type: ignore[arg-type]
        try:
            yield predictor, calls
        finally:
            predictor.close()


# -- verify


def test_where_the_model_agrees_its_choice_is_the_true_frame_and_nothing_is_decoded():
    truth = truth_of()
    with asking(Oracle(truth.frames)) as (predictor, calls):
        verification = predictor.verify(truth)
    assert verification.choices[0] is None
    assert [choice.frame for choice in verification.choices[1:]] == [placeless(frame) for frame in truth.frames[1:]]
    assert (verification.failure, verification.windows, verification.model) == (None, 1, "oracle")
    assert [call.path for call in calls] == ["/v1/models", "/v1/completions"]
    sent = calls[1].json
    assert (sent["prompt_logprobs"], sent["max_tokens"], sent["temperature"]) == (0, 1, 0.0)
    expected = TOKENIZER.encode(wire.encode_context(CONTEXT.text) + wire.encode(truth))[:-1]
    assert sent["prompt"] == expected


def test_bits_are_the_surprise_at_all_tokens_of_the_true_frame():
    truth = truth_of(4)
    with asking(Oracle(truth.frames)) as (predictor, _):
        choices = predictor.verify(truth).choices
    for index in (1, 2, 3):
        tokens = TOKENIZER.encode(wire.encode_frame(truth.frames[index], wire.advance(truth.frames[:index])))
        assert choices[index].bits == pytest.approx(len(tokens))  # a half each


def test_frames_that_differ_are_decoded_together_from_where_they_differ():
    truth = truth_of()
    wrong = replace(placeless(truth.frames[1]), locals={"a": "2", "n": "1"})
    other = Frame(Event.LINE, "    elsewhere\n", {"x": "2"}, scope=1)
    with asking(Oracle(truth.frames, {1: wrong, 3: other})) as (predictor, calls):
        verification = predictor.verify(truth)
    assert verification.choices[1].frame == wrong
    assert verification.choices[3].frame == other
    assert verification.choices[1].bits > 0
    assert verification.choices[2].frame == placeless(truth.frames[2])
    assert len(calls) == 3
    sent = calls[2].json
    assert sent["return_token_ids"] is True
    assert sent["skip_special_tokens"] is False
    assert sent["stop_token_ids"] == sorted([FRAME, END])
    decoded = [TOKENIZER.decode(prompt)[-1] for prompt in sorted(sent["prompt"], key=len)]
    assert decoded == ['{"a": "', Special.FRAME]


def test_a_model_that_ends_the_trace_instead_is_shown_as_such():
    truth = truth_of()
    with asking(Oracle(truth.frames, {5: None})) as (predictor, _):
        choice = predictor.verify(truth).choices[5]
    assert (choice.frame, choice.ended, choice.problems) == (None, True, ())


def test_nonsense_of_the_model_is_a_problem_of_its_frame_only():
    truth = truth_of()
    nonsense = [Special.LINE, "{not json", Special.ACTION, "    x\n", Special.FRAME]
    endless = [Special.LINE, '{"a": "' + "z" * 3000]
    with asking(Oracle(truth.frames, {2: nonsense, 4: [Special.FRAME], 6: endless})) as (predictor, _):
        choices = predictor.verify(truth).choices
    assert [problem.kind for problem in choices[2].problems] == [ProblemKind.INVALID_JSON]
    assert choices[2].problems[0].frame == 2
    assert choices[4].frame is None
    assert [problem.kind for problem in choices[4].problems] == [ProblemKind.UNKNOWN_EVENT]
    assert [problem.kind for problem in choices[6].problems] == [ProblemKind.TRUNCATED_FRAME]
    assert choices[6].frame.tokens is None
    assert choices[5].frame == placeless(truth.frames[5])


BELIEFS = st.dictionaries(
    st.integers(0, 16),
    st.one_of(
        st.none(),
        st.builds(
            lambda name, value: Frame(Event.LINE, f"    wrong {name}\n", {name: value}),
            st.text(min_size=1, max_size=3),
            st.text(max_size=8),
        ),
        st.builds(lambda value: Frame(Event.RETURN, "    return\n", argument=value), st.text(max_size=8)),
        st.lists(st.one_of(st.sampled_from(list(Special)), st.text(max_size=5)), min_size=1, max_size=6).map(
            lambda segments: [*segments, Special.FRAME]
        ),
    ),
    max_size=5,
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.integers(2, 16), BELIEFS, st.sampled_from([100_000, 700, 420]))
def test_verifying_gives_what_stepping_frame_by_frame_gives(count, beliefs, context_length):
    truth = truth_of(count)
    with asking(Oracle(truth.frames, beliefs, context_length)) as (predictor, _):
        verification = predictor.verify(truth)
        assert verification.failure is None
        for index in range(1, count):
            stepped = predictor.next_frame(CONTEXT, truth.frames[:index])
            choice = verification.choices[index]
            assert (choice.frame, choice.problems, choice.ended) == (stepped.frame, stepped.problems, stepped.ended)
            if choice.frame is not None:
                assert choice.frame.tokens == stepped.frame.tokens or context_length < 100_000


# -- windows


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.integers(2, 30), st.integers(330, 1200), st.integers(1, 30))
def test_in_windows_every_frame_but_the_first_is_predicted_exactly_once(count, context_length, size):
    truth = truth_of(count, value="7" * size)
    with asking(Oracle(truth.frames, context_length=context_length)) as (predictor, calls):
        verification = predictor.verify(truth)
    assert verification.failure is None
    assert [choice.frame for choice in verification.choices[1:]] == [placeless(frame) for frame in truth.frames[1:]]
    prompts = [call.json["prompt"] for call in calls if call.json]
    assert len(prompts) == verification.windows
    start = TOKENIZER.encode(wire.encode_context(CONTEXT.text))
    seen: list[str] = []
    for prompt in prompts:
        assert prompt[: len(start)] == start
        assert len(prompt) < context_length
        read = wire.decode(TOKENIZER.decode(prompt[len(start) :]))
        assert not read.problems  # no `..` without a value before it: the first frame is in full
        sources = [frame.source for frame in read.frames]
        repeated = sources.index(seen[-1]) + 1 if seen else 0
        assert sources[:repeated] == seen[len(seen) - repeated :]
        assert repeated or not seen
        assert len(sources) > repeated
        seen += sources[repeated:]
    assert seen == [frame.source for frame in truth.frames]


def test_a_window_repeats_up_to_a_quarter_of_the_one_before():
    truth = truth_of(40)
    with asking(Oracle(truth.frames, context_length=1600)) as (predictor, calls):
        assert predictor.verify(truth).windows > 1
    second = calls[2].json["prompt"]
    first_sources = {frame.source for frame in wire.decode(TOKENIZER.decode(calls[1].json["prompt"])[4:]).frames}
    repeated = [f for f in wire.decode(TOKENIZER.decode(second)[4:]).frames if f.source in first_sources]
    assert len(repeated) > 1


def test_a_frame_longer_than_the_window_is_missing_and_the_failure_names_it():
    truth = truth_of(12)
    frames = list(truth.frames)
    frames[6] = replace(frames[6], locals={"a": "1", "n": "9" * 1000})
    truth = Trace(tuple(frames), CONTEXT)
    with asking(Oracle(frames, context_length=700)) as (predictor, _):
        verification = predictor.verify(truth)
    missing = [index for index, choice in enumerate(verification.choices) if choice is None]
    assert missing == [0, 6, 7]  # nothing can come before frame 7
    assert verification.failure is not None
    assert "frame 6 does not fit" in verification.failure
    assert "2 frames like that" in verification.failure
    assert "\n" not in verification.failure


def test_a_context_longer_than_the_models_is_said_to_be():
    truth = truth_of()
    with asking(Oracle(truth.frames, context_length=50)) as (predictor, _):
        verification = predictor.verify(truth)
        assert set(verification.choices) == {None}
        with pytest.raises(PredictionError, match="choose a smaller --cwm-context-tokens"):
            predictor.next_frame(CONTEXT, truth.frames[:2])
    assert verification.failure == (
        f"the context alone has {CONTEXT_TOKENS} tokens, the model takes 38: choose a smaller --cwm-context-tokens"
    )


def test_a_server_that_does_not_say_its_context_length_gets_one_window_or_what_the_user_says():
    truth = truth_of(20)
    for option, windows in ((None, 1), (700, 2)):
        with asking(Oracle(truth.frames, context_length=None), context_length=option) as (predictor, _):
            verification = predictor.verify(truth)
            assert (verification.windows, verification.model) == (windows, "oracle")


def test_a_trace_of_one_frame_asks_nothing():
    with asking(Oracle([])) as (predictor, calls):
        assert predictor.verify(Trace((), CONTEXT)).choices == ()
        assert predictor.verify(Trace(truth_of().frames[:1], CONTEXT)).choices == (None,)
    assert calls == []


# -- roll out


def test_a_roll_out_goes_to_the_end_of_the_trace():
    truth = truth_of(90)
    with asking(Oracle(truth.frames)) as (predictor, calls):
        rolled = predictor.roll_out(CONTEXT, truth.frames[:1], max_frames=100)
    assert rolled.trace.meta.ending is Ending.RETURNED
    assert [placeless(frame) for frame in rolled.trace.frames] == [placeless(frame) for frame in truth.frames]
    assert (rolled.problems, rolled.failure, rolled.model) == ((), None, "oracle")
    assert len(calls) == 4  # in pieces, each of which continues the one before


def test_a_roll_out_stops_at_the_frame_budget():
    truth = truth_of(30)
    with asking(Oracle(truth.frames)) as (predictor, _):
        rolled = predictor.roll_out(CONTEXT, truth.frames[:2], max_frames=7)
        assert len(rolled.trace.frames) == 7
        assert rolled.trace.meta.ending is Ending.TRUNCATED
        assert predictor.roll_out(CONTEXT, truth.frames[:2], max_frames=30).trace.meta.ending is Ending.RETURNED
        nothing = predictor.roll_out(CONTEXT, truth.frames[:2], max_frames=2)
        assert (len(nothing.trace.frames), nothing.trace.meta.ending) == (2, Ending.TRUNCATED)


def test_a_roll_out_stops_when_the_context_is_full():
    truth = truth_of(60)
    with asking(Oracle(truth.frames, context_length=700)) as (predictor, _):
        rolled = predictor.roll_out(CONTEXT, truth.frames[:1], max_frames=100)
    assert rolled.trace.meta.ending is Ending.OPEN
    assert 3 < len(rolled.trace.frames) < 60
    assert rolled.failure == f"the model's context of 700 tokens is full after {len(rolled.trace.frames)} frames"
    assert rolled.problems == ()


@pytest.mark.parametrize("nonsense", [[Special.LINE, "z" * 5000], [Special.FRAME] * 5000])
def test_a_roll_out_breaks_off_when_the_models_text_is_no_trace(nonsense):
    truth = truth_of()
    with asking(Oracle(truth.frames, {4: nonsense})) as (predictor, _):
        rolled = predictor.roll_out(CONTEXT, truth.frames[:1], max_frames=10)
    assert rolled.trace.meta.ending is Ending.OPEN
    assert len(rolled.trace.frames) == 4
    assert rolled.problems


def test_a_roll_out_keeps_what_it_had_when_the_server_dies():
    truth = truth_of(90)
    oracle = Oracle(truth.frames)
    answered = []

    def dying(call: Call) -> Reply:
        answered.append(call)
        return oracle(call) if len(answered) < 3 else Reply({"error": {"message": "out of memory"}}, 500)

    with (
        answering(dying) as (url, _),
        contextlib.closing(CompletionsPredictor(url, TOKENIZER, timeouts=QUICK)) as predictor,
    ):
        rolled = predictor.roll_out(CONTEXT, truth.frames[:1], max_frames=100)
    assert rolled.trace.meta.ending is Ending.OPEN
    assert len(rolled.trace.frames) > 3
    assert rolled.failure is not None
    assert rolled.failure.endswith("answered HTTP 500: out of memory")


# -- one frame


def test_the_next_frame_repeats_what_the_model_said_before_token_by_token():
    said = [Special.LINE, '{"a":"1" ,"n": "1"}', Special.ACTION, "    step 1\n", Special.FRAME]  # not canonical
    truth = truth_of()
    with asking(Oracle(truth.frames, {1: said})) as (predictor, calls):
        first = predictor.next_frame(CONTEXT, truth.frames[:1]).frame
        assert first.tokens == tuple(TOKENIZER.encode(said))
        predictor.next_frame(CONTEXT, [truth.frames[0], first])
        prompt = calls[-1].json["prompt"]
        assert prompt[-len(first.tokens) :] == list(first.tokens)
        edited = replace(first, locals={"a": "5", "n": "1"})
        predictor.next_frame(CONTEXT, [truth.frames[0], edited])
        assert '{"a": "5", "n": "1"}' in TOKENIZER.decode(calls[-1].json["prompt"])
        before = replace(truth.frames[0], locals={"a": "3"})  # the frame before was edited: `..` must not lie
        predictor.next_frame(CONTEXT, [before, replace(truth.frames[1], tokens=None)])
        assert '{"a": "1", "n": "1"}' in TOKENIZER.decode(calls[-1].json["prompt"])


def test_an_event_can_be_forced():
    truth = truth_of()
    with asking(Oracle(truth.frames)) as (predictor, calls):
        choice = predictor.next_frame(CONTEXT, truth.frames[:2], event=Event.LINE)
    assert (choice.frame.event, choice.frame.source) == (Event.LINE, "forced\n")
    assert calls[-1].json["prompt"][-1] == TOKENIZER.special(Special.LINE)
    assert choice.frame.tokens[0] == TOKENIZER.special(Special.LINE)


def test_the_entrys_call_can_be_invented_with_a_seed():
    truth = truth_of()
    with asking(Oracle(truth.frames)) as (predictor, calls):
        choice = predictor.next_frame(CONTEXT, (), event=Event.CALL, sampling=Sampling(0.8, 0.9, 17))
    assert choice.frame == placeless(truth.frames[0])
    sent = calls[-1].json
    assert (sent["temperature"], sent["top_p"], sent["seed"]) == (0.8, 0.9, 17)


def test_after_the_last_frame_the_model_ends_the_trace():
    truth = truth_of()
    with asking(Oracle(truth.frames)) as (predictor, _):
        choice = predictor.next_frame(CONTEXT, truth.frames)
    assert (choice.frame, choice.ended) == (None, True)


def test_a_prefix_beyond_the_context_is_seen_from_its_last_frames_on():
    truth = truth_of(60)
    with asking(Oracle(truth.frames, context_length=700)) as (predictor, _):
        for index in (1, 10, 30, 59):
            assert predictor.next_frame(CONTEXT, truth.frames[:index]).frame == placeless(truth.frames[index])


# -- servers that fail


def verified(answer, **options):
    truth = truth_of()
    with answering(answer) as (url, calls):
        predictor = CompletionsPredictor(url, TOKENIZER, timeouts=QUICK, **options)
        with contextlib.closing(predictor):
            verification = predictor.verify(truth)
    assert set(verification.choices) == {None}
    assert len(verification.choices) == len(truth.frames)
    assert verification.failure is not None
    assert "\n" not in verification.failure
    return verification.failure, calls


def after_models(reply):
    models = Oracle([])
    return lambda call: models(call) if call.path == "/v1/models" else reply(call)


def completion(**fields):
    return Reply({"choices": [{"index": 0, "token_ids": [1], "finish_reason": "length", **fields}]})


SCORE = {"logprob": -1.0, "rank": 1}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply({"error": {"message": "CUDA out of memory"}}, 500), "answered HTTP 500: CUDA out of memory"),
        (Reply(b"<html>Bad gateway</html>", 502), "answered HTTP 502: <html>Bad gateway</html>"),
        (Reply({"detail": "no"}, 404), "answered HTTP 404: no"),
        (Reply({}, 401), "refused the token (HTTP 401): set the right one in CWM_TOKEN"),
        (Reply({}, 302, headers={"Location": "http://127.0.0.1:9/"}), "answered with a redirection (HTTP 302)"),
        (Reply(b"<html>hello</html>"), "wrong answer: not JSON but '<html>hello</html>'"),
        (Reply(b"\xff\x00"), "not JSON"),
        (Reply([]), "choices is missing"),
        (Reply({"choices": {}}), "choices is missing"),
        (Reply({"choices": []}), "0 choices for 1 prompts"),
        (Reply({"choices": [{"index": 4}]}), "choices are numbered ['4']"),
        (completion(), "choices[0].prompt_logprobs is missing"),
        (completion(prompt_logprobs=[None] + [{}] * 3), "4 prompt_logprobs for"),
        (Reply({"choices": [{}]}, cut=True), "broke off in the middle of its answer"),
    ],
)
def test_a_bad_answer_is_a_failure_of_one_line_that_names_it(reply, message):
    failure, _ = verified(after_models(lambda call: reply))
    assert message in failure
    assert "\n" not in failure


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "] does not show token"),
        ({"1": SCORE}, "] does not show token"),
        ({"ID": {"rank": 1}}, "has the logprob None"),
        ({"ID": {"logprob": "x", "rank": 1}}, "has the logprob 'x'"),
        ({"ID": {"logprob": -1.0, "rank": 0}}, "has the rank 0"),
        ({"ID": {"logprob": -1.0}}, "has the rank None"),
        ({"ID": 3}, "does not show token"),
    ],
)
def test_wrong_scores_are_named(item, message):
    def reply(call):
        items = [{key.replace("ID", str(token)): value for key, value in item.items()} for token in call.json["prompt"]]
        return completion(prompt_logprobs=[None, *items[1:]], token_ids=None)

    failure, _ = verified(after_models(reply))
    assert message in failure


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply({"data": []}), "/v1/models lists no model"),
        (Reply([1]), "/v1/models lists no model"),
        (Reply({"data": [{"id": "other"}]}), "name the model's tokenizer.json or tokenizer.model with --cwm-tokenizer"),
        (Reply({"data": [{"id": "m", "tokenizer_sha256": "0" * 64}]}), "m was made with another tokenizer than bytes"),
    ],
)
def test_a_model_that_can_not_be_the_right_one_is_not_asked(reply, message):
    failure, calls = verified(lambda call: reply, guessed=True)
    assert message in failure
    assert {call.path for call in calls} == {"/v1/models"}


def test_a_model_that_is_not_served_is_named():
    failure, _ = verified(Oracle([]), model="cwm-32b")
    assert "it serves oracle, not cwm-32b" in failure


def test_no_server_at_all_costs_no_more_than_a_moment():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    predictor = CompletionsPredictor(f"http://127.0.0.1:{port}", TOKENIZER, timeouts=QUICK)
    began = time.monotonic()
    failures = {predictor.verify(truth_of()).failure for _ in range(50)}
    assert failures == {f"the model server at http://127.0.0.1:{port} can't be reached: Connection refused"}
    assert time.monotonic() - began < 30
    predictor.close()


def test_a_stalled_server_costs_two_timeouts_and_not_one_a_test():
    release = threading.Event()
    stalled = after_models(lambda call: Reply({}, then=lambda: release.wait(60)))
    with answering(stalled) as (url, calls):
        predictor = CompletionsPredictor(url, TOKENIZER, timeouts=Timeouts(2, 1, 0.01))
        failures = {predictor.verify(truth_of()).failure for _ in range(20)}
        predictor.close()
        release.set()
    assert failures == {f"the model server at {url} did not answer within 1 s"}
    assert len(calls) == 3


def test_a_busy_server_is_asked_once_more():
    truth = truth_of()
    oracle = Oracle(truth.frames)
    once = [Reply({}, 503, headers={"Retry-After": "0.05"})]
    with (
        answering(lambda call: once.pop() if call.json and once else oracle(call)) as (url, calls),
        contextlib.closing(CompletionsPredictor(url, TOKENIZER, timeouts=QUICK)) as predictor,
    ):
        assert predictor.verify(truth).failure is None
    assert len(calls) == 3
    failure, calls = verified(after_models(lambda call: Reply({"error": "queue is full"}, 429)))
    assert failure is not None
    assert failure.endswith("answered HTTP 429: queue is full")


def test_a_connection_that_broke_once_is_tried_again():
    truth = truth_of()
    oracle, broken = Oracle(truth.frames), [Reply({"choices": []}, cut=True)]
    with (
        answering(lambda call: broken.pop() if call.json and broken else oracle(call)) as (url, _),
        contextlib.closing(CompletionsPredictor(url, TOKENIZER, timeouts=QUICK)) as predictor,
    ):
        assert predictor.verify(truth).failure is None


def test_choices_that_were_had_before_the_server_died_are_kept():
    truth = truth_of()
    wrong = Frame(Event.LINE, "    elsewhere\n", {"x": "2"})
    oracle = Oracle(truth.frames, {3: wrong})

    def dying(call: Call) -> Reply:
        return oracle(call) if call.json is None or "prompt_logprobs" in call.json else Reply(b"", 500)

    with (
        answering(dying) as (url, _),
        contextlib.closing(CompletionsPredictor(url, TOKENIZER, timeouts=QUICK)) as predictor,
    ):
        verification = predictor.verify(truth)
    assert [index for index, choice in enumerate(verification.choices) if choice is None] == [0, 3]
    assert verification.failure is not None
    assert verification.failure.endswith("answered HTTP 500: nothing more")


def test_token_ids_that_the_tokenizer_lacks_are_a_failure():
    class Strange(Oracle):
        def next_token(self, ids):
            return 99_999

    truth = truth_of()
    with asking(Strange(truth.frames)) as (predictor, _):
        failure = predictor.verify(truth).failure
    assert failure == "the model says tokens that bytes does not have: it is not this model's tokenizer"


@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_token_is_sent_and_is_in_no_message(status, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    failure, calls = verified(
        lambda call: Reply({"error": f"bad {call.headers['Authorization']}"}, status), token="s3cret"
    )
    assert calls[0].headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in failure


def test_a_password_in_the_url_is_not_shown():
    predictor = CompletionsPredictor("http://me:pass@127.0.0.1:1/v1/", TOKENIZER, timeouts=QUICK)
    failure = predictor.verify(truth_of()).failure
    predictor.close()
    assert failure is not None
    assert failure.startswith("the model server at http://127.0.0.1:1 can't be reached")


def test_no_proxy_stands_before_a_server_on_this_machine(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    truth = truth_of()
    with asking(Oracle(truth.frames)) as (predictor, _):
        assert predictor.verify(truth).failure is None


def test_a_closed_predictor_says_so():
    truth = truth_of()
    with asking(Oracle(truth.frames)) as (predictor, _):
        predictor.close()
        failure = predictor.verify(truth).failure
    assert failure is not None
    assert failure.endswith("was closed")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"server": "gpu:8000", "tokenizer": "T"}, "'gpu:8000' is no URL of a server: write http://HOST:PORT"),
        ({"server": "https://gpu", "engine": "tgi"}, "unknown engine 'tgi': choose one of auto, vllm, sglang, fgserve"),
        ({"server": "https://gpu", "engine": "sglang"}, "sglang does not say which tokenizer its model has: name it"),
        ({"server": "https://gpu", "engine": "fgserve"}, "name it with --cwm-tokenizer PATH"),
        ({"server": "https://gpu", "tokenizer": "/nowhere.json"}, "/nowhere.json can't be read"),
        ({"server": "http://gpu:8000"}, "http://gpu:8000 is another machine and not encrypted: use https, a tunnel"),
    ],
)
def test_what_can_not_be_asked_is_refused_in_one_line(options, message, monkeypatch):
    if options.get("tokenizer") == "T":
        monkeypatch.setattr("cwm_server.tokenizer.load_tokenizer", lambda path: TOKENIZER)
    with pytest.raises(PredictionError) as caught:
        make_predictor(**options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
