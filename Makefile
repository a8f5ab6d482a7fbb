# Breaker Lab. `make help` says what there is.
PYTHON ?= python3
VENV   ?= .venv
RUN    := $(VENV)/bin/python
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help experiment-1 experiment-2 compare-with-without ui report index screenshots test test-unit check format policies probability sweep tune agreement conformance bench soak search distribution docs schema lock test-containers up observe down clean

help:  ## Say what there is
	@echo "Breaker Lab: does a circuit breaker help, and with which settings?"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "ARGS=... goes to the command: make experiment-2 ARGS='--seeds 1-5'. Or: $(RUN) -m loadtest --help"

experiment-1: $(VENV)/.lab  ## Trip the breaker, watch it recover (about 1 minute)
	@$(RUN) -m loadtest run experiment-1 $(ARGS)

experiment-2: $(VENV)/.lab  ## With and without a breaker on the same weather (3.5 minutes)
	@$(RUN) -m loadtest run experiment-2 $(ARGS)

compare-with-without: experiment-2  ## The same as experiment-2

ui: $(VENV)/.lab  ## Locust's web UI on http://127.0.0.1:8089, with services of its own
	@$(RUN) -m loadtest ui $(ARGS)

report: $(VENV)/.lab  ## Rebuild a report (ARGS=results/experiment-1/latest), or compare two (ARGS='A B')
	@$(RUN) -m loadtest report $(ARGS)

index: $(VENV)/.lab  ## Write results/index.html, the page of all runs, anew
	@$(RUN) -m loadtest index $(ARGS)

screenshots: $(VENV)/.dev  ## The README's pictures of the dashboard, from a real browser (1.5 minutes)
	@$(RUN) tests/e2e/screenshots.py

# The fast tests share the cores. Those of tests/e2e mostly wait: three files of them run at once, in the order of their names
# (pytest-xdist's own order would keep the longest for the end). 5: ARGS chose none of them.
test: $(VENV)/.dev  ## All tests but those in containers (needs 2 minutes)
	@$(RUN) -m pytest -n auto tests --ignore=tests/e2e $(ARGS) || [ $$? = 5 ]
	@$(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not containers" tests/e2e $(ARGS) || [ $$? = 5 ]

test-unit: $(VENV)/.dev  ## The fast tests only
	@$(RUN) -m pytest -n auto tests --ignore=tests/e2e $(ARGS)

test-containers: $(VENV)/.dev  ## The compose file, run for real; skipped with a reason where there is no engine
	@$(RUN) -m pytest -m containers tests/e2e $(ARGS)

check: $(VENV)/.dev  ## Format, lint, types, tests
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(MAKE) --no-print-directory test

format: $(VENV)/.dev  ## Put the code into its format
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

policies: $(VENV)/.lab  ## Every policy through an error spike, an outage, a slow backend and flapping (8 minutes)
	@$(RUN) -m loadtest run policies $(ARGS)

probability: $(VENV)/.lab  ## How likely is a trip? make probability ARGS='--burst-length 5'
	@$(RUN) -m loadtest probability $(ARGS)

sweep: $(VENV)/.lab  ## Settings over a grid on all cores; goes on after Ctrl-C (half a minute)
	@$(RUN) -m loadtest sweep $(or $(ARGS),policies --arm count-window --grid breaker.min_calls=5,10,20,40 --grid breaker.window_calls=10,20,40,80 --seeds 1-50)

tune: $(VENV)/.lab  ## Settings for a service, from its access log: make tune ARGS=access.csv (the shipped one: 2 minutes)
	@$(RUN) -m loadtest tune $(or $(ARGS),checkout)

agreement: $(VENV)/.lab  ## Both experiments on both engines: does virtual time tell the same? (5 minutes)
	@$(RUN) -m loadtest agreement $(ARGS)

conformance: $(VENV)/.peers  ## Ten questions that break breakers, asked of this lab's and of six libraries
	@$(RUN) -m bench.conformance $(ARGS)

bench: $(VENV)/.peers  ## What a protected call costs, against what else there is (15 minutes; uses wrk)
	@$(RUN) -m bench $(ARGS)

soak: $(VENV)/.lab  ## The client at full rate for 10 minutes: does anything grow? (uses wrk)
	@$(RUN) -m bench.soak $(ARGS)

search: $(VENV)/.lab  ## Search the settings of experiment-2 again (ARGS='--seconds 300')
	@$(RUN) -m loadtest search $(ARGS)

distribution: $(VENV)/.lab  ## Run experiment-2 over 500 seeds on virtual time again, for its report
	@$(RUN) -m loadtest distribution $(ARGS)

schema: $(VENV)/.lab  ## Write docs/schema/, the JSON Schema of a run's files, anew
	@$(RUN) -m loadtest schema $(ARGS)

docs: $(VENV)/.lab  ## Rewrite the tables of settings and metrics in docs/ from the models
	@$(RUN) -m loadtest docs $(ARGS)

lock: $(VENV)/.dev  ## Pin all dependencies anew, with hashes
	@for set in dev lab client backend peers; do \
	  case $$set in dev) extras="--extra client --extra lab --extra cluster --extra peers --extra tracing --extra dev";; peers) extras="--extra peers";; lab) extras="--extra client --extra lab";; client) extras="--extra client";; *) extras=;; esac; \
	  others=; [ $$set = dev ] || others="-c requirements/dev.txt"; \
	  $(VENV)/bin/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	    $$extras $$others -o requirements/$$set.txt pyproject.toml || exit 1; \
	  sed -i '1i # Made by `make lock` from pyproject.toml.' requirements/$$set.txt; \
	done

up:  ## Backend, client and Locust's web UI in containers
	REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose up --build --wait

observe:  ## The same with Prometheus on port 9090 and Grafana on 3000
	REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose --profile observability up --build --wait

down:  ## End them
	docker compose --profile observability down

clean:  ## Remove the environment and what tools left behind; results stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

# The environment makes itself: each mark stands for what has been installed from a pinned file.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Breaker Lab needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@echo "making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: requirements/lab.txt | $(VENV)/bin/python
	@echo "installing what the lab needs"
	@$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/lab.txt
	@touch $@

$(VENV)/.peers: requirements/peers.txt | $(VENV)/.lab
	@echo "installing the libraries that the lab is held against"
	@$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/peers.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/.lab
	@echo "installing what the tests need"
	@$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
