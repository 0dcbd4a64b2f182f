"""What it costs to record every line with its state, beside other tools that do: five programs, ratios.

    pip install pysnooper snoop hunter viztracer
    python benchmarks/recorder.py [--rounds 5] [--tools cwm,pysnooper,...] [--programs int,fib,...] [--backend NAME]
    python benchmarks/recorder.py --growth       cost and memory from 1 000 to 1 000 000 events
    python benchmarks/recorder.py --unrecorded   what recording costs code that is not recorded

The programs are described in `recorder_workloads.py`. Every measurement is a process of its own, and the tools take
turns, so that a busy machine is busy for all of them. What counts is the processor time from the start of the tool to
all of its text in memory: for this recorder that is CWM's text of every frame, for the others what they print.

viztracer's `log_var` tells less than the others: variables when they are assigned to, but no lines and no state. The
naive recorder takes the repr of every variable at every event and writes what has changed, as JSON; nothing keeps it
from running a program's code for ever, keeping its objects alive, or writing secrets.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import recorder_tools
from recorder_workloads import WORKLOADS

OURS = "cwm"
BARS = {
    "int": {"pysnooper": 8.0, "hunter": 6.5},
    "fib": {"pysnooper": 8.0, "hunter": 6.5},
    "sort": {"pysnooper": 3.5, "hunter": 3.5},
    "med": {"pysnooper": 2.3, "hunter": 2.3},
    "lib": {"pysnooper": 4.0, "hunter": 4.0},
}
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def main() -> None:
    """Measure and print; exit with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", default=",".join(recorder_tools.TOOLS))
    parser.add_argument("--programs", default=",".join(WORKLOADS))
    parser.add_argument("--backend", help="of this recorder: settrace or monitoring")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--unrecorded", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "ARGUMENT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    recorder_tools.backend = options.backend
    if options.one:
        what, argument = options.one
        print(json.dumps(_MEASURES.get(what, lambda program: recorder_tools.measure(what, program))(argument)))
    elif options.growth:
        _print_growth(options)
    elif options.unrecorded:
        _print_unrecorded(options)
    else:
        sys.exit(_compare(options))


def _run(options: argparse.Namespace, what: str, argument: str) -> dict[str, float]:
    backend = ["--backend", options.backend] if options.backend else []
    command = [sys.executable, __file__, *backend, "--one", what, argument]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{what} failed on {argument}:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _compare(options: argparse.Namespace) -> int:
    tools = [tool for tool in options.tools.split(",") if _is_there(tool)]
    print(f"Python {sys.version.split()[0]}, {options.rounds} rounds")
    print("times as long as this recorder: median (min to max)")
    missed = []
    for program in options.programs.split(","):
        times: dict[str, list[float]] = {tool: [] for tool in tools}
        for _ in range(options.rounds):
            for tool in tools:
                times[tool].append(_run(options, tool, program)["seconds"])
        events = _run(options, OURS, program)["events"]
        own = [seconds / events * 1e6 for seconds in times[OURS]]
        median = statistics.median(own)
        print(f"\n{program:5} {events:6} events, {median:6.2f} us each ({min(own):.2f} to {max(own):.2f})")
        for tool in tools:
            if tool == OURS:
                continue
            ratios = [theirs / ours for theirs, ours in zip(times[tool], times[OURS], strict=True)]
            median = statistics.median(ratios)
            bar = BARS[program].get(tool, 1.0)
            verdict = "" if median >= bar else f"   below {bar}"
            missed += [f"{program}: {tool}"] if verdict else []
            print(f"      {tool:10} {median:7.2f} ({min(ratios):.2f} to {max(ratios):.2f}){verdict}")
    return 1 if missed else 0


def _is_there(tool: str) -> bool:
    module = recorder_tools.TOOLS[tool].module
    if module is None:
        return True
    try:
        importlib.import_module(module)
    except ImportError:
        print(f"{tool} is not installed", file=sys.stderr)
        return False
    return True


def _print_growth(options: argparse.Namespace) -> None:
    print("    events     us each   MB at the peak   bytes per event   and unchanged variable")
    for size in SIZES:
        runs = [_run(options, "growth", str(size)) for _ in range(options.rounds)]
        seconds = statistics.median(run["seconds"] for run in runs)
        memory = _run(options, "memory", f"{size},0")
        more = _run(options, "memory", f"{size},100")
        peak, events = memory["peak"], memory["events"]
        each = (more["peak"] - peak) / more["events"] / 100
        print(
            f"{int(runs[0]['events']):10} {seconds / runs[0]['events'] * 1e6:10.2f} {peak / 1e6:16.2f}"
            f" {peak / events:17.1f} {each:21.2f}"
        )


def _print_unrecorded(options: argparse.Namespace) -> None:
    print(f"Python {sys.version.split()[0]}: code that is not recorded takes so many times as long as untraced code")
    for what, said in (
        ("calls", "calls"),
        ("works", "one exception in forty calls"),
        ("raises", "nothing but exceptions"),
    ):
        found = _run(options, "unrecorded", what)
        print(f"{said:30} {found['median']:6.3f} ({found['least']:.3f} to {found['most']:.3f})")


_MEASURES: dict[str, Callable[[str], dict[str, float]]] = {
    "growth": recorder_tools.growth,
    "memory": recorder_tools.memory,
    "unrecorded": recorder_tools.unrecorded,
}

if __name__ == "__main__":
    main()
