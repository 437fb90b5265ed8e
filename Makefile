SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8000
# In the order of their names, the slow acceptance tests begin first and wait beside the others.
PYTEST_OPTIONS ?= -n 2 --dist loadfile --no-loadscope-reorder
LOCK_OPTIONS ?=

RABBITMQ := /usr/lib/rabbitmq/bin/rabbitmq-server
BIN := .venv/bin
UV := .venv/.installed-uv
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
OLD_CLIENT := .venv/.installed-old-client

.PHONY: help install run test check bench sdk proto lock

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

install: $(RUN) ## make .venv and install the platform

run: $(RUN) ## start the platform on PORT, serve and call an example, stop with Ctrl-C
	@exec $(BIN)/pumphouse up --port $(PORT) --when-ready "$(BIN)/python sdk/examples/add_numbers/serve.py"

test: $(DEV) $(OLD_CLIENT) ## run every test, on real servers
	@[ -n "$${PUMPHOUSE_TEST_AMQP_URL-}" ] || docker info > /dev/null 2>&1 || $(call needs,$(RABBITMQ),rabbitmq-server)
	@$(call needs,node,nodejs)
	@$(call needs,npm,npm)
	@$(call needs,curl,curl)
	@$(call needs,git,git)
	@$(call needs,ssh,openssh-client)
	@[ "$$(uname)" != Linux ] || $(call needs,bwrap,bubblewrap)
	@$(BIN)/python -m pytest $(PYTEST_OPTIONS)

check: $(DEV) ## check format, style, types and imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(DEV) ## measure speed and memory
	@$(BIN)/python -m tests.benchmarks
	@$(BIN)/python -m tests.benchmarks.files
	@$(BIN)/python -m tests.benchmarks.executions
	@$(BIN)/python -m tests.benchmarks.amqp_clients

sdk: $(DEV) ## write the plain client of the SDK anew from the asynchronous one
	@$(BIN)/python sdk/make_sync.py

proto: $(DEV) ## write proto/openapi.json anew
	@$(BIN)/python -m tests.contracts.openapi

lock: $(UV) ## write requirements/*.lock anew; LOCK_OPTIONS=--upgrade for newer versions
	$(call compiled,uv,-) <<< uv
	$(call compiled,run,pyproject.toml --group build)
	$(call compiled,dev,pyproject.toml --group build --group dev -c requirements/run.lock)
	$(call compiled,old-client,- -c requirements/run.lock) <<< craft-ai-sdk==0.60.0

$(UV): requirements/uv.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Pumphouse needs Python 3.11 or newer, and $(PYTHON) is %d.%d: say make PYTHON=python3.11" % sys.version_info[:2])'
	@$(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(RUN): requirements/run.lock pyproject.toml $(UV)
	@$(call installed,--require-hashes -r $<)
	@$(call installed,--no-deps --no-build-isolation -e .)
	@touch $@

$(DEV): requirements/dev.lock $(RUN)
	@$(call installed,--require-hashes -r $<)
	@touch $@

$(OLD_CLIENT): requirements/old-client.lock $(UV)
	@rm -rf .venv/old-client
	@$(call installed,--target .venv/old-client --require-hashes -r $<)
	@touch $@

# uv takes a seventh of pip's time; pip knows registries that only its own settings name.
installed = $(BIN)/uv pip install -q --python $(BIN)/python $(1) || $(BIN)/python -m pip install -q $(1)

compiled = $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
	$(LOCK_OPTIONS) -o requirements/$(1).lock $(2)

# needs(command, Debian package that has it): installs the package as root, else says how to.
define needs
command -v $(1) > /dev/null || { \
	[ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && { \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get install -y -q --no-install-recommends $(2) \
		|| { apt-get update -q && apt-get install -y -q --no-install-recommends $(2); }; \
	}; \
} || { echo "The tests need $(2): install it, on Debian by sudo apt-get install $(2)" >&2; exit 1; }
endef
