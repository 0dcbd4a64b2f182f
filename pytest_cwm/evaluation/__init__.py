"""How well a model predicts a suite of programs: `cwm eval`, the yardstick between two trainings or two models."""
