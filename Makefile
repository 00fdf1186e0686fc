# Buildcast. `make help` lists the targets; `make test` and `make run` set up all they need and can be repeated.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
STATE ?= .buildcast
LIBS := .cache/kafka/libs
# Test processes, each with a broker and a database of its own.
WORKERS ?= 2
# What is installed from Debian only where its command or file is missing: command=package.
NEEDS := java=openjdk-17-jre-headless mvn=maven mariadbd=mariadb-server-core mariadb-install-db=mariadb-server-core my_print_defaults=mariadb-client-core gcc=gcc /usr/include/stdio.h=libc6-dev $(firstword $(wildcard /usr/lib/*/libgomp.so.1) /usr/lib/libgomp.so.1)=libgomp1 make=make git=git
TEST_NEEDS := promtool=prometheus amtool=prometheus-alertmanager chromedriver=chromium-driver chromium=chromium docker-compose=docker-compose kcat=kcat jq=jq

.PHONY: help setup test-setup run up down test e2e check lint fmt bench evaluate chaos lifecycle clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.ready $(LIBS)/.ready ## install all that `make run` needs (Debian packages, Python, the broker)

.PHONY: packages
packages:
	@./deploy/packages.sh $(NEEDS)

.venv/.ready: requirements.lock pyproject.toml | packages
	@echo "setting up Python in .venv (a minute or two the first time)"
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed as python3"; exit 2; }
	@[ -x $(PY) ] || python3 -m venv .venv >/dev/null 2>&1 || { ./deploy/packages.sh --always python3-venv && python3 -m venv --clear .venv; }
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
	  || ./deploy/packages.sh --always python3-dev
	@touch $@

$(LIBS)/.ready: deploy/kafka/pom.xml | packages
	@echo "fetching the broker's jars"
	@mvn -q -B -f deploy/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(LIBS)
	@touch $@

test-setup: setup
	@./deploy/packages.sh $(TEST_NEEDS)

run: setup ## forecast a real build through the whole chain: make run BUILD='make -C dir -j2' for your own
	@$(PY) -m buildcast main-job --state $(STATE) -- $(BUILD)

up: setup ## start broker, worker, sink and API on this machine and leave them running
	@$(PY) -m buildcast up --state $(STATE)

down: ## stop what `make up` started
	@[ ! -x $(PY) ] || $(PY) -m buildcast down --state $(STATE)

test: test-setup ## run the tests (what CI runs)
	@$(PY) -m pytest -q -m 'not chaos and not e2e' -n $(WORKERS) --dist loadfile --no-loadscope-reorder

e2e: test-setup ## the long forms of the tests: several real builds watched in a browser, and what else takes a minute
	@$(PY) -m pytest -q -m e2e

lint: .venv/.ready
	@.venv/bin/ruff format --check -q . && .venv/bin/ruff check -q . && .venv/bin/mypy && .venv/bin/lint-imports

check: lint test ## formatting, lint, types, import contracts, tests

fmt: .venv/.ready ## format the code
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix .

bench: setup .cache/bench/venv/.ready ## measure: wrapper overhead, fold, the live path against peers; writes docs/performance.md
	@for b in wrapper fold; do $(PY) -m bench.$$b || exit; done
	@$(PY) -m bench.live; measured=$$?; $(PY) -m bench.performance && exit $$measured

# Peers whose dependencies do not go with ours; where they cannot be installed the report says so.
.cache/bench/venv/.ready: bench/requirements.lock | .venv/.ready
	@[ -x .cache/bench/venv/bin/python ] || python3 -m venv .cache/bench/venv
	@if .cache/bench/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<; then touch $@; fi

evaluate: setup ## every figure of docs/evaluation.md, from the real histories
	@$(PY) -m bench.evaluate

lifecycle: setup ## measure the learning lifecycle on the real histories (minutes)
	@$(PY) -m bench.lifecycle

chaos: setup ## the long fault runs; writes docs/reliability.md
	@$(PY) -m tests.chaos

clean: ## remove what was set up (not the state of runs)
	@rm -rf .venv .cache
