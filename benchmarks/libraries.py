"""Whole test suites of other people's libraries, plain and with every test recorded: the same outcomes, at what cost.

    python benchmarks/libraries.py [--folder DIR] [--max-frames N] [LIBRARY ...]

Downloads source distributions from PyPI, runs each suite plain, recorded and plain again, and compares for each test
how it ended and what it said: its error, its output, its warnings. Tests that differ between the two plain runs are
listed and not compared. Prints what recording costs as ratios to the mean of the plain runs, in the tests and in the
whole run (which also writes a report), and exits with 1 where a test ended otherwise because it was recorded.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import library_suites
from library_suites import LIBRARIES


def main() -> int:
    """Run and print; the number of tests that recording changed, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", metavar="LIBRARY", help=f"of {', '.join(LIBRARIES)} (default: all)")
    parser.add_argument("--folder", type=Path, help="where to keep the downloads (default: a temporary folder)")
    parser.add_argument("--max-frames", type=int, default=10_000)
    arguments = parser.parse_args()
    unknown = set(arguments.libraries) - set(LIBRARIES)
    if unknown:
        parser.error(f"no such library: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"Python {platform.python_version()}, at most {arguments.max_frames} frames a test\n")
        print("library         tests  flaky  changed    frames   plain s   in tests  whole run  peak MiB")
        changed = [compare(name, folder, arguments.max_frames) for name in arguments.libraries or LIBRARIES]
    return int(any(changed))


def compare(name: str, folder: Path, max_frames: int) -> int:
    """Print a library's line, and the tests that recording changed below it; the result is their number."""
    library = LIBRARIES[name]
    library_suites.fetch([library], folder)
    options = (*library_suites.RECORDED, f"--cwm-max-frames={max_frames}")
    before = library_suites.run(library, folder)
    recorded = library_suites.run(library, folder, *options)
    after = library_suites.run(library, folder)
    flaky = library_suites.differences(before, after)
    changed = {
        nodeid: ends for nodeid, ends in library_suites.differences(before, recorded).items() if nodeid not in flaky
    }
    seconds, in_tests = (before.seconds + after.seconds) / 2, (before.in_tests + after.in_tests) / 2
    print(
        f"{name:14}{len(before.ended):7}{len(flaky):7}{len(changed):9}{recorded.frames:10}{seconds:10.1f}"
        f"{recorded.in_tests / in_tests:10.1f}x{recorded.seconds / seconds:10.1f}x{recorded.peak:10.0f}",
        flush=True,
    )
    for nodeid, (plain, other) in changed.items():
        print(f"  {nodeid}\n    plain:    {plain}\n    recorded: {other}")
    return len(changed)


if __name__ == "__main__":
    sys.exit(main())
