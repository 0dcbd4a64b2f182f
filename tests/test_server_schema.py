"""The server against its own OpenAPI document, by Schemathesis. `benchmarks/schema.py` runs it for longer."""

from __future__ import annotations

import pytest

pytest.importorskip("schemathesis")
pytest.importorskip("torch")
pytest.importorskip("uvicorn")
pytest.importorskip("sentencepiece")

from cwm_server.api import create_app
from cwm_server.engine import Engine
from schema_cases import run
from serving import running
from test_api import tiny_model_of
from tiny_tokenizer import tiny_tokenizer


@pytest.fixture(scope="module")
def url():
    tokenizer = tiny_tokenizer()
    with running(create_app(Engine(tiny_model_of(tokenizer.vocabulary_size)), "tiny", tokenizer=tokenizer)) as address:
        yield address


def test_generated_requests_are_answered_or_refused_as_the_document_says(url, tmp_path):
    paths = ("/v1/completions", "/tokenize", "/v1/models", "/metrics", "/health")
    assert "Tested: 5" in run(url, tmp_path, examples=5, paths=paths)
