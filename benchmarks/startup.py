"""What the installed but inactive plugin costs pytest at start-up: run with and without it, interleaved.

    python benchmarks/startup.py [--runs 20]

Prints the median wall time of `pytest -q` on one empty test with and without the plugin, the median of the paired
differences, and what `-X importtime` attributes to the plugin's modules.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_empty.py").write_text("def test_nothing(): pass\n")

        def run(*options: str) -> tuple[float, str]:
            command = [sys.executable, *options[:2], "-m", "pytest", "-q", "-p", "no:cacheprovider", *options[2:]]
            began = time.perf_counter()
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
            return time.perf_counter() - began, done.stderr

        run("-X", "utf8")  # writes the byte code
        pairs = [(run("-X", "utf8")[0], run("-X", "utf8", "-p", "no:cwm")[0]) for _ in range(runs)]
        imports = [
            sum(int(own) for own in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(?:pytest_cwm|cwm_)", text))
            for text in (run("-X", "importtime")[1] for _ in range(runs))
        ]
    with_plugin, without = zip(*pairs, strict=True)
    print(f"with the plugin     {statistics.median(with_plugin) * 1000:7.1f} ms")
    print(f"without it          {statistics.median(without) * 1000:7.1f} ms")
    print(f"difference, paired  {statistics.median(a - b for a, b in pairs) * 1000:7.1f} ms")
    print(f"its own imports     {statistics.median(imports) / 1000:7.1f} ms (min {min(imports) / 1000:.1f})")


if __name__ == "__main__":
    main()
