# Every target does its own set-up: Python 3.11 or newer and make are all that has to be there.

VENV   := .venv
PYTHON := $(VENV)/bin/python
STAMP  := $(VENV)/.installed

# The first of these that is new enough makes the environment: `make setup PYTHONS=python3.12` chooses another one.
PYTHONS ?= python3 python3.13 python3.12 python3.11 python

# `make test ARGS="-k claims -x"`, `make demo DATA=week.json`, `make bench DATA=corpus.json`
ARGS ?=
DATA ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-integrations types-integrations check lint types mypy pyright contracts docs bench format lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------------------ set-up

setup: $(STAMP) ## create .venv from the lock file (again, when the lock file or pyproject.toml has changed)
	@echo "$(VENV) is ready"

# An environment without pip is one whose making was interrupted, or whose Python has gone: `--clear` starts afresh.
define ENVIRONMENT
$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
    for candidate in $(PYTHONS); do \
        $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$$candidate && break; \
    done; \
    test -n "$$found" || { echo "Python 3.11 or newer is needed, and none of these is one: $(PYTHONS)" >&2; exit 1; }; \
    echo "creating $(VENV) with $$($$found --version)"; \
    $$found -m venv --clear $(VENV) && $(PYTHON) -m pip --version >/dev/null || { \
        rm -rf $(VENV); \
        echo "$$found could not create a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }; }
endef

# The lock holds everything with its hashes, so pip has nothing to resolve; the project itself is installed editable
# with the build backend of the lock. The stamp comes last: what failed half-way is done again.
$(STAMP): pyproject.toml requirements.lock
	@$(ENVIRONMENT)
	@echo "installing the locked dependencies"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@$(PYTHON) -m pip check --disable-pip-version-check
	@touch $@

# --------------------------------------------------------------------------------------------------------------- use

demo: $(STAMP) ## a team of agents remembers a week of work (DATA=file: another week)
	@$(PYTHON) examples/demo.py $(if $(DATA),--data "$(DATA)") $(ARGS)

bench: $(STAMP) ## measure retrieval and speed on a corpus (DATA=file)
ifeq ($(DATA),)
	@echo "make bench needs a corpus of conversations with questions: make bench DATA=path/to/corpus.json"
else
	@$(PYTHON) benchmarks/locomo.py --data "$(DATA)" $(ARGS)
	@$(PYTHON) benchmarks/speed.py --data "$(DATA)"
endif

# ------------------------------------------------------------------------------------------------------------ checks

test: $(STAMP) ## the whole suite, on every core (ARGS=… for pytest)
	@$(PYTHON) -m pytest -n auto $(ARGS)

# The adapters, each with its framework alone and then all of them together. Environments are made once for each lock;
# ARGS=… for pytest, FRAMEWORKS="crewai autogen" for some of them.
FRAMEWORKS    ?= langgraph langchain crewai autogen llama-index
ENVIRONMENTS  := .integrations
QUIET_AGENTS  := CREWAI_STORAGE_DIR=$(CURDIR)/$(ENVIRONMENTS)/crewai-storage CREWAI_TRACING_ENABLED=false CREWAI_DISABLE_TELEMETRY=true OTEL_SDK_DISABLED=true
ADAPTER_TESTS := PYTHONHASHSEED=0 $(QUIET_AGENTS) TRANSACTIVE_TEST_EXTRA

test-integrations: $(addprefix $(ENVIRONMENTS)/,$(addsuffix /.installed,$(FRAMEWORKS) all)) ## the adapters, in environments of their own
	@for extra in $(FRAMEWORKS); do \
	    echo "--- $$extra"; \
	    $(ADAPTER_TESTS)=$$extra $(ENVIRONMENTS)/$$extra/bin/python -m pytest -c tests/integrations/frameworks.ini --rootdir=. --confcutdir=. -q -n 2 \
	        tests/integrations/test_extras.py tests/integrations/test_pages.py tests/integrations/$$(echo $$extra | tr -d -) $(ARGS) || exit 1; \
	done
	@echo "--- all"
	@$(ADAPTER_TESTS)=all $(ENVIRONMENTS)/all/bin/python -m pytest -c tests/integrations/frameworks.ini --rootdir=. --confcutdir=. -q -n 2 $(wildcard tests/integrations/test_*.py) $(ARGS)

types-integrations: $(ENVIRONMENTS)/all/.installed ## the adapters' types, against those of the frameworks
	@$(ENVIRONMENTS)/all/bin/python -m mypy --config-file tests/integrations/mypy.ini integrations \
	    examples/five_frameworks.py $(wildcard benchmarks/adapters_*.py)

$(ENVIRONMENTS)/%/.installed: pyproject.toml requirements-integrations.lock $(STAMP)
	@echo "installing the environment of $*"
	@$(PYTHON) -m uv venv --quiet --clear --python $(PYTHON) $(@D)
	@UV_LINK_MODE=copy $(UV_INDEX) $(PYTHON) -m uv pip install --quiet --python $(@D)/bin/python \
	    --constraint requirements-integrations.lock --editable ".[$*]" --group $*
	@touch $@

# Copies, since NLTK refuses files with several links. uv reads no settings of pip's: where pip is told another index, uv is told the same.
UV_INDEX := $(if $(PIP_INDEX_URL),UV_DEFAULT_INDEX=$(PIP_INDEX_URL))

check: lint types contracts ## lint, format, types, order of imports, links of the docs
	@$(PYTHON) docs/check.py

lint: $(STAMP)
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check

# Two checkers, because users have either, and they differ in what they infer.
types: mypy pyright

mypy: $(STAMP)
	@$(PYTHON) -m mypy $(wildcard core integrations tests examples benchmarks docs)

pyright: $(STAMP)
	@$(PYTHON) -m basedpyright --pythonpath $(PYTHON)

contracts: $(STAMP)
	@$(VENV)/bin/lint-imports --no-logo

docs: $(STAMP) ## check the docs: links, pages, and every Python block by running it
	@$(PYTHON) docs/check.py
	@$(PYTHON) -m pytest -q tests/test_documentation.py $(ARGS)

format: $(STAMP) ## format the code and repair what the linter can
	@$(PYTHON) -m ruff check --fix
	@$(PYTHON) -m ruff format

# ------------------------------------------------------------------------------------------------------------ upkeep

# One lock for every Python from 3.11 on and every platform. Pins that still fit are kept: ARGS=--upgrade moves them.
# It names packages and hashes only: where a machine gets them from is that machine's business.
lock: ## make requirements.lock again (ARGS=--upgrade: with the newest versions)
	@$(ENVIRONMENT)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	@$(PYTHON) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command "make lock" --quiet --output-file requirements.lock $(ARGS)
	@$(PYTHON) -m uv pip compile pyproject.toml --extra all --group all --python-version 3.11 --no-annotate \
	    --custom-compile-command "make lock" --quiet --output-file requirements-integrations.lock $(ARGS)
	@if grep -nE '://|\(/|^ *--?(i|f|index|extra|find)' requirements.lock requirements-integrations.lock; then echo "the lock names a host or a folder" >&2; exit 1; fi

clean: ## remove the environments and every cache
	rm -rf $(VENV) $(ENVIRONMENTS) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
