# Every target installs what it needs first: .venv/.ok is older than its two files, or nothing is done.
PYTHON ?= python3
ARGS ?=
N ?= 1000000
ROUNDS ?= 1
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint types docs bench lock clean

help: ## say what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8
	@echo 'PYTHON=python3.12 chooses the interpreter for .venv; ARGS=... adds to the test command.'

.venv/.ok: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Blocklist needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) cannot make environments; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing into .venv ...'
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: .venv/.ok ## the main job on invented feeds, and where to look
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/quickstart/tour.sh

test: .venv/.ok ## the fast tests; ARGS='-m ""' adds the slow ones and those that need servers or real feeds
	@$(BIN)/pytest -n auto -m 'not e2e and not corpus and not slow' $(ARGS)

lint: .venv/.ok ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/.ok ## static types
	@$(BIN)/mypy

docs: .venv/.ok ## what the program writes of README.md and docs/, anew
	.venv/bin/python -m tests.support.docs

bench: .venv/.ok ## the main job on N names in times of sort, and a start; N=6000000 ROUNDS=5
	@$(BIN)/python -m benchmarks.start
	@$(BIN)/python -m benchmarks.build $(N) $(ROUNDS)

# Any index may be set up on this machine, so only names and versions are written.
lock: ## constraints.txt anew: the newest versions that pyproject.toml admits
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@{ echo '# Made by `make lock`: the newest of everything that pyproject.toml admits, with dev.'; \
		echo '# Not by hand: .ci/run proves that an installation is exactly this.'; \
		.venv-lock/bin/pip list --disable-pip-version-check --format=freeze \
			--exclude-editable --exclude pip --exclude setuptools | LC_ALL=C sort -f; \
	} > constraints.txt.new
	@mv constraints.txt.new constraints.txt; rm -rf .venv-lock

clean: ## what the other targets made
	@rm -rf .venv .venv-lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* \
		dist htmlcov examples/quickstart/out examples/quickstart/*.db*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
