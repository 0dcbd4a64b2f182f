"""Whether a run was complete: only then does a test that was not seen no longer exist."""

from __future__ import annotations

from typing import Any

import pytest

_OUTPUT = "cwm_left_out"
_NARROWING = (
    "keyword",
    "markexpr",
    "lf",
    "stepwise",
    "deselect",
    "ignore",
    "ignore_glob",
    "continue_on_collection_errors",
)


class FullRun:
    """A pytest plugin, in workers and controllers alike, that counts what is collected and what of it is left out."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._made = 0
        self._left_out = False
        self.collected: set[str] = set()

    def is_complete(self, session: pytest.Session) -> bool:
        """Whether every test of the project was run; asked at the end, where tests are handed out."""
        config = self._config
        source = config.args_source
        everything = source is config.ArgsSource.TESTPATHS or (
            source is config.ArgsSource.INVOCATION_DIR and config.invocation_params.dir == config.rootpath
        )
        narrowed = any(config.getoption(name, None) for name in _NARROWING)
        stopped = session.shouldstop or session.shouldfail
        return bool(everything and self.collected and not narrowed and not self._left_out and not stopped)

    def pytest_itemcollected(self) -> None:
        self._made += 1

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.collected.update(item.nodeid for item in session.items)
        self._left_out |= len(session.items) < self._made

    def pytest_sessionfinish(self) -> None:
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.collected.update(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", None)
        self._left_out |= error is not None or output is None or bool(output.get(_OUTPUT))
