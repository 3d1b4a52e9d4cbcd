# Everything that this project does, one command each. Needs Python 3.11, pip and make.
PYTHON ?= python3
ENV ?= .venv
BIN := $(ENV)/bin
DEMO ?= demo
PORT ?= 8765
WORKERS ?= 2

.PHONY: help demo test test-slow check format docs bench lock generate clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(ENV)/.demo: requirements/demo.lock pyproject.toml scripts/bootstrap.py
	@$(PYTHON) scripts/bootstrap.py $(ENV) requirements/demo.lock
	@touch $@

$(ENV)/.dev: requirements/dev.lock pyproject.toml scripts/bootstrap.py
	@$(PYTHON) scripts/bootstrap.py $(ENV) requirements/dev.lock
	@touch $@ $(ENV)/.demo

demo: $(ENV)/.demo  ## install, load public data, build, study, decide, and serve the pages
	@$(BIN)/steelyard demo --folder $(DEMO) --port $(PORT)

test: $(ENV)/.dev check  ## install and run every check and test
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow"

test-slow: $(ENV)/.dev  ## full simulations and the long kill tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m slow

check: $(ENV)/.dev  ## formatting, lint, types, the ladder of imports, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/generate.py --check

format: $(ENV)/.dev  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(ENV)/.dev  ## rewrite the generated pages
	$(BIN)/python scripts/generate.py

docs: $(ENV)/.dev generate  ## execute the guides and build the site
	$(BIN)/python -m pytest -q tests/docs
	$(BIN)/mkdocs build --strict --quiet

bench: $(ENV)/.dev  ## every benchmark, its peers in the same run; writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

lock: $(ENV)/.dev  ## resolve the dependencies again
	scripts/lock.sh

clean:  ## remove what was installed and built here
	rm -rf $(ENV) .bootstrap site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .screenshots
