"""Cassettes: predictions that were recorded once and are replayed where there is no model."""
