"""The report as one HTML file that needs no network: everything in it, packed, and unpacked as it is looked at."""

from __future__ import annotations

from pytest_cwm.report.html.page import page

__all__ = ["page"]
