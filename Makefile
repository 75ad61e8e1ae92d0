# `make` alone says what there is. Needs python3 (3.11 to 3.13), make and nothing else; everything goes into .venv and var.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
BIN := .venv/bin
WORKERS ?= 2

export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

.PHONY: help setup demo test test-services services services-down browser screens check bench

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: .venv/set-up ## make .venv with exactly the packages of uv.lock; does nothing when that is so
	@:

.venv/set-up: uv.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CartRover needs Python 3.11 or newer; set PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION) 2>/dev/null \
	  || env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL -u PIP_NO_INDEX PIP_CONFIG_FILE=/dev/null \
	     $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@$(BIN)/uv sync --frozen --quiet --python $(BIN)/python
	@touch $@

demo: setup ## the whole hub with sandboxes and orders that flow, until Ctrl-C; PORT=8123 for another port, WMS=quickbooks_online for another WMS
	@exec $(BIN)/python manage.py up --sandbox --demo $(if $(PORT),--port $(PORT)) $(if $(WMS),--wms $(WMS))

test: setup ## all tests; ARGS="tests/kernel -x" for some of them
	@$(BIN)/pytest -n $(WORKERS) $(ARGS)

test-services: setup ## all tests on PostgreSQL and Redis of their own, and whole installations whose parts are killed
	@$(BIN)/python -m tests.servers.services run $(BIN)/pytest -n $(WORKERS) $(ARGS)

services: setup ## PostgreSQL and Redis on loopback, and what the hub needs to know: eval "$(make -s services)"
	@$(BIN)/python -m tests.servers.services up

services-down: setup ## end what `make services` started
	@$(BIN)/python -m tests.servers.services down

browser: ## Chromium for the tests that need a browser, from Debian's or Ubuntu's packages (as root)
	@if there="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)"; then echo "A browser is there: $$there"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else echo "Install Chromium or Google Chrome, so that chromium, chromium-browser or google-chrome can be called: on Debian"; \
	  echo "as root with \"apt-get install chromium\". Without a browser its tests are skipped."; exit 1; fi

screens: setup ## take the pictures of docs/screens anew, of made-up data; needs a browser
	@$(BIN)/pytest -n0 -q tests/browser/screens.py

check: setup ## style, types, import rules, migrations, settings
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy cartrover connectors orders
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py check --fail-level WARNING

bench: setup ## the benchmarks, each as a ratio to a floor measured in the same run, written to benchmarks/RESULTS.md
	@export BENCH_RESULTS=benchmarks/RESULTS.md; missed=0; \
	for one in $$(grep -l "^    python -m benchmarks\." benchmarks/*.py); do \
	  $(BIN)/python -m benchmarks.$$(basename $$one .py) || missed=1; \
	done; exit $$missed
