# Two commands matter: `make demo` (the main job on the embedded mocks) and `make test`.
.PHONY: demo test setup setup-dev lint types test-fast test-e2e lock clean bench-forecast
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

demo: setup
	$(BIN)/peakproof demo

test: lint types test-fast test-e2e

setup: $(VENV)/.runtime

setup-dev: $(VENV)/.dev

# --require-hashes: what is installed is what the lock names, byte for byte.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "peakproof needs Python 3.11 or newer; say PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: setup-dev
	$(BIN)/mypy

test-fast: setup-dev
	$(BIN)/python -m pytest -m "not e2e"

test-e2e: setup-dev
	$(BIN)/python -m pytest -m e2e

bench-forecast: setup  ## forecasts, bursts and arrivals on public traffic, beside their bars
	$(BIN)/python -m bench.forecast

lock:  ## rewrite the lock files; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml --group build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis runs bench/out
