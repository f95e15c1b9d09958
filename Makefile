# `make` lists the targets. PROFILE=smoke|quick|paper (default paper), DATASET=mnist|cifar10, NOTEBOOK=03 and FRESH=1 narrow
# `make reproduce`; PYTHON names the interpreter that the virtual environment is made from, without it the first
# of 3.12, 3.13 and 3.11 that is there and runs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Told to keep no bytecode, Python compiles TensorFlow anew in each process and each kernel: nine seconds each.
unexport PYTHONDONTWRITEBYTECODE

# 3.13 is not first: there OpenVINO 2026.4 fails to take a Keras model, and searches run in TensorFlow instead.
PYTHON ?= $(shell for name in python3.12 python3.13 python3.11; do \
	$$name -c 'import ensurepip' 2>/dev/null && echo $$name && break; done)
PROFILE ?= paper
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST := $(VENV)/.installed-test

CHOICES := --profile $(PROFILE) $(if $(DATASET),--dataset $(DATASET)) $(if $(NOTEBOOK),--notebook $(NOTEBOOK)) \
	$(if $(SEED),--seed $(SEED)) $(if $(filter 1,$(FRESH)),--fresh)

.PHONY: help venv reproduce test test-slow lint types unit notebooks report bench lab explorer lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# uv installs a lock several times as fast as pip, which takes over where uv cannot be had or fails.
# A lock is complete and has a hash of every file, so nothing is resolved, and nothing else is installed.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
define install
	@echo "installing $(1); the first time takes a minute or more"
	$(BIN)/python -m uv pip install --quiet --no-deps --require-hashes -r $(1) || $(PIP) --no-deps --require-hashes -r $(1)
endef

$(BIN)/python:
	@$(or $(PYTHON),false) -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "error: expected Python 3.11, 3.12 or 3.13 with its venv module, $(if $(PYTHON),$(PYTHON) is not one,found none);" \
			"install one, or name it: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.lock requirements-uv.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements-uv.lock || echo "uv cannot be had; pip installs instead" >&2
	$(call install,requirements.lock)
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(TEST): requirements-test.lock $(STAMP)
	$(call install,requirements-test.lock)
	@touch $@

venv: $(STAMP) ## make the virtual environment from the lock

reproduce: $(STAMP) ## run every notebook: PROFILE=smoke|quick|paper DATASET=... NOTEBOOK=03 SEED=1 FRESH=1
	@$(BIN)/python -m flutils reproduce $(CHOICES)

test: lint types unit ## lint, types, unit tests, nbval, and the smoke pipeline

lint: $(TEST) ## ruff, notebooks included
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(TEST) ## mypy
	$(BIN)/mypy

unit: $(TEST) ## pytest, with the smoke pipeline and nbval
	$(BIN)/python -m pytest --durations=10 --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(TEST) ## the tests that take minutes or hours, with the figures of each
	$(BIN)/python -m pytest -m long -n 0 --durations=0

notebooks: $(STAMP) ## execute the committed notebooks in place (NOTEBOOK=03 for one)
	@$(BIN)/python -m flutils notebooks $(if $(NOTEBOOK),--notebook $(NOTEBOOK))

report: $(STAMP) ## write RESULTS.md, README's headline and the article from results
	@$(BIN)/python -m flutils report --profile $(PROFILE) $(if $(SEED),--seed $(SEED))

bench: $(STAMP) ## time the search on this machine, see what is deterministic, and put the tables into docs
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/audit.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/frontier.py
	$(BIN)/python benchmarks/determinism.py
	$(BIN)/python benchmarks/report.py

lab: $(STAMP) ## open the index of the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks --LabApp.default_url=/lab/tree/index.ipynb

explorer: $(STAMP) ## show the explorer as a page of its own
	$(BIN)/voila notebooks/00_explorer.ipynb

# Versions that still fit stay; delete the locks first to take the newest. A condition that holds wherever
# flutils runs is not repeated on every line: elsewhere an installation had better fail than skip everything.
COMPILE := build/lock/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-annotate --no-emit-index-url --no-header --quiet
lock: ## resolve pyproject.toml into the locks, for all supported Pythons
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check --upgrade uv
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --extra test --constraints requirements.lock -o requirements-test.lock \
		$$(sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock)
	echo uv | $(COMPILE) - -o requirements-uv.lock
	sed -i -E "s/ ; python_full_version < '3\.14' and sys_platform == 'linux' / /; s/ and sys_platform == 'linux'//" \
		requirements*.lock

clean: ## delete the environment, caches and the smoke profile's files; other artifacts stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info artifacts/smoke figures/smoke
	find flutils tests benchmarks notebooks -name __pycache__ -prune -exec rm -rf {} +
