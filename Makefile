# `make demo` and `make test` work on a fresh machine with Python 3.11+ and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where the tests find APIBench; without it the tests that need it are skipped, with the reason.
export APIGAUGE_DATA ?= $(wildcard $(abspath ../shared/gorilla))
JOBS ?= auto

.PHONY: demo test lint types bench clean

demo: $(VENV)/.core
	@$(BIN)/apigauge run --benchmark mini --model retrieval:bm25 --out demo/runs/bm25
	@$(BIN)/apigauge run --benchmark mini --model 'constant:torch.topk(scores, k=3)' --out demo/runs/constant
	@echo "leaderboard: $$($(BIN)/apigauge report demo/runs/* --out demo/site)"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python tests/performance/bench_scoring.py
	$(BIN)/python tests/performance/bench_startup.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo build dist
