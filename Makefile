# Landscape Lab. The only list of commands: `make help`.
#
#   PYTHON=python3.12   the interpreter of the environment (default: the first suitable one found)
#   VENV=.venv          where the environment lies
#   TORCH=torch==X.Y    the PyTorch to install, or a path to a wheel
#   LOCK=               the newest versions that pyproject.toml allows, not those of constraints.txt
#   PORT=8866           the port of the app
#   CHROMIUM=/path      the browser of the tests
#   PYTEST="-m slow"    more arguments for pytest

PYTHON   ?=
VENV     ?= .venv
TORCH    ?= torch==2.13.0
LOCK     ?= constraints.txt
PORT     ?=
CHROMIUM ?=
PYTEST   ?=

BIN := $(VENV)/bin
PIP_OPTIONS := --disable-pip-version-check $(if $(LOCK),--constraint $(LOCK))
PIP := $(BIN)/python -m pip install $(PIP_OPTIONS)
PORT_OPTION := $(if $(PORT),--port $(PORT))

.DEFAULT_GOAL := help
.PHONY: help app voila serve test test-all check lint format browser notebooks catalogue gallery \
  thumbnails recordings coverage architecture docs lock wheel smoke bench clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /	/' | expand -t 12

app: $(VENV)/.installed ## make the environment and open the app
	@$(BIN)/landscape app $(PORT_OPTION)

voila: $(VENV)/.installed ## the same without opening a browser window
	@$(BIN)/landscape app --no-browser $(PORT_OPTION)

serve: $(VENV)/.installed ## one server for many people, by `panel serve`
	@$(BIN)/landscape serve $(PORT_OPTION)

RUN_TESTS = CHROMIUM="$$($(find_browser))" $(BIN)/python -m pytest -n 2 --dist loadfile \
  --no-loadscope-reorder

test: $(VENV)/.installed-test browser ## make the environment and run the tests, browser included
	@$(RUN_TESTS) -m "not exhaustive" $(PYTEST)

test-all: $(VENV)/.installed-test browser ## also those that walk everything in the browser
	@$(RUN_TESTS) --check-all-types $(PYTEST)

check: lint test ## format, lint, types, import layers, then the tests

lint: $(VENV)/.installed-dev ## format, lint, types and import layers only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

notebooks: $(VENV)/.installed-test ## run the notebooks from top to bottom, keeping nothing
	@for n in notebooks/[0-9]*.ipynb; do echo "$$n"; $(BIN)/jupyter execute "$$n" || exit 1; done

catalogue: $(VENV)/.installed ## write docs/catalogue.md and its pictures anew; some minutes
	$(BIN)/landscape list --markdown --pictures docs/catalogue > docs/catalogue.md.new
	mv docs/catalogue.md.new docs/catalogue.md

gallery: $(VENV)/.installed ## write docs/plotting.md and its pictures anew
	$(BIN)/python docs/gallery.py

thumbnails: $(VENV)/.installed ## draw the small pictures of labs, presets and data sets anew; two minutes
	$(BIN)/python docs/thumbnails.py

recordings: $(VENV)/.installed ## record the presets and tours that have changed; some minutes for all
	$(BIN)/python docs/recordings.py

coverage: $(VENV)/.installed ## write docs/coverage.md anew
	$(BIN)/python docs/coverage.py

architecture: $(VENV)/.installed ## write the drawing and the walks of docs/architecture.md anew
	$(BIN)/python benchmarks/architecture.py

docs: $(VENV)/.installed-docs ## write the documentation as a site to site/
	$(BIN)/sphinx-build -q -W --keep-going -j auto -c docs -d build/docs . site

wheel: $(VENV)/.installed-release ## build the wheel and the source archive into dist/, and check them
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

smoke: ## install the wheel of dist/ into an empty environment, and try it from another folder
	rm -rf build/smoke
	$(MAKE) --no-print-directory VENV=build/smoke build/smoke/bin/python
	@build/smoke/bin/python -m pip install --quiet $(PIP_OPTIONS) "$(TORCH)" dist/*.whl
	build/smoke/bin/python .ci/smoke.py

lock: $(BIN)/python ## write constraints.txt anew: the newest versions that pyproject.toml allows
	$(BIN)/python .ci/lock.py "$(TORCH)"

bench: $(VENV)/.installed-test ## run the benchmarks
	@for b in benchmarks/bench_*.py; do echo "$$b"; $(BIN)/python "$$b" || exit 1; done

clean: ## remove what the tools leave behind, but not the environment
	rm -rf build dist site docs/reference *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  .import_linter_cache
	find landscape_core app tests benchmarks notebooks -name __pycache__ -prune -exec rm -rf {} + \
	  2>/dev/null || true

# --- the environment: each stamp is as old as what says what is in it ---------------------------

$(BIN)/python:
	@set -e; \
	for python in "$(PYTHON)" python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  [ -n "$$python" ] || continue; \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	      >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    exec "$$python" -m venv "$(VENV)"; \
	  elif [ "$$python" = "$(PYTHON)" ]; then break; fi; \
	done; \
	echo "No Python 3.11 or newer with its venv module was found$(if $(PYTHON), at '$(PYTHON)')."; \
	echo "Install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv)"; \
	echo "or name it: make PYTHON=/path/to/python3.11"; \
	exit 1

# PyTorch first and by its exact version: the largest download, and the one with several builds.
$(VENV)/.installed: pyproject.toml $(LOCK) | $(BIN)/python
	@echo "Installing $(TORCH) and Landscape Lab into $(VENV) (some minutes the first time)"
	@$(PIP) "$(TORCH)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(PIP) --quiet --editable ".[test]"
	@touch $@

# Nothing of the project is needed to build it.
$(VENV)/.installed-release: pyproject.toml $(LOCK) | $(BIN)/python
	@$(PIP) --quiet build twine
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "Installing what the documentation needs"
	@$(PIP) --quiet --editable ".[docs]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	@echo "Installing the checkers"
	@$(PIP) --quiet --editable ".[test,dev]"
	@touch $@

# --- the browser of the tests ------------------------------------------------------------------

# Prints the path of a browser that answers; nothing if there is none. Some systems have a
# `chromium-browser` that only tells how to install one: therefore it is asked for its version.
find_browser = for browser in "$(CHROMIUM)" chromium chromium-browser google-chrome \
    google-chrome-stable microsoft-edge msedge \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do \
  [ -n "$$browser" ] && "$$browser" --version >/dev/null 2>&1 && \
    { command -v "$$browser"; break; }; \
  done; true

browser: $(VENV)/.installed-test
	@if [ -n "$$($(find_browser))" ]; then exit 0; fi; \
	if $(BIN)/playwright install chromium; then exit 0; fi; \
	echo; \
	echo "The tests drive a browser, and there is none here and none could be downloaded."; \
	echo "Install Chromium or Chrome (Debian, Ubuntu: sudo apt-get install chromium)"; \
	echo "or name one:              make test CHROMIUM=/path/to/chrome"; \
	echo "All tests without one:    $(BIN)/python -m pytest -m 'not browser'"; \
	exit 1
