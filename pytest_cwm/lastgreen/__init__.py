"""Comparing a run with what the same tests did when they last passed: no model, no GPU."""
