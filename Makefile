# `make` alone prints what can be made. PYTHON= chooses the interpreter, PORT= the port of `make up`.

.DEFAULT_GOAL := help
.PHONY: help moved install up develop browser php test lint format bench bench-large lock

VENV := .venv
# The first of these that is 3.11 or newer and can make virtual environments.
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14 python
CAN_VENV := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
# pip asks the network for a newer pip, and warns root about itself: neither is news here.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

help:  ## print these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Programs in it name its place, so that of a checkout that was moved is made anew.
PLACE := $(shell cat $(VENV)/place 2>/dev/null)
ifneq ($(PLACE),)
ifneq ($(PLACE),$(CURDIR))
$(VENV)/bin/python: moved
endif
endif
moved:

$(VENV)/bin/python:
	@set -e; \
	for python in $(or $(PYTHON),$(PYTHONS)); do \
	    if "$$python" -c '$(CAN_VENV)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "make: Python 3.11 or newer with its venv module is needed (Debian, Ubuntu: apt install python3-venv);" \
	         "name another one with PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	echo "Making the virtual environment $(VENV) with $$("$$found" --version)"; \
	trap 'rm -rf $(VENV)' EXIT; \
	"$$found" -m venv --clear $(VENV); \
	echo "$(CURDIR)" > $(VENV)/place; \
	trap - EXIT

# A copy of the lock marks what is installed: it is compared, not dated, because git touches files.
install: $(VENV)/bin/python  ## install what runs the panel, exactly as locked
	@if ! cmp -s requirements.lock $(VENV)/installed.lock; then \
	    set -e; \
	    echo "Installing the packages of requirements.lock"; \
	    $(VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock; \
	    $(VENV)/bin/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .; \
	    cp requirements.lock $(VENV)/installed.lock; \
	fi

up: install  ## start everything: database, demo, site, API and worker
	@exec $(VENV)/bin/python -m purveyor.ops.cli up --with-parent

# What tests and checks need, besides; the dev lock holds the runtime lock's versions too.
develop: install
	@if ! cmp -s requirements-dev.lock $(VENV)/installed-dev.lock; then \
	    set -e; \
	    echo "Installing the packages of requirements-dev.lock"; \
	    $(VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock; \
	    cp requirements-dev.lock $(VENV)/installed-dev.lock; \
	fi

browser:
	@have() { command -v "$$1" >/dev/null; }; \
	if have chromium || have chromium-browser || have google-chrome; then exit 0; fi; \
	if have apt-get && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing the package chromium for the page tests"; \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
	    echo "make: the page tests need a browser (Debian, Ubuntu: apt install chromium)" >&2; \
	    exit 1; \
	fi

# A real PHP is preferred; without one, npm brings one that runs in Node. Without both, its test says so.
php:
	@if ! command -v php >/dev/null && command -v npm >/dev/null \
	    && ! cmp -s tests/php/package-lock.json tests/php/node_modules/installed.lock; then \
	    set -e; \
	    echo "Installing a PHP for the example of the API page"; \
	    npm ci --silent --prefix tests/php; \
	    cp tests/php/package-lock.json tests/php/node_modules/installed.lock; \
	fi

test: develop browser php  ## run every test, on a database of its own
	@$(VENV)/bin/pytest -n 2 --dist loadgroup

lint: develop  ## check style, formats, types and the floors
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@find src -name '*.html' -exec $(VENV)/bin/djade --target-version 5.2 --check {} +

format: develop  ## format code and templates, mend what can be mended
	@$(VENV)/bin/ruff check --fix-only
	@$(VENV)/bin/ruff format
	@find src -name '*.html' -exec $(VENV)/bin/djade --target-version 5.2 {} +

bench: install  ## measure what must hold, each figure beside its baseline
	@$(VENV)/bin/python -m bench

bench-large: install  ## the same above 10 million old orders
	@$(VENV)/bin/python -m bench --large

COMPILE := $(VENV)/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --group build

lock: develop  ## compile both locks anew after a change in pyproject.toml
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock
