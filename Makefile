# The habits of the project. `make demo` and `make test` do all the set-up a fresh machine needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= demo-data
PORT   ?= 5000
STACK  ?= embedded
JOBS   ?= 2
# Tests write much and none of it has to outlive the machine: in memory where that has 8 GiB to spare.
SCRATCH = $(shell test -w /dev/shm && test $$(df -k --output=avail /dev/shm | tail -1) -gt 8388608 && echo /dev/shm)

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-unit lint format bench docs docs-serve clean clean-data

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready  ## make .venv with everything, pinned by constraints.txt

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Trackstream needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	@test -e $@ || echo "Setting up $(VENV) (once; a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

demo: setup  ## train real models in 8 processes and print the best run (STACK=native: on Kafka and MinIO)
	@$(BIN)/python examples/demo.py --dir $(DATA) --port $(PORT) --stack $(STACK)

serve: setup  ## serve the demo's data at http://127.0.0.1:5000 (PORT=... for another port, STACK=native)
	@$(if $(filter native,$(STACK)),$(BIN)/python examples/demo.py --serve --stack native,$(BIN)/trackstream server) --dir $(DATA) --port $(PORT)

test: setup  ## run every test: unit, property and integration (JOBS=1: one file at a time)
	@TMPDIR=$(or $(SCRATCH),$${TMPDIR:-/tmp}) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-unit: setup  ## only the fast tests
	@$(BIN)/python -m pytest -m 'not integration'

lint: setup  ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup  ## let ruff rewrite the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.bench  ## run the benchmarks beside MLflow; results in benchmarks/results
	@$(BIN)/python -m benchmarks

docs: setup  ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "site/index.html (a browser searches it only over HTTP: make docs-serve)"

docs-serve: setup  ## show the documentation at http://127.0.0.1:8000 while you write it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

clean:  ## remove the environment, caches and demo data; the stores of clean-data stay
	rm -rf $(VENV) $(DATA) build site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +

clean-data:  ## stop the stack of `trackstream dev` and delete ./trackstream-dev and ./trackstream-data
	@test ! -e trackstream-dev || $(BIN)/trackstream dev down || { echo "trackstream-dev may still run; make setup first"; exit 1; }
	rm -rf trackstream-dev trackstream-data
