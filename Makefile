# Every target first installs .venv, if it is missing or older than pyproject.toml or constraints.txt.
PYTHON ?= python3
ARGS ?=
N ?= 1000000
ROUNDS ?= 1
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint types docs floors bench bench-harm lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
	@echo 'PYTHON=python3.12 selects the interpreter of .venv; ARGS=... adds options to the tests.'

.venv/.ok: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Blocklist needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) cannot create virtual environments; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing into .venv ...'
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: .venv/.ok ## show the program at work on invented feeds
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/quickstart/tour.sh

test: .venv/.ok ## run the fast tests; ARGS='-m ""' adds the slow ones and those with servers or real feeds
	@$(BIN)/pytest -n auto -m 'not e2e and not corpus and not slow' $(ARGS)

lint: .venv/.ok ## check style and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

types: .venv/.ok ## check static types
	@$(BIN)/mypy

docs: .venv/.ok ## write the generated parts of README.md and docs/
	@$(BIN)/python -m tests.support.docs

floors: .venv/.ok ## renew the built-in shared networks from their sources on the web, and print the changes
	@$(BIN)/python -m tests.support.floors

bench: .venv/.ok ## measure a run with N names, in multiples of sort, and a start; N=6000000 ROUNDS=5
	@$(BIN)/python -m benchmarks.start
	@$(BIN)/python -m benchmarks.build $(N) $(ROUNDS)

bench-harm: .venv/.ok ## measure harm and cost of protecting famous names; FEEDS=folder TOP=csv TRUTH=csv
	@$(BIN)/python -m benchmarks.harm $(or $(FEEDS),$(BLOCKLIST_CORPUS)) $(TOP) $(TRUTH)

# Only names and versions are written, because each machine may use another package index.
lock: ## write constraints.txt: the newest versions that pyproject.toml permits
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@{ echo '# Made by `make lock`: the newest versions that pyproject.toml permits, with dev.'; \
		echo '# Do not edit: .ci/run checks that an installation has exactly these versions.'; \
		.venv-lock/bin/pip list --disable-pip-version-check --format=freeze \
			--exclude-editable --exclude pip --exclude setuptools | LC_ALL=C sort -f; \
	} > constraints.txt.new
	@mv constraints.txt.new constraints.txt; rm -rf .venv-lock

clean: ## remove everything that the other targets made
	@rm -rf .venv .venv-lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* \
		dist htmlcov examples/quickstart/out examples/quickstart/*.db*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
