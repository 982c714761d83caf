# How people help themselves. Each target works on a fresh Debian 12+ or Ubuntu machine.
SHELL := /bin/bash
VENV := .venv
# Where it is set, each start of the server would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E)

.PHONY: demo up test lint fmt bench reference clean

demo: $(VENV)/installed  ## everything, then a sample app pushed with the real git
	$(SUDO) $(VENV)/bin/deployzero doctor --fix
	$(SUDO) $(VENV)/bin/deployzero up --demo

up: $(VENV)/installed  ## the server in the foreground; Ctrl-C ends it
	$(SUDO) $(VENV)/bin/deployzero doctor --fix
	$(SUDO) $(VENV)/bin/deployzero up

test: $(VENV)/installed  ## everything that CI runs
	$(SUDO) tests/run

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

fmt: $(VENV)/installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

reference: $(VENV)/installed  ## the README's list of commands, from the command tree
	$(VENV)/bin/deployzero reference

bench: $(VENV)/installed  ## warm pushes against the floor, measured in one run
	$(SUDO) $(VENV)/bin/python benchmarks/push.py

$(VENV)/installed: pyproject.toml
	python3 -c 'import ensurepip' 2>/dev/null || { $(SUDO) apt-get update --quiet && $(SUDO) apt-get install --yes --quiet python3-venv; }
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
