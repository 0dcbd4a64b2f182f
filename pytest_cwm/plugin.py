"""The pytest plugin: hooks only. Without `--cwm-trace` nothing but options and a marker is registered."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_cwm import marker, options

if TYPE_CHECKING:
    from pytest_cwm.active import ActivePlugin


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_cwm import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", options.MARKER)
    settings = options.read_settings(config)
    if settings.active:
        from pytest_cwm.active import ActivePlugin

        plugin: ActivePlugin = ActivePlugin(config, settings)
        config.pluginmanager.register(plugin, "cwm-active")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A marker with a mistake in it is a collection error that names its line."""
    report = yield
    errors = []
    for node in report.result or ():
        if isinstance(node, pytest.Item):
            try:
                marker.read_marker(node)
            except ValueError as error:
                errors.append(marker.describe_error(node, error))
    if errors:
        report.outcome = "failed"
        report.longrepr = "\n".join(dict.fromkeys(errors))
        report.result = []
    return report
