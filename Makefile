# The only door: `make` lists what it opens.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
T ?= tests

.PHONY: help install up demo test wide soak soak-load fuzz chaos chaos-steps lint check fmt lock bench load clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | awk -F: '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed ## .venv with everything in it

CLIENTS := tests/clients/python2.txt tests/clients/awscli.txt tests/clients/package.json tests/clients/package-lock.json

.venv/installed: requirements-dev.txt pyproject.toml $(CLIENTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON) (once, about a minute) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-warn-script-location --require-hashes -r requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@scripts/install-clients
	@touch $@

up: install ## the whole system on this machine, until Ctrl-C
	@$(BIN)/fixative up

demo: install ## five kinds of jobs from a REST call to verified media
	@$(BIN)/python -m fixative.cli.demo

test: install ## the tests (T=path for some), on real servers that it starts itself
	@$(BIN)/pytest -n 3 --dist loadfile -m "not soak and not wide" $(T)

wide: install ## whole systems, browsers, published clients, guides and alarms; CI runs it after `make check`
	@$(BIN)/pytest -n 2 --dist loadfile -m "wide and not soak" $(T)

soak: install ## the tests that take minutes each
	@$(BIN)/pytest -m soak --timeout 600 $(T)

FUZZED := webhooks outputs archives records cursors forms contents

fuzz: install ## each parser of what others write, for ten minutes (MINUTES=1 F=webhooks)
	@for parser in $(or $(F),$(FUZZED)); do \
		$(BIN)/python -m tests.fuzz.run $$parser --seconds $$(( $(or $(MINUTES),10) * 60 )) || exit 1; done

soak-load: install ## half an hour of load and faults: does anything grow? (SECONDS=1800 RATE=5 SEED=1)
	@$(BIN)/python -m tests.chaos.endurance

chaos: install ## the whole system through a storm (JOBS=2000 SEED=random KILL_EVERY=2)
	@$(BIN)/python -m tests.chaos.run --jobs $(or $(JOBS),2000) --kill-every $(or $(KILL_EVERY),2) \
		$(if $(SEED),--seed $(SEED))

chaos-steps: install ## a death at each labelled step alone
	@$(BIN)/python -m tests.chaos.steps

lint: install ## style, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: install ## let the formatter decide
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint ## what CI runs
	@$(MAKE) test

lock: install ## resolve pyproject.toml anew into the two lock files
	@scripts/lock

bench: install ## measure beside peers (B=name for one)
	@$(BIN)/python -m bench $(B)

load: install ## a paced load (RATE=5 SECONDS=60) on a system started for it, or on FIXATIVE_API_URL
	@$(BIN)/python -m bench.live

clean: ## everything that was made here, data included
	rm -rf .venv .fixative build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
