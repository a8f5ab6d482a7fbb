# Breaker Lab. `make help` lists the commands.
PYTHON ?= python3
VENV   ?= .venv
RUN    := $(VENV)/bin/python
ARGS   ?=
# What `make sweep` does when no ARGS are given.
SWEEP  := policies --arm count-window --grid breaker.min_calls=5,10,20,40 --grid breaker.window_calls=10,20,40,80 --seeds 1-50

.DEFAULT_GOAL := help
.PHONY: help experiment-1 experiment-2 compare-with-without ui report index screenshots test test-unit check format policies probability sweep tune agreement references conformance bench attack soak search distribution coverage docs schema lock audit sbom digests test-containers up observe down clean

help:  ## List the commands
	@echo "Breaker Lab: does a circuit breaker help, and with which settings?"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "ARGS=... is passed to the command: make experiment-2 ARGS='--seeds 1-5'. Or: $(RUN) -m loadtest --help"

experiment-1: $(VENV)/.run  ## Trip the breaker, watch it recover (about 1 minute)
	@$(RUN) -m loadtest run experiment-1 $(ARGS)

experiment-2: $(VENV)/.run  ## With and without a breaker on the same weather (3.5 minutes)
	@$(RUN) -m loadtest run experiment-2 $(ARGS)

compare-with-without: experiment-2  ## The same as experiment-2

ui: $(VENV)/.run  ## Locust's web UI on http://127.0.0.1:8089; starts its own services
	@$(RUN) -m loadtest ui $(ARGS)

report: $(VENV)/.run  ## Rebuild a report (ARGS=results/experiment-1/latest), or compare two (ARGS='A B')
	@$(RUN) -m loadtest report $(ARGS)

index: $(VENV)/.run  ## Rewrite results/index.html, the page of all runs
	@$(RUN) -m loadtest index $(ARGS)

screenshots: $(VENV)/.dev  ## Take the pictures of the dashboard for docs/ in a real browser (1.5 minutes)
	@$(RUN) tests/e2e/screenshots.py

