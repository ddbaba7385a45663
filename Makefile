# Each target sets up what it needs and does nothing twice.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FULL   := .venv-full
QUIET  := --quiet --disable-pip-version-check -c constraints.txt
PIP    := $(BIN)/python -m pip install $(QUIET)

.PHONY: demo up test test-full check chaos bench clean

demo: $(VENV)/.base
	$(BIN)/flywheel demo

up: $(VENV)/.base
	$(BIN)/flywheel up

test: check
	$(BIN)/pytest --numprocesses 2 --no-loadscope-reorder

# The engines of the extra `full` with their real libraries, in an environment of their own: 8 GB, most of it torch.
test-full: $(FULL)/.full
	$(FULL)/bin/pytest tests/full

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Ten thousand kills, the better part of an hour; a seed that fails is kept in .flywheel-chaos and tried first next time.
chaos: $(VENV)/.dev
	FLYWHEEL_CHAOS_KILLS=$${FLYWHEEL_CHAOS_KILLS:-10000} FLYWHEEL_CHAOS_SEED=$${FLYWHEEL_CHAOS_SEED:-$$(date +%s)} \
	  $(BIN)/pytest -v tests/chaos
	$(BIN)/python -m tests.chaos.mutants

bench: $(VENV)/.bench
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

# The database may lie outside the checkout (README, "State"), so its folder is asked for first.
clean:
	if [ -x $(BIN)/flywheel ]; then rm -rf "$$($(BIN)/flywheel where database)"; fi
	rm -rf $(VENV) $(FULL) .flywheel .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .flywheel-chaos

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing, about a minute the first time" >&2
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing, about a minute the first time" >&2
	$(PIP) -e ".[dev]"
	@touch $(VENV)/.base $@

# Ultralytics asks for the OpenCV with windows, which has the same files as ours and needs a display's libraries:
# both come in one version, and ours is put over it.
$(FULL)/.full: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(FULL)
	@echo "installing torch and the engines of the extra full, a few minutes the first time" >&2
	$(FULL)/bin/python -m pip install $(QUIET) -e ".[dev,full]"
	$(FULL)/bin/python -m pip install $(QUIET) --force-reinstall --no-deps opencv-python-headless
	@touch $@

$(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing, about a minute the first time" >&2
	$(PIP) -e ".[dev,bench]"
	@touch $(VENV)/.base $(VENV)/.dev $@
