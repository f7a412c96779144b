# Two commands: `make demo` runs the headline study, `make test` the suite. Both set up .venv on their own.
# Any Python from 3.11 on will do; name one with `make PYTHON=python3.13 test`.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-slow test-all lint bench studies clean help
.DEFAULT_GOAL := help

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "positivesum needs Python 3.11 or newer on the PATH (or: make PYTHON=/path/to/python ...)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@echo "Compiling the engine (once) ..."
	@$(BIN)/python -c 'from sim import Scenario, simulate; simulate(Scenario().replace(steps=1))'
	@touch $(READY)

demo: $(READY) ## run the headline study: what is structure and what is mindset?
	@$(BIN)/positivesum sweep configs/zero_vs_positive_sum.toml

test: $(READY) ## the whole suite but what is marked slow
	@$(BIN)/python -m pytest -m "not slow"

test-slow: $(READY) ## what is marked slow: long and statistical tests
	@$(BIN)/python -m pytest -m slow

test-all: test test-slow lint ## all of it: what continuous integration runs

lint: $(READY) ## style, and the floors of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

bench: $(READY) ## measure speed and cost side by side; writes results/benchmarks.json and docs/performance.md
	@$(BIN)/python benchmarks/run.py

studies: $(READY) ## run every study in configs/
	@for study in configs/*.toml; do $(BIN)/positivesum sweep $$study || exit $$?; done

clean: ## remove .venv (results stay)
	rm -rf .venv
