"""pytest-cwm: put a code world model's predictions of your tests' execution to the test."""

from __future__ import annotations

__version__ = "0.1.0"
