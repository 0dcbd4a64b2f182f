"""What our server answers, field by field, as vLLM answers it; and the requests of the client in CWM's own demo."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("uvicorn")
pytest.importorskip("sentencepiece")
requests = pytest.importorskip("requests")

from cwm_server.api import create_app  # noqa: E402
from cwm_server.architecture import Decoder  # noqa: E402
from cwm_server.engine import Engine  # noqa: E402
from cwm_tracer.wire import Special  # noqa: E402
from serving import running  # noqa: E402
from test_api import tiny_model_of  # noqa: E402
from tiny_tokenizer import tiny_tokenizer  # noqa: E402

TOKENIZER = tiny_tokenizer()
MODEL = tiny_model_of(TOKENIZER.vocabulary_size)
SOURCE = "def main():  # << START_OF_TRACE\n    x = 1\n    return x\n"
PROMPT = TOKENIZER.encode([Special.BEGIN, Special.CONTEXT, "x = 1\n"])


@pytest.fixture(scope="module")
def url():
    with running(create_app(Engine(MODEL), "tiny", tokenizer=TOKENIZER)) as address:
        yield address


def post(url: str, path: str = "/v1/completions", **fields: object) -> requests.Response:
    return requests.post(url + path, json=fields, timeout=20)


def choices(url: str, **fields: object) -> list[dict]:
    response = post(url, **{"prompt": PROMPT, "max_tokens": 4, "temperature": 0, **fields})
    assert response.status_code == 200, response.text
    return response.json()["choices"]


# Shapes and values as vLLM 0.32 gave them for the embedded model.


def test_a_completion_has_every_field_that_vllms_has(url):
    body = post(url, prompt=PROMPT, max_tokens=2, temperature=0).json()
    assert {"id", "object", "created", "model", "choices", "usage", "system_fingerprint"} <= set(body)
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    (choice,) = body["choices"]
    assert [choice[name] for name in ("logprobs", "prompt_logprobs", "token_ids", "prompt_token_ids")] == [None] * 4
    assert choice["finish_reason"] == "length"


def test_every_answer_holds_its_tokens_for_clients_of_fgserve(url):
    (choice,) = choices(url, return_token_ids=True)
    assert choice["tokens"] == choice["token_ids"]


def test_logprobs_name_tokens_by_their_text_or_by_their_ids(url):
    (by_text,) = choices(url, logprobs=1)
    (by_id,) = choices(url, logprobs=1, return_tokens_as_token_ids=True, return_token_ids=True)
    ids = by_id["token_ids"]
    assert by_id["logprobs"]["tokens"] == [f"token_id:{token}" for token in ids]
    texts = by_text["logprobs"]["tokens"]
    assert texts == [TOKENIZER.bytes_of(token).decode("utf-8", "replace") or str_of(token) for token in ids]
    assert by_text["logprobs"]["text_offset"] == [len("".join(texts[:place])) for place in range(len(texts))]


def str_of(token: int) -> str:
    (special,) = TOKENIZER.decode([token])
    assert isinstance(special, Special)
    return special.value


def test_logprobs_of_0_alternatives_show_the_chosen_token_alone(url):
    (choice,) = choices(url, logprobs=0, return_tokens_as_token_ids=True)
    logprobs = choice["logprobs"]
    pairs = zip(logprobs["tokens"], logprobs["token_logprobs"], strict=True)
    assert logprobs["top_logprobs"] == [{name: value} for name, value in pairs]


def test_the_chosen_token_is_among_the_best_without_being_counted(url):
    (choice,) = choices(url, temperature=5.0, seed=4, max_tokens=20, logprobs=2, return_tokens_as_token_ids=True)
    logprobs = choice["logprobs"]
    for name, value, best in zip(logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True):
        assert best[name] == pytest.approx(value, abs=1e-4)
        assert len(best) in (2, 3)
    assert any(len(best) == 3 for best in logprobs["top_logprobs"])


def test_prompt_logprobs_show_the_text_of_their_tokens(url):
    (choice,) = choices(url, prompt_logprobs=1, max_tokens=1)
    items = choice["prompt_logprobs"]
    assert items[0] is None
    for token, item in zip(PROMPT[1:], items[1:], strict=True):
        assert set(item[str(token)]) == {"logprob", "rank", "decoded_token"}
        assert item[str(token)]["decoded_token"] == TOKENIZER.bytes_of(token).decode() or str_of(token)


def test_n_answers_of_each_prompt_follow_each_other(url):
    prompts = [PROMPT, PROMPT[:-1]]
    fields = {"prompt": prompts, "temperature": 3.0, "seed": 11, "return_token_ids": True, "max_tokens": 6}
    many = choices(url, n=3, **fields)
    assert [choice["index"] for choice in many] == list(range(6))
    assert [choice["prompt_token_ids"] for choice in many] == [prompts[0]] * 3 + [prompts[1]] * 3
    for place in range(3):  # as in vLLM, the i-th answer is the one of the seed + i
        alone = choices(url, **{**fields, "seed": 11 + place})
        assert [many[place]["token_ids"], many[3 + place]["token_ids"]] == [each["token_ids"] for each in alone]
    unseeded = choices(url, n=4, **{**fields, "seed": None, "max_tokens": 12})
    assert len({tuple(choice["token_ids"]) for choice in unseeded[:4]}) > 1


def test_usage_counts_a_prompt_once_and_every_answer(url):
    usage = post(url, prompt=PROMPT, n=3, temperature=1, max_tokens=5, stop_token_ids=[]).json()["usage"]
    assert usage["prompt_tokens"] == len(PROMPT)
    assert usage["completion_tokens"] <= 15
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_null_is_the_default(url):
    fields = dict.fromkeys(
        ("max_tokens", "n", "seed", "top_p", "logprobs", "prompt_logprobs", "stop_token_ids", "model")
    )
    (choice,) = choices(url, **fields, return_token_ids=True)
    assert len(choice["token_ids"]) <= 16


@pytest.mark.parametrize(
    ("path", "fields", "status", "param"),
    [
        ("/v1/completions", {"prompt": PROMPT, "stop": "<|frame_sep|>"}, 400, "stop"),
        ("/v1/completions", {"prompt": PROMPT, "\ud800": 1}, 400, "\ud800"),
        ("/v1/completions", {"prompt": PROMPT, "temperature": 10**400}, 400, "temperature"),
        ("/v1/completions", {"prompt": [10**300]}, 400, "prompt"),
        ("/v1/completions", {"prompt": PROMPT, "model": "other"}, 404, "model"),
        ("/completions", {"prompt": PROMPT, "stop": "END"}, 400, "stop"),
        ("/completions", {"prompt": PROMPT, "min_tokens": 3}, 400, "min_tokens"),
        ("/completions", {"prompt": PROMPT, "best_of": 3}, 400, "best_of"),
        ("/completions", {"prompt": [1] * 200}, 400, "prompt"),
        ("/tokenize", {}, 400, "prompt"),
        ("/tokenize", {"prompt": [1]}, 400, "prompt"),
        ("/tokenize", {"messages": []}, 400, "messages"),
        ("/tokenize", {"prompt": "", "model": "other"}, 404, "model"),
        ("/detokenize", {}, 400, "tokens"),
        ("/detokenize", {"tokens": [-1]}, 400, "tokens"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_fields_name(url, path, fields, status, param):
    response = post(url, path, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, status, param)
    assert error["type"].endswith("Error")
    assert len(error["message"]) < 500
    assert "\n" not in error["message"]


def test_a_body_must_be_declared_as_json(url):
    """A web page may send text/plain to any address without asking."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"Content-Type": kind}
        response = requests.post(f"{url}/v1/completions", data=json.dumps({"prompt": [1]}), headers=headers, timeout=9)
        assert response.status_code == 415
        assert "application/json" in response.json()["error"]["message"]
    assert "access-control-allow-origin" not in response.headers


