# `make` lists the targets. PROFILE=smoke|quick|paper, DATASET=mnist|cifar10, NOTEBOOK=03 and FRESH=1 narrow
# `make reproduce`; PYTHON names the interpreter that the virtual environment is made from.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
PROFILE ?= quick
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

CHOICES := --profile $(PROFILE) $(if $(DATASET),--dataset $(DATASET)) $(if $(NOTEBOOK),--notebook $(NOTEBOOK)) \
	$(if $(SEED),--seed $(SEED)) $(if $(filter 1,$(FRESH)),--fresh)

.PHONY: help venv reproduce test lint types unit notebooks report bench lab lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed; install Python 3.11 or set PYTHON" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: $(STAMP) ## make the virtual environment from the lock

reproduce: $(STAMP) ## run every notebook: PROFILE=smoke|quick|paper DATASET=... NOTEBOOK=03 FRESH=1
	@$(BIN)/python -m flutils reproduce $(CHOICES)

test: lint types unit ## lint, types, unit tests, nbval, and the smoke pipeline

lint: $(STAMP) ## ruff, notebooks included
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP) ## mypy
	$(BIN)/mypy

unit: $(STAMP) ## pytest, with the smoke pipeline and nbval
	$(BIN)/python -m pytest --durations=10 --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

notebooks: $(STAMP) ## execute the committed notebooks in place (NOTEBOOK=03 for one)
	@$(BIN)/python -m flutils notebooks $(if $(NOTEBOOK),--notebook $(NOTEBOOK))

report: $(STAMP) ## copy results to artifacts/reported and into README.md
	@$(BIN)/python -m flutils report --profile $(PROFILE)

bench: $(STAMP) ## time the search on this machine and put the tables into README.md
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/audit.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/frontier.py
	$(BIN)/python benchmarks/report.py

lab: $(STAMP) ## start JupyterLab
	$(BIN)/jupyter lab notebooks

lock: ## resolve pyproject.toml into requirements.lock anew
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/lock/bin/uv pip compile pyproject.toml --extra test --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --generate-hashes --no-annotate --no-emit-index-url \
		--no-header --quiet -o requirements.lock

clean: ## delete the environment, caches and the smoke profile's files; other artifacts stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info artifacts/smoke figures/smoke
	find flutils tests benchmarks notebooks -name __pycache__ -prune -exec rm -rf {} +
