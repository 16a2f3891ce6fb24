# The words a newcomer needs. Everything is installed into .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-for-development
# What the source for REST APIs is compared with, in an environment of its own.
DLT := $(VENV)/dlt/bin/python
# What the source for HubSpot is compared with, likewise; it needs Python 3.10 or 3.11.
AIRBYTE := $(VENV)/airbyte/bin/python
# A real Directus, which is read as well.
DIRECTUS := $(VENV)/directus
# What moments are compared with, a package of npm.
TEMPORAL := $(VENV)/temporal

# Where the environment forbids it, each of a test run's many daemons would compile all of webhookd.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-browser screenshots captures docs check image crash sources temporal bench bench-quick constraints clean help

help: ## Show these words
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: $(STAMP) ## Show the main job: webhookd demo
	@$(BIN)/webhookd demo

test: $(DEV_STAMP) ## Run every test
	$(BIN)/python -m pytest -q -n 4 --dist worksteal

test-browser: $(DEV_STAMP) ## Test the console's pages in a real Chromium, which must be there
	WEBHOOKD_TEST_BROWSER=1 $(BIN)/python -m pytest -q tests/console/browser

screenshots: $(DEV_STAMP) ## Take the pictures of docs/console.md anew
	$(BIN)/python -m tests.console.shots

captures: $(DEV_STAMP) ## Take the screens of docs/terminal.md anew, at 80 and 140 columns
	$(BIN)/python -m tests.documents.captures
	$(BIN)/python -m tests.documents.contents

docs: $(DEV_STAMP) ## Build the documents as a site, into site/; no link may lead nowhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "look at it: $(PYTHON) -m http.server --bind 127.0.0.1 --directory site"

check: $(DEV_STAMP) ## Lint, types, import contracts, dead code, dependencies, links of the documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry .
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --site-dir $(VENV)/site

image: ## Build the container image without Docker, as root with buildah and mmdebstrap, and try it
	deploy/image/build.sh

crash: $(DEV_STAMP) ## Kill, freeze and starve the real daemon for some minutes; nothing may be lost
	$(BIN)/python -m tests.crash
	WEBHOOKD_TEST_KILLS=20 $(BIN)/python -m pytest -q -k killed \
		tests/acceptance/test_hubspot_merges.py tests/acceptance/test_hubspot_lists.py

sources: $(DEV_STAMP) ## Read a real API of ten thousand records while they change and the daemon is killed, a quarter of an hour
	@test -x $(DLT) || $(PYTHON) -m venv $(VENV)/dlt
	@$(DLT) -m pip install --quiet --disable-pip-version-check 'dlt>=1.31,<2'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 12))' \
		&& { test -x $(AIRBYTE) || $(PYTHON) -m venv $(VENV)/airbyte; } \
		&& $(AIRBYTE) -m pip install --quiet --disable-pip-version-check airbyte-source-hubspot==5.7.0 \
		|| echo "the source for HubSpot is not compared with Airbyte's"
	sh tests/install_directus.sh $(DIRECTUS)
	WEBHOOKD_TEST_SOURCES=1 WEBHOOKD_TEST_DLT=$(DLT) WEBHOOKD_TEST_DIRECTUS=$(DIRECTUS) \
		WEBHOOKD_TEST_AIRBYTE=$(AIRBYTE) \
		$(BIN)/python -m pytest -q --durations=0 \
		tests/integration/sources/rest/test_presets_for_real.py \
		tests/integration/sources/rest/test_pocketbase.py \
		tests/integration/sources/rest/test_beside_dlt.py \
		tests/integration/sources/hubspot/test_beside_airbyte.py \
		tests/acceptance/test_pocketbase_kills.py

temporal: $(DEV_STAMP) ## Compare dates in zones with JavaScript's own reckoning, on node
	npm install --silent --no-audit --no-fund --prefix $(TEMPORAL) '@js-temporal/polyfill@0.5'
	WEBHOOKD_TEST_TEMPORAL=$(TEMPORAL)/node_modules \
		$(BIN)/python -m pytest -q tests/unit/rules/test_moments_beside_temporal.py

bench: $(DEV_STAMP) ## Measure all that is to be reached, each against a baseline of the same run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	$(BIN)/python -m benchmarks $(if $(BEFORE),--before $(BEFORE))

bench-quick: $(DEV_STAMP) ## Measure the essential pairs in two minutes; BEFORE=COMMIT compares with one
	$(BIN)/python -m benchmarks --quick $(if $(BEFORE),--before $(BEFORE))

constraints: ## Renew constraints.txt: the newest versions, to be tested by make test
	sh tests/renew_constraints.sh $(PYTHON)

clean: ## Remove what these words made
	rm -rf $(VENV) .image .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# What webhookd itself needs, which is all that `make run` waits for.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "webhookd needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "making $(VENV), which may take a minute ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --editable . \
		--constraint constraints.txt
	@touch $@

# And what its tests and checks need. Few of those modules are ever imported, so none is compiled here.
$(DEV_STAMP): $(STAMP) pyproject.toml constraints.txt
	@echo "installing what tests and checks need ..."
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --editable . --group dev \
		--constraint constraints.txt
	@touch $@