# `/tokenize` and `/detokenize`.


def test_a_text_is_tokenized_behind_the_token_that_begins_one(url):
    body = post(url, "/tokenize", prompt="x = 1").json()
    assert body["tokens"] == TOKENIZER.encode([Special.BEGIN, "x = 1"])
    assert (body["count"], body["max_model_len"], body["token_strs"]) == (len(body["tokens"]), 128, None)
    bare = post(url, "/tokenize", prompt="x = 1", add_special_tokens=False, return_token_strs=True).json()
    assert "".join(bare["token_strs"]) == "x = 1"


def test_a_special_tokens_name_in_a_text_is_text(url):
    text = f"a {Special.FRAME.value} b"
    body = post(url, "/tokenize", prompt=text, add_special_tokens=False).json()
    assert TOKENIZER.special(Special.FRAME) not in body["tokens"]
    assert post(url, "/detokenize", tokens=body["tokens"]).json() == {"prompt": text}


def test_a_server_without_a_tokenizer_says_so():
    with running(create_app(Engine(MODEL), "tiny")) as address:
        assert post(address, "/tokenize", prompt="x").status_code == 501


# `/completions`, as the client in CWM's demo asks: the last tokens are a frame's end or, for a forced event, its token.


class DemoClient:
    """Sends what the demo's debugger sends, and reads the answer as it does."""

    def __init__(self, url: str, source: str) -> None:
        self.url = url
        self.tokens = TOKENIZER.encode([Special.BEGIN, Special.CONTEXT, source, Special.FRAME])

    def step(self, event: Special | None = None) -> list[int]:
        """The tokens of the next frame, its event with them."""
        prompt = self.tokens + ([TOKENIZER.special(event)] if event is not None else [])
        body = {"prompt": prompt, "max_tokens": 2048, "temperature": 0.6, "top_p": 0.95, "stop": "<|frame_sep|>"}
        tokens = list(requests.post(f"{self.url}/completions", json=body, timeout=20).json()["choices"][0]["tokens"])
        frame = prompt[len(self.tokens) :] + tokens
        self.tokens = self.tokens + frame
        return frame


