# GNU make. Every target makes the environment first when it is missing or the lock has changed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Most tests wait for the clock, for PostgreSQL or for each other: four processes keep two cores busy.
TEST_PROCESSES := -n 4 --dist loadfile

BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A Debian python3 without python3-venv has no ensurepip: then the pip of PYTHON installs into the environment.
PIP = $(if $(wildcard $(VENV)/bin/pip),$(BIN)/python -m pip,$(PYTHON) -m pip --python $(BIN)/python)
BASELINE := proto/baseline.yaml
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"

.PHONY: help setup demo serve test check bench fuzz sbom audit proto baseline format lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  %-10s %s\n' "$$name" "$$text"; done
	@echo
	@echo '  ARGS="..." goes to the command behind demo, serve, test, bench, fuzz and lock: make demo ARGS="--baskets 500"'

setup: $(READY)  ## make the environment in .venv from the lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'setup: $(PYTHON) is missing or older than 3.11; name another one: make setup PYTHON=python3.12' >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	elif $(PYTHON) -c 'import pip; assert tuple(map(int, pip.__version__.split(".")[:2])) >= (22, 3)' 2>/dev/null; then $(PYTHON) -m venv --without-pip $(VENV); \
	else echo 'setup: $(PYTHON) has neither ensurepip nor pip 22.3 or newer; on Debian: apt-get install python3-venv' >&2; exit 1; fi

# What setuptools says of every editable installation concerns nobody here.
$(READY): export PYTHONWARNINGS := ignore::UserWarning
$(READY): pyproject.toml requirements.lock | $(VENV)/bin/python
	$(PIP) install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(PIP) install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## replay a grocer's real baskets through two fresh servers, kill one, and prove that nothing was oversold
	@$(BIN)/inventory demo $(ARGS)

serve: $(READY)  ## run the server, on its own embedded PostgreSQL unless a DSN is configured
	@$(BIN)/inventory serve $(ARGS)

# Whoever wants no bytecode beside the sources would have each process compile them all again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY)  ## run the tests
	$(BIN)/python -m pytest $(or $(ARGS),$(TEST_PROCESSES))

check: $(READY)  ## lint, format, types, import contracts, proto rules, generated code is current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	@test -f $(BASELINE) || { echo 'check: $(BASELINE) is missing: run make baseline and commit it (CONTRIBUTING.md, "Release")' >&2; exit 1; }
	$(BIN)/buf breaking --against $(BASELINE)
	$(BIN)/python proto/generate.py --check

bench: $(READY)  ## run the benchmarks; each prints its ratio last
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(READY)  ## a server of its own under random, mutated and hostile calls (ARGS="--seconds 60 --seed 7")
	$(BIN)/python -m tests.fuzz $(ARGS)

sbom: $(READY)  ## the bill of materials of the server's lock, build/sbom.json; works offline
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-format JSON --output-file build/sbom.json \
		requirements-server.lock
	@echo wrote build/sbom.json

audit: $(READY)  ## known vulnerabilities in the server's lock; needs a network (exit code 3 without)
	$(BIN)/python .ci/audit.py

proto: $(READY)  ## generate inventory/v1 from proto/
	$(BIN)/python proto/generate.py

baseline: $(READY)  ## at a release: make today's API the one that must stay compatible
	$(BIN)/buf build --exclude-source-info --output $(BASELINE)

format: $(READY)  ## format the code and apply the safe fixes
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/buf format --write

lock:  ## resolve the dependencies again, keeping pinned versions (ARGS=--upgrade renews them)
	@test -x $(BIN)/uv || $(MAKE) setup
	$(COMPILE) --all-extras $(ARGS) pyproject.toml --output-file requirements.lock
	$(COMPILE) --extra build --constraint requirements.lock pyproject.toml --output-file requirements-server.lock

clean:  ## remove caches and build output (the environment stays)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
