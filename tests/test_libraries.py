"""Whole test suites of other people's libraries, every test recorded: each must end as it ends without recording.

These two are small enough for every run; `benchmarks/libraries.py` runs them all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import library_suites

pytestmark = pytest.mark.skipif(
    not os.environ.get("CWM_LIBRARIES"), reason="CWM_LIBRARIES is not set: it allows a minute per library"
)


@pytest.mark.parametrize("name", ["more-itertools", "toolz"])
def test_a_recorded_suite_ends_as_it_ends_unrecorded(name: str, tmp_path: Path) -> None:
    library = library_suites.LIBRARIES[name]
    library_suites.fetch([library], tmp_path)
    plain = library_suites.run(library, tmp_path)
    recorded = library_suites.run(library, tmp_path, *library_suites.RECORDED, "--cwm-max-frames=3000")
    assert len(plain.ended) > 100
    assert library_suites.differences(plain, recorded) == {}
    assert recorded.frames > 1000