# The fast tests share the cores. Those in tests/e2e mostly wait, so three files run at once, in the order of their names
# (pytest-xdist's own order would run the longest last). Exit code 5: ARGS selected none of them.
test: $(VENV)/.dev  ## All tests except those in containers (2 minutes)
	@$(RUN) -m pytest -n auto tests --ignore=tests/e2e $(ARGS) || [ $$? = 5 ]
	@$(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not containers" tests/e2e $(ARGS) || [ $$? = 5 ]

test-unit: $(VENV)/.dev  ## The fast tests only
	@$(RUN) -m pytest -n auto tests --ignore=tests/e2e $(ARGS)

test-containers: $(VENV)/.dev  ## Run the compose file; skipped, with the reason, if there is no container engine
	@$(RUN) -m pytest -m containers tests/e2e $(ARGS)

check: $(VENV)/.dev  ## Format, lint, types, tests
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(MAKE) --no-print-directory test

format: $(VENV)/.dev  ## Format the code and apply safe lint fixes
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

policies: $(VENV)/.run  ## Every policy through an error spike, an outage, a slow backend and flapping (8 minutes)
	@$(RUN) -m loadtest run policies $(ARGS)

probability: $(VENV)/.lab  ## How likely is a trip? make probability ARGS='--burst-length 5'
	@$(RUN) -m loadtest probability $(ARGS)

sweep: $(VENV)/.lab  ## Try a grid of settings on all cores; resumes after Ctrl-C (half a minute)
	@$(RUN) -m loadtest sweep $(or $(ARGS),$(SWEEP))

tune: $(VENV)/.lab  ## Find settings for a service from its access log: make tune ARGS=access.csv (sample log: 2 minutes)
	@$(RUN) -m loadtest tune $(or $(ARGS),checkout)

agreement: $(VENV)/.lab  ## Run the same scenarios on both engines and compare them (9 minutes)
	@$(RUN) -m loadtest agreement $(ARGS)

references: $(VENV)/.lab  ## Reproduce the runs in results/*/reference, if possible, and compare (3 minutes)
	@$(RUN) -m loadtest references $(ARGS)

conformance: $(VENV)/.peers  ## Check this lab's policies and six libraries for ten known traps
	@$(RUN) -m bench.conformance $(ARGS)

bench: $(VENV)/.peers  ## Measure what a protected call costs, compared with other libraries (15 minutes; needs wrk)
	@$(RUN) -m bench $(ARGS)

attack: $(VENV)/.attack  ## Attack the lab's own services on free ports: what holds, what breaks? (10 minutes)
	@$(RUN) -m bench.attack $(ARGS)

soak: $(VENV)/.lab  ## Run the client at full rate for 10 minutes, attacked in the middle: does anything grow? (needs wrk)
	@$(RUN) -m bench.soak $(ARGS)

search: $(VENV)/.lab  ## Repeat the search for the settings of experiment-2 (ARGS='--seconds 300')
	@$(RUN) -m loadtest search $(ARGS)

distribution: $(VENV)/.lab  ## Repeat both experiments over many seeds on virtual time, for their reports
	@$(RUN) -m loadtest distribution $(ARGS)

coverage: $(VENV)/.lab  ## Measure how often the 95 % intervals cover the truth, for docs/ (2 minutes)
	@$(RUN) -m loadtest coverage $(ARGS)

schema: $(VENV)/.run  ## Rewrite docs/schema/, the JSON Schema of a run's files
	@$(RUN) -m loadtest schema $(ARGS)

docs: $(VENV)/.run  ## Rewrite the tables of settings and metrics in docs/ from the models
	@$(RUN) -m loadtest docs $(ARGS)

# dev.txt has everything; the other files are subsets with the same versions.
LOCK = $(RUN) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock'
PART = $(LOCK) -c requirements/dev.txt

lock: $(VENV)/.dev  ## Pin all dependencies, with hashes; ARGS=--upgrade updates them
	@$(LOCK) $(ARGS) --all-extras -o requirements/dev.txt pyproject.toml
	@$(PART) -o requirements/backend.txt pyproject.toml
	@$(PART) --extra client -o requirements/client.txt pyproject.toml
	@$(PART) --extra client --extra run -o requirements/run.txt pyproject.toml
	@$(PART) --extra client --extra run --extra tune -o requirements/lab.txt pyproject.toml
	@$(PART) --extra client --extra run --extra cluster -o requirements/cluster.txt pyproject.toml
	@$(PART) --extra client --extra run --extra tracing -o requirements/tracing.txt pyproject.toml
	@$(PART) --extra client --extra run --extra peers -o requirements/peers.txt pyproject.toml
	@$(PART) --extra audit -o requirements/audit.txt pyproject.toml
	@$(PART) --extra client --extra run --extra attack -o requirements/attack.txt pyproject.toml
	@echo uv | $(PART) -o requirements/uv.txt -

audit: $(VENV)/.audit  ## Hold all pins against the known advisories; says so where none can be had (ARGS=--strict: and fails)
	@$(RUN) -m supply.audit $(ARGS)

sbom: $(VENV)/.audit  ## List what each image holds, as CycloneDX, in build/sbom (run `docker compose build` first)
	@$(RUN) -m supply.sbom $(ARGS)

digests: $(VENV)/bin/python  ## Pin the images of others by digest, in docker-compose.digests.yml (needs a network)
	@$(RUN) -m supply.digests $(ARGS)

up:  ## Backend, client and Locust's web UI in containers
	REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose up --build --wait

observe:  ## The same with Prometheus on port 9090 and Grafana on 3000
	REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null)" docker compose --profile observability up --build --wait

down:  ## Stop the containers
	docker compose --profile observability down

clean:  ## Remove the environment and the caches of tools; results stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

# The environment is made on demand, with uv: the installed one, or one that pip installs into the environment. If uv cannot
# run or cannot download the packages, pip installs them. Each marker file stands for a set of installed packages:
#   .run      what a first run needs                requirements/run.txt
#   .lab      all commands of `python -m loadtest`  requirements/lab.txt
#   .dev      what the tests need                   requirements/dev.txt
#   .peers, .attack, .cluster, .tracing             what conformance and bench, attack, --dask, and traces need, with .run
#   .audit                                          what audit and sbom need
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
	  echo "uv could not install it; trying pip"; \
	  $(RUN) -m pip --version >/dev/null 2>&1 || $(RUN) -m ensurepip >/dev/null; \
	  $(PIP) -r $<; }
	@touch $@
