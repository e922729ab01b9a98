# make serve   install everything into .venv and serve on 127.0.0.1:8000
# make test    install everything and run the tests (test-full: the long simulations, too)
# make lint    ruff and mypy
# make fuzz    look for formulas that the parser stumbles over, for some minutes
# make bench   the service against its peers, in one run
# make robustness  NIST's problems, and random ones of each shape
# make lock    renew the pinned dependencies from pyproject.toml

PYTHON ?= python3
BIN := .venv/bin

.PHONY: serve test test-full lint fuzz bench robustness lock check-readme

serve: .venv/serve.done
	$(BIN)/python -m app

# what servers of the first part of the tests have compiled, those of the second find
export TEST_FOLDER = $(CURDIR)/.test

TOGETHER = --numprocesses auto --dist worksteal --durations 20

# most tests on all cores; then, one after the other, those that watch the clock
test: .venv/dev.done
	rm -rf $(TEST_FOLDER)
	$(BIN)/python -m pytest -m "not slow and not alone" $(TOGETHER)
	$(BIN)/python -m pytest -m "not slow and alone"

test-full: export TEST_THOROUGHLY = 1
test-full: .venv/dev.done
	rm -rf $(TEST_FOLDER)
	$(BIN)/python -m pytest -m "not alone" $(TOGETHER)
	$(BIN)/python -m pytest -m alone

lint: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

FUZZ_S = 180

# a text that fails is printed, and kept in .fuzz/ to be given as an argument
fuzz: .venv/dev.done
	mkdir -p .fuzz
	$(BIN)/python -m tests.formula.fuzz -max_total_time=$(FUZZ_S) -artifact_prefix=.fuzz/

bench: .venv/dev.done
	$(BIN)/python -m benchmarks

robustness: .venv/dev.done
	$(BIN)/python -m benchmarks.robustness

# the README's commands and curl lines, as printed, in a clean clone
check-readme: .venv/dev.done
	$(BIN)/python -m tests.readme

.venv/serve.done: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	touch $@

.venv/dev.done: requirements-dev.lock .venv/serve.done
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

LOCK = uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"

lock:
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dask --constraint requirements.lock --output-file requirements-dask.lock
	$(LOCK) --extra postgresql --constraint requirements.lock --output-file requirements-postgresql.lock
	$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
