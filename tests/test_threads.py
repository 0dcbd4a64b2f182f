"""How many threads an engine has: one for each processor, and none of BLAS's own besides."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
for needed in ("sentencepiece", "safetensors", "starlette", "uvicorn"):
    pytest.importorskip(needed)

import tiny_models  # noqa: E402
from cwm_server.loading import load  # noqa: E402
from cwm_server.threads import usable  # noqa: E402

# Starts all of the server but the loop, and shows what numpy found in the environment when it was imported.
SERVE = """
import gc, json, os, sys
found = []
def noted(event, arguments):
    if event == "import" and arguments[0] == "numpy":
        found.append(os.environ.get("OPENBLAS_NUM_THREADS"))
sys.addaudithook(noted)
import uvicorn
uvicorn.Server.run = lambda self, sockets: None
from cwm_server.serve import main
assert main(sys.argv[1:]) == 0
lanes = [each.lanes for each in gc.get_objects() if type(each).__name__ == "NumpyDecoder"]
print(json.dumps([found[0], lanes]))
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tiny_models.tokenized(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.parametrize(("processors", "threads"), [(1, 1), (2, 2), (3, 3), (64, 4)])
def test_there_is_a_thread_for_each_processor_that_may_be_used_up_to_four(monkeypatch, directory, processors, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(processors)), raising=False)
    assert usable() == load(directory).model.lanes == threads
    assert load(directory, threads=7).model.lanes == 7


@pytest.mark.skipif(len(tiny_models.ENGINES) < 2, reason="torch is not installed")
def test_torch_reads_one_part_of_a_prompt_at_a_time(directory):
    assert load(directory, engine="torch", threads=7).model.lanes == 1


@pytest.mark.parametrize("options", [[], ["--threads", "3"]])
def test_the_servers_products_have_one_thread_each(directory, options):
    command = [sys.executable, "-c", SERVE, "--model", str(directory), *options]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "5"}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    assert json.loads(out.splitlines()[-1]) == ["1", [int(options[-1]) if options else usable()]]
