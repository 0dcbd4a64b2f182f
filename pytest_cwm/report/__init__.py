"""The report: one JSON document, its views, and the gate that can fail a run."""

from __future__ import annotations
