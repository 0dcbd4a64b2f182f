"""A long run of Schemathesis against a server: thousands of generated requests, good and bad, to every operation.

    python benchmarks/schema.py [--examples 1000] [--url URL]

Without a URL it starts a server of a tiny model with a short context, so that the time goes into requests and not into
tokens. A token is read from CWM_TOKEN.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cwm_server.tokenizer import EMBEDDED, load_tokenizer
from cwm_tracer.wire import Special
from schema_cases import run
from tiny_models import CONFIG, save


@contextlib.contextmanager
def served() -> Iterator[str]:
    """A server of random weights behind the embedded model's tokenizer; its URL."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = load_tokenizer()
        begin, end = tokenizer.special(Special.BEGIN), tokenizer.special(Special.END)
        config = replace(CONFIG, vocab_size=tokenizer.vocabulary_size, bos_token_id=begin, eos_token_id=end)
        save(Path(folder) / "model", config)
        shutil.copy(EMBEDDED / "tokenizer.model", Path(folder) / "model")
        command = [sys.executable, "-m", "cwm_server.serve", "--model", f"{folder}/model"]
        command += ["--threads", "1", "--die-with-parent"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            process.terminate()


def main() -> int:
    """Print what Schemathesis says; raise when it found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--url")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = options.url or stack.enter_context(served())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(run(url, directory, options.examples, token=os.environ.get("CWM_TOKEN")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
