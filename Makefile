# What a contributor runs; `make` alone lists it. Everything that is installed goes into .venv, everything that is made
# into build/.

PYTHON ?= python3
DEMO_MINUTES ?= 3.3

VENV := .venv
BIN := $(VENV)/bin
NMT := $(BIN)/nmt
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
DEMO := build/demo

.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow torture bench bench-gpu same lint check road docs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- installation -----------------------------------------------------------------------------------------------------
# A stamp stands for an installation: done again when what is to be installed has changed, and only then.

RUNS := $(VENV)/.installed
DEVELOPS := $(VENV)/.installed-dev

WHERE := nmt is $(NMT); to have it as nmt in this shell: . $(BIN)/activate

install: $(DEVELOPS) ## make .venv, with the development tools
	@echo '$(WHERE)'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "name a Python of 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(RUNS): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing into $(VENV); the first time takes some minutes'
	$(PIP) install -c constraints.txt -e '.[fast,show,score]'
	@touch $@

$(DEVELOPS): pyproject.toml constraints.txt | $(BIN)/python
	@echo 'installing into $(VENV), with the development tools; the first time takes some minutes'
	$(PIP) install -c constraints.txt -e '.[fast,show,score,dev]'
	@touch $(RUNS) $@

# --- demo -------------------------------------------------------------------------------------------------------------
# The four commands on the bundled corpus. RUN/trained is there once training has ended: the model in RUN/model is
# there from the first validation on.

demo: $(DEMO)/test.en $(DEMO)/notes.en $(DEMO)/scores.txt ## train a Korean-English translator in minutes, score it, show translations
	@cat $(DEMO)/scores.txt
	@$(BIN)/python data/recipes/show.py data/test.ko $(DEMO)/test.en data/test.en
	@$(BIN)/python data/recipes/show.py data/notes.ko $(DEMO)/notes.en data/notes.en --all
	@echo; echo '$(WHERE)'

$(DEMO)/data/manifest.json: $(foreach set,train valid test test-unseen,data/$(set).ko data/$(set).en) | $(RUNS)
	$(NMT) prepare -s ko -t en --train data/train --valid data/valid --test data/test --test data/test-unseen \
		--vocab-size 2000 --licence MIT -o $(@D)

# 78: the run that is there is of other data or settings; it is moved aside.
$(DEMO)/run/trained: $(DEMO)/data/manifest.json data/demo.toml | $(RUNS)
	$(NMT) train $(<D) -o $(@D) --config data/demo.toml --minutes $(DEMO_MINUTES) || \
		{ test $$? -eq 78 && $(NMT) train $(<D) -o $(@D) --config data/demo.toml --minutes $(DEMO_MINUTES) --overwrite; }
	@touch $@

$(DEMO)/%.en: data/%.ko $(DEMO)/run/trained | $(RUNS)
	$(NMT) translate $(DEMO)/run $< -o $@

$(DEMO)/scores.txt: $(DEMO)/run/trained $(foreach set,test test-unseen,data/$(set).ko data/$(set).en) | $(RUNS)
	$(NMT) evaluate $(<D) data/test data/test-unseen > $@

# --- tests ------------------------------------------------------------------------------------------------------------

test: $(DEVELOPS) ## run every test, on as many cores as there are
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(DEVELOPS) ## run the long tests of quality and memory
	$(BIN)/python -m pytest -m slow

# Small disks want root to be mounted, and faults want strace; without them those areas are skipped, and say so.
torture: $(DEVELOPS) ## kill it, fill its disks, damage its files, race it: prove docs/promises.md in 40 minutes
	$(BIN)/python -m tests.torture --json docs/torture.json
	$(BIN)/python docs/update.py

# CORPUS=dir is a folder of Multi30k; without it, the bundled corpus. The figures are appended to benchmarks/results.jsonl.
bench: $(RUNS) ## time nmt beside its peers, each in an environment of its own
	@for script in start train translate translate_toolkits prepare growth profiles; do \
		$(BIN)/python benchmarks/$$script.py $(if $(CORPUS),--corpus $(CORPUS)) || exit; done

bench-gpu: $(RUNS) ## time training and translating on a GPU beside a plain PyTorch loop
	$(BIN)/python benchmarks/gpu.py

same: $(RUNS) ## prove that a refactoring changed nothing: BASE=commit to compare with
	$(BIN)/python benchmarks/same.py --base $(or $(BASE),origin/main)

lint: $(DEVELOPS) ## check format, style, types and layers
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## what to run before a commit: lint, then test

road: $(DEMO)/data/manifest.json $(DEVELOPS) ## train the stations of docs/road-to-attention.md, make its tables and pictures
	rm -rf build/road
	$(BIN)/python docs/road.py
	$(BIN)/python docs/update.py

docs: $(DEVELOPS) ## write help texts, settings, indexes and tables into the pages again
	$(BIN)/python docs/update.py
	$(BIN)/python benchmarks/results.py

clean: ## remove what was made, but not .venv
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
