"""A long run of Schemathesis against a server: thousands of generated requests, good and bad, to every operation.

    python benchmarks/schema.py [--examples 1000] [--url URL]

Without a URL it starts a server of the embedded model. A token is read from CWM_TOKEN.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from schema_cases import run


@contextlib.contextmanager
def served() -> Iterator[str]:
    """A server of the embedded model; its URL."""
    command = [sys.executable, "-m", "cwm_server.serve", "--threads", "1", "--die-with-parent"]
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
