# Two commands matter: `make demo` (the main job on the embedded mocks) and `make test`.
.PHONY: demo test setup setup-dev lint types test-fast test-e2e test-contract lock clean
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
	$(BIN)/python -m pytest -n auto -m "not e2e"

# Those whose verdicts hang on time run one after another.
test-e2e: setup-dev
	$(BIN)/python -m pytest -n auto -m e2e tests/harness tests/mock_services
	$(BIN)/python -m pytest -m e2e --ignore tests/harness --ignore tests/mock_services

test-contract: .venv-sdk/.done  ## the official clients, unmodified, against the mocks
	.venv-sdk/bin/python -m pytest tests/contract

.venv-sdk/.done: requirements-dev.lock requirements-sdk.lock pyproject.toml
	test -x .venv-sdk/bin/python || $(PYTHON) -m venv .venv-sdk
	.venv-sdk/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-dev.lock -r requirements-sdk.lock
	.venv-sdk/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	touch $@

lock:  ## rewrite the lock files; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml --group build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --group sdk -c requirements-dev.lock -o requirements-sdk.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --group litellm -o requirements-litellm.lock

.PHONY: bench-forecast
bench-forecast: setup-dev  ## the forecast's bars on the long series of PEAKPROOF_SHARED_DATA
	$(BIN)/python -m bench.forecast

.PHONY: bench-verdict
bench-verdict: setup-dev  ## the verdict's own error rates, by simulation
	$(BIN)/python -m bench.verdict

.PHONY: bench-engine
bench-engine: setup-dev  ## the engine's bars beside wrk, hey and Locust; needs wrk hey nginx gcc
	$(BIN)/python -m bench.engine

.PHONY: bench-mocks
bench-mocks: setup-dev  ## what the mocks carry on one core, beside an equal Starlette endpoint
	$(BIN)/python -m bench.mocks

clean:
	rm -rf $(VENV) .venv-sdk .venv-litellm .mypy_cache .ruff_cache .pytest_cache .hypothesis runs bench/out

.PHONY: study-capacity
study-capacity: setup-dev  ## is `proven` ever above a known truth? 30 runs of a minute; resumable, as many as fit: BUDGET=20m
	$(BIN)/python -m bench.study_capacity --budget $(or $(BUDGET),90m)

.PHONY: drills
drills: setup-dev  ## every drill of the catalogue in its short form: it holds, and with its weakness it does not
	$(BIN)/python -m bench.drills $(DRILLS_ARGS)

.PHONY: drill-litellm
drill-litellm: setup .venv-litellm/.done  ## LiteLLM's own proxy between the load and two mock providers, drilled
	$(BIN)/python examples/litellm/run.py --litellm .venv-litellm/bin/litellm $(DRILL_ARGS)

.venv-litellm/.done: requirements-litellm.lock
	test -x .venv-litellm/bin/python || $(PYTHON) -m venv .venv-litellm
	.venv-litellm/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-litellm.lock
	touch $@

.PHONY: lies
lies: setup  ## every row of docs/lies.md as a real run, as a table; about twenty-five minutes. Some: ROWS=26,54a
	$(BIN)/peakproof selftest $(if $(ROWS),--rows $(ROWS)) $(if $(KEEP),--keep $(KEEP))

.PHONY: soak-engine
soak-engine: setup-dev  ## ten minutes at half the rated load: memory, descriptors and send lag must not move
	$(BIN)/python -m bench.soak

.PHONY: study-kills
study-kills: setup-dev  ## 200 random kill -9 of runner, master and mocks in short drills; resumable, about 50 minutes
	$(BIN)/python -m bench.study_kills --kills $(or $(KILLS),200)

.PHONY: drill-guards
drill-guards: setup-dev  ## what ends a drill early, what refuses one, faults that leak or are not ours: real drills, two minutes
	PEAKPROOF_DRILLS=all $(BIN)/python -m pytest -v tests/e2e/test_drill_guards.py tests/e2e/test_drill_faults.py

.PHONY: bench-rows
bench-rows: setup-dev  ## what a verdict over a million and ten million rows costs in time and memory
	$(BIN)/python -m bench.rows

.PHONY: capacity-real
capacity-real: setup-dev  ## a search, a killed one and an extended run on real processes; about four minutes
	PEAKPROOF_CAPACITY=all $(BIN)/python -m pytest -v tests/e2e/test_capacity.py

.PHONY: study-report
study-report: setup-dev  ## the HTML report at ten million rows and fifty thousand distinct errors; 2.5 GB of memory
	$(BIN)/python -m bench.study_report

.PHONY: study-live
study-live: setup-dev  ## the CPU that the live view takes at 1,000 arrivals a second; half a minute
	$(BIN)/python -m bench.study_live

.PHONY: study-healthy
study-healthy: setup-dev  ## how often does a gate cry wolf? 50 healthy runs of 45 s to 10 min; resumable, as many as fit: BUDGET=20m
	$(BIN)/python -m bench.study_healthy --budget $(or $(BUDGET),90m)

.PHONY: prometheus-real
prometheus-real: setup-dev  ## live metrics of a run, scraped by a real Prometheus and asked back from it; half a minute
	PEAKPROOF_PROMETHEUS=all $(BIN)/python -m pytest -v tests/e2e/test_prometheus.py
