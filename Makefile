# Breaker Lab. `make help` says what there is.
PYTHON ?= python3
VENV   ?= .venv
RUN    := $(VENV)/bin/python
ARGS   ?=
# What `make sweep` does when no ARGS are given.
SWEEP  := policies --arm count-window --grid breaker.min_calls=5,10,20,40 --grid breaker.window_calls=10,20,40,80 --seeds 1-50

.DEFAULT_GOAL := help
.PHONY: help experiment-1 experiment-2 compare-with-without ui report index screenshots test test-unit check format policies probability sweep tune agreement references conformance bench soak search distribution docs schema lock test-containers up observe down clean

help:  ## Say what there is
	@echo "Breaker Lab: does a circuit breaker help, and with which settings?"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "ARGS=... goes to the command: make experiment-2 ARGS='--seeds 1-5'. Or: $(RUN) -m loadtest --help"

experiment-1: $(VENV)/.run  ## Trip the breaker, watch it recover (about 1 minute)
	@$(RUN) -m loadtest run experiment-1 $(ARGS)

experiment-2: $(VENV)/.run  ## With and without a breaker on the same weather (3.5 minutes)
	@$(RUN) -m loadtest run experiment-2 $(ARGS)

compare-with-without: experiment-2  ## The same as experiment-2

ui: $(VENV)/.run  ## Locust's web UI on http://127.0.0.1:8089, with services of its own
	@$(RUN) -m loadtest ui $(ARGS)

report: $(VENV)/.run  ## Rebuild a report (ARGS=results/experiment-1/latest), or compare two (ARGS='A B')
	@$(RUN) -m loadtest report $(ARGS)

index: $(VENV)/.run  ## Write results/index.html, the page of all runs, anew
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

policies: $(VENV)/.run  ## Every policy through an error spike, an outage, a slow backend and flapping (8 minutes)
	@$(RUN) -m loadtest run policies $(ARGS)

probability: $(VENV)/.lab  ## How likely is a trip? make probability ARGS='--burst-length 5'
	@$(RUN) -m loadtest probability $(ARGS)

sweep: $(VENV)/.lab  ## Settings over a grid on all cores; goes on after Ctrl-C (half a minute)
	@$(RUN) -m loadtest sweep $(or $(ARGS),$(SWEEP))

tune: $(VENV)/.lab  ## Settings for a service, from its access log: make tune ARGS=access.csv (the shipped one: 2 minutes)
	@$(RUN) -m loadtest tune $(or $(ARGS),checkout)

agreement: $(VENV)/.lab  ## Both experiments on both engines: does virtual time tell the same? (5 minutes)
	@$(RUN) -m loadtest agreement $(ARGS)

references: $(VENV)/.lab  ## Make the runs in results/*/reference again, as far as they can be, and compare (3 minutes)
	@$(RUN) -m loadtest references $(ARGS)

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

schema: $(VENV)/.run  ## Write docs/schema/, the JSON Schema of a run's files, anew
	@$(RUN) -m loadtest schema $(ARGS)

docs: $(VENV)/.run  ## Rewrite the tables of settings and metrics in docs/ from the models
	@$(RUN) -m loadtest docs $(ARGS)

# dev.txt has everything; the other files hold parts of it, in its versions.
LOCK = $(RUN) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock'
PART = $(LOCK) -c requirements/dev.txt

lock: $(VENV)/.dev  ## Pin all dependencies, with hashes; ARGS=--upgrade takes the newest
	@$(LOCK) $(ARGS) --all-extras -o requirements/dev.txt pyproject.toml
	@$(PART) -o requirements/backend.txt pyproject.toml
	@$(PART) --extra client -o requirements/client.txt pyproject.toml
	@$(PART) --extra client --extra run -o requirements/run.txt pyproject.toml
	@$(PART) --extra client --extra run --extra tune -o requirements/lab.txt pyproject.toml
	@$(PART) --extra client --extra run --extra cluster -o requirements/cluster.txt pyproject.toml
	@$(PART) --extra client --extra run --extra tracing -o requirements/tracing.txt pyproject.toml
	@$(PART) --extra client --extra run --extra peers -o requirements/peers.txt pyproject.toml
	@echo uv | $(PART) -o requirements/uv.txt -

up:  ## Backend, client and Locust's web UI in containers
	REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose up --build --wait

observe:  ## The same with Prometheus on port 9090 and Grafana on 3000
	REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose --profile observability up --build --wait

down:  ## End them
	docker compose --profile observability down

clean:  ## Remove the environment and what tools left behind; results stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

# The environment makes itself, with uv: the one that is there, or else one that pip puts into the environment. Where uv
# cannot run, or cannot reach what it should install, pip does it. Each mark stands for what has been installed:
#   .run      what a first run needs               requirements/run.txt
#   .lab      all that `python -m loadtest` offers  requirements/lab.txt
#   .dev      what the tests need                  requirements/dev.txt
#   .peers, .cluster, .tracing                     what conformance and bench, --dask, and traces need besides .run
UV   = $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(VENV)/bin/uv)
PIP  = $(RUN) -m pip install -q --disable-pip-version-check --require-hashes

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Breaker Lab needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@echo "making the environment in $(VENV)"
	@uv venv -q --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV) 2>/dev/null || $(PYTHON) -m venv $(VENV)

$(VENV)/.uv: requirements/uv.txt | $(VENV)/bin/python
	@uv --version >/dev/null 2>&1 || $(PIP) --only-binary :all: -r $< 2>/dev/null || true
	@touch $@

$(VENV)/.%: requirements/%.txt | $(VENV)/.uv
	@echo "installing $<"
	@$(UV) pip install -q --python $(RUN) --require-hashes -r $< 2>/dev/null || { \
	  echo "uv could not install it; pip does it now"; \
	  $(RUN) -m pip --version >/dev/null 2>&1 || $(RUN) -m ensurepip >/dev/null; \
	  $(PIP) -r $<; }
	@touch $@
