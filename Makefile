# `make` alone prints what can be made. PYTHON= chooses the interpreter, PORT= the port of `make up`.

.DEFAULT_GOAL := help
.PHONY: help install up

VENV := .venv
# The first of these that is 3.11 or newer and can make virtual environments.
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14 python
CAN_VENV := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
# pip asks the network for a newer pip, and warns root about itself: neither is news here.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

help:  ## print these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
