# Commands for contributors; `make` alone lists them. Packages are installed into .venv, and outputs are written to
# build/.

PYTHON ?= python3
DEMO_MINUTES ?= 3.3

VENV := .venv
BIN := $(VENV)/bin
NMT := $(BIN)/nmt
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
DEMO := build/demo

.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow torture bench bench-gpu same audit lint check road docs man clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- installation -----------------------------------------------------------------------------------------------------
# An empty stamp file marks an installation, which is repeated only when its requirements have changed.

RUNS := $(VENV)/.installed
DEVELOPS := $(VENV)/.installed-dev

WHERE := nmt is $(NMT); to call it as nmt in this shell: . $(BIN)/activate

install: $(DEVELOPS) ## create .venv with nmt and the development tools
	@echo '$(WHERE)'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nmt needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(RUNS): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing into $(VENV); the first time takes a few minutes'
	$(PIP) install -c constraints.txt -e '.[fast,show,serve,score,formats,clean,patterns,terms]'
	@touch $@

$(DEVELOPS): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing into $(VENV), with the development tools; the first time takes a few minutes'
	$(PIP) install -c constraints.txt -e '.[fast,show,serve,score,formats,clean,patterns,terms,cluster,storage,dev]'
	@touch $(RUNS) $@

# --- demo -------------------------------------------------------------------------------------------------------------
# The four commands on the bundled corpus. RUN/trained marks the end of training; RUN/model exists from the first
# validation on.

demo: $(DEMO)/test.en $(DEMO)/notes.en $(DEMO)/scores.txt ## train a Korean-English model in minutes, score it, show translations
	@cat $(DEMO)/scores.txt
	@$(BIN)/python data/recipes/show.py data/test.ko $(DEMO)/test.en data/test.en
	@$(BIN)/python data/recipes/show.py data/notes.ko $(DEMO)/notes.en data/notes.en --all
	@echo; echo '$(WHERE)'

$(DEMO)/data/manifest.json: $(foreach set,train valid test test-unseen,data/$(set).ko data/$(set).en) | $(RUNS)
	$(NMT) prepare -s ko -t en --train data/train --valid data/valid --test data/test --test data/test-unseen \
		--vocab-size 2000 --licence MIT -o $(@D)

# Exit code 78: the existing run has other data or settings; it is moved aside.
$(DEMO)/run/trained: $(DEMO)/data/manifest.json data/demo.toml | $(RUNS)
	$(NMT) train $(<D) -o $(@D) --config data/demo.toml --minutes $(DEMO_MINUTES) || \
		{ test $$? -eq 78 && $(NMT) train $(<D) -o $(@D) --config data/demo.toml --minutes $(DEMO_MINUTES) --overwrite; }
	@touch $@

$(DEMO)/%.en: data/%.ko $(DEMO)/run/trained | $(RUNS)
	$(NMT) translate $(DEMO)/run $< -o $@

$(DEMO)/scores.txt: $(DEMO)/run/trained $(foreach set,test test-unseen,data/$(set).ko data/$(set).en) | $(RUNS)
	$(NMT) evaluate $(<D) data/test data/test-unseen > $@

# --- tests ------------------------------------------------------------------------------------------------------------

test: $(DEVELOPS) ## run every test, on up to 4 cores
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(DEVELOPS) ## run the long tests of quality and memory use
	$(BIN)/python -m pytest -m slow

# Small disks need root to be mounted, and fault injection needs strace; areas that lack them are reported as skipped.
torture: $(DEVELOPS) ## test docs/promises.md in 40 minutes: kills, full disks, damaged files, races
	$(BIN)/python -m tests.torture --json docs/torture.json
	$(BIN)/python docs/update.py

# CORPUS=dir is a folder with Multi30k; the default is the bundled corpus. Figures go to benchmarks/results.jsonl.
bench: $(RUNS) ## compare the speed of nmt with other toolkits, each in its own environment
	@for script in start train translate translate_toolkits prepare growth profiles; do \
		$(BIN)/python benchmarks/$$script.py $(if $(CORPUS),--corpus $(CORPUS)) || exit; done

# ARGS="-s en -t de --train data/crawl --valid data/valid --steps 1500 --seeds 1 2"
audit: $(RUNS) ## train small models with and without each rule of cleaning, and say which paid: ARGS=...
	$(BIN)/python benchmarks/audit.py $(ARGS)

bench-gpu: $(RUNS) ## compare the speed on a GPU with a plain PyTorch loop
	$(BIN)/python benchmarks/gpu.py

same: $(RUNS) ## check that a refactoring changed no result: BASE=commit to compare with
	$(BIN)/python benchmarks/same.py --base $(or $(BASE),origin/main)

lint: $(DEVELOPS) ## check format, style, types and layers
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## lint and test; run it before a commit

road: $(DEMO)/data/manifest.json $(DEVELOPS) ## train the models of docs/road-to-attention.md, write its tables and pictures
	rm -rf build/road
	$(BIN)/python docs/road.py
	$(BIN)/python docs/update.py

docs: $(DEVELOPS) ## update the help texts, settings, indexes and tables in docs/
	$(BIN)/python docs/update.py
	$(BIN)/python benchmarks/results.py

man: $(RUNS) ## write man pages of all commands into build/man/man1
	$(BIN)/python packaging/man.py build/man/man1

clean: ## delete all outputs, but not .venv
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