@pytest.fixture(scope="module")
def roomy():
    """A server with room for some frames of a model that never comes to an end by itself."""
    torch.manual_seed(1)
    model = Decoder(replace(MODEL.config, max_position_embeddings=1024)).eval()
    with running(create_app(Engine(model), "roomy", tokenizer=TOKENIZER)) as address:
        yield address


def test_the_client_of_cwms_demo_gets_whole_frames(roomy):
    client = DemoClient(roomy, SOURCE)
    specials = {TOKENIZER.special(special): special for special in Special}
    for event in (Special.CALL, Special.LINE, None, None):
        frame = client.step(event)
        kinds = [specials[token] for token in frame if token in specials]
        if kinds == [Special.END]:
            break
        assert kinds[0] in (Special.CALL, Special.LINE, Special.RETURN, Special.EXCEPTION)
        assert kinds[1] is Special.ACTION
        assert kinds[-1] is Special.FRAME
        assert len(kinds) == (4 if Special.ARGUMENT in kinds else 3)


def test_the_demos_answer_ends_where_the_context_does(url):
    body = {"prompt": PROMPT, "max_tokens": 2048, "temperature": 0, "stop": None, "min_tokens": 0}
    (choice,) = post(url, "/completions", **body).json()["choices"]
    assert len(choice["tokens"]) == 128 - len(PROMPT) or choice["finish_reason"] == "stop"
    whole = post(url, "/completions", prompt=[1] * 128, max_tokens=5)
    assert whole.status_code == 400
    assert "maximum context length is 128" in whole.json()["error"]["message"]


# `/metrics`, `/openapi.json`.


def figures(url: str) -> dict[str, float]:
    lines = requests.get(f"{url}/metrics", timeout=9).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_metrics_count_requests_tokens_latencies_and_the_cache():
    with running(create_app(Engine(MODEL), "tiny", tokenizer=TOKENIZER)) as url:
        before = figures(url)
        for _ in range(2):
            post(url, prompt=PROMPT, max_tokens=3, temperature=0)
        post(url, prompt=PROMPT, best_of=3)
        requests.get(f"{url}/nothing-of-that-kind", timeout=9)
        after = figures(url)
    assert before["cwm_requests_running"] == before["cwm_requests_waiting"] == 0
    assert after['cwm_requests_total{route="/v1/completions",status="200"}'] == 2
    assert after['cwm_requests_total{route="/v1/completions",status="400"}'] == 1
    assert after['cwm_requests_total{route="other",status="404"}'] == 1
    assert after["cwm_prompt_tokens_total"] == 2 * len(PROMPT)
    assert 2 <= after["cwm_generated_tokens_total"] <= 6
    assert after['cwm_request_seconds_count{route="/v1/completions"}'] == 3
    assert after["cwm_queue_seconds_count"] == after["cwm_engine_seconds_count"] == 2
    assert 0 < after["cwm_prefix_cache_hits_total"] < after["cwm_prefix_cache_queries_total"]
    assert after['cwm_model_info{model="tiny"}'] == 1
    assert not any("nothing-of-that-kind" in name for name in after)


def test_the_openapi_document_names_every_field_that_is_known_and_no_other(url):
    from cwm_server.protocol import EXTENSIONS, FGSERVE_FIELDS, FIELDS

    schemas = requests.get(f"{url}/openapi.json", timeout=9).json()["components"]["schemas"]
    assert set(schemas["CompletionRequest"]["properties"]) == FIELDS.union(EXTENSIONS)
    assert set(schemas["FgserveRequest"]["properties"]) == FIELDS.union(EXTENSIONS, FGSERVE_FIELDS)
    assert schemas["CompletionRequest"]["additionalProperties"] is False


def test_answers_have_the_shape_that_the_openapi_document_says(url):
    jsonschema = pytest.importorskip("jsonschema")
    document = requests.get(f"{url}/openapi.json", timeout=9).json()
    body = post(url, prompt=PROMPT, max_tokens=3, logprobs=2, prompt_logprobs=2, return_token_ids=True).json()
    for value, name in (
        (body, "Completion"),
        (requests.get(f"{url}/v1/models", timeout=9).json(), "ModelList"),
        (post(url, "/tokenize", prompt="x", return_token_strs=True).json(), "Tokens"),
        (post(url, prompt=[]).json(), "Error"),
    ):
        jsonschema.Draft202012Validator({**document, "$ref": f"#/components/schemas/{name}"}).validate(value)
