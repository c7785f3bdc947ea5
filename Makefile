# tuner: a code model that knows your codebase.
# Settings: REPO=path-or-url  BASE=hub-id|folder|file.gguf  RECIPE=recipes/x.yaml  SET="key=value ..."  RUN=adapters/x  PROCS=n
PYTHON ?= python3
VENV   ?= .venv
TUNER  := $(VENV)/bin/tuner
READY  := $(VENV)/.ready
AXE    := 4.14.1
FLAGS   = $(if $(REPO),--repo '$(REPO)') $(if $(RUN),--run '$(RUN)') $(if $(BASE),--base '$(BASE)') \
          $(if $(RECIPE),--recipe '$(RECIPE)') $(foreach each,$(SET),--set '$(each)') \
          $(if $(PROCS),--set 'train.processes=$(PROCS)')
VERDICT = $(if $(GATE),--gate)

# Set-up leaves compiling to the first import, so that import must keep what it compiled: torch takes 17 s each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup plan sweep train mine dataset audit evaluate screen compare export report arena serve check-editors watch runs adapters verify reproduce recipes copilot bench test browser-checks check format clean

help: ## Show this help
	@sed -n '2s/^# //p' Makefile
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Install into .venv and prepare the embedded base; done once

$(READY): pyproject.toml constraints.txt tuner/install.py
	@$(PYTHON) -m tuner.install $(VENV)

plan: $(READY) ## What a training takes before it starts: memory, time, disk, which recipe fits (BASE=... REPO=...)
	@$(TUNER) plan $(FLAGS)

sweep: $(READY) ## Try settings with a small budget: OVER="train.rank=8,16 without=edit,body" [GRID=1 BUDGET=30000 REPEAT=2]
	@$(TUNER) sweep $(FLAGS) $(foreach each,$(OVER),--over '$(each)') $(if $(GRID),--grid) \
	  $(if $(BUDGET),--budget '$(BUDGET)') $(if $(REPEAT),--repeat '$(REPEAT)')

train: $(READY) ## Everything: mine, dataset, train, evaluate, export, verdict (REPO=... [PROCS=2])
	@$(TUNER) train $(FLAGS)

mine: $(READY) ## Only read the repository into pairs
	@$(TUNER) mine $(FLAGS)

dataset: $(READY) ## Up to the training rows and the frozen evaluation items
	@$(TUNER) dataset $(FLAGS)

audit: $(READY) ## Look at the dataset before training: page, text, verdict (RUN=adapters/... or REPO=...)
	@$(TUNER) dataset audit $(FLAGS)

evaluate: $(READY) ## Up to base against tuned and the verdict; GATE=1 fails unless it is ship
	@$(TUNER) evaluate $(FLAGS) $(VERDICT)

screen: $(READY) ## Before any training: will it help? What base and retrieval do, and a prediction (REPO=...)
	@$(TUNER) evaluate --screen $(FLAGS)

compare: $(READY) ## The same with every other system of the recipe, and what may be said aloud
	@$(TUNER) compare $(FLAGS) $(VERDICT)

export: $(READY) ## Up to the exported files and their parity check; EDITOR_NAME=continue RUN=... writes its settings
	@$(TUNER) export $(FLAGS) $(if $(EDITOR_NAME),--editor '$(EDITOR_NAME)')

report: $(READY) ## Up to one offline page with all results
	@$(TUNER) report $(FLAGS)

arena: $(READY) ## Vote blind on two systems' answers (RUN=adapters/... [ARENA="--results"])
	@$(TUNER) arena $(if $(RUN),--run '$(RUN)') $(ARENA)

serve: $(READY) ## Serve base and adapter on loopback (RUN=adapters/... or REPO=...); CHECK=yes asks as each client does
	@$(TUNER) serve $(FLAGS) $(if $(CHECK),--check $(filter http%,$(CHECK)))

check-editors: $(READY) ## Install real clients into .editors/ (npm, PyPI) and let them ask ([RUN=...] [PLUGINS=folder])
	@$(VENV)/bin/python -m editors $(if $(RUN),--run '$(RUN)') $(if $(PLUGINS),--plugins '$(PLUGINS)') \
	  $(if $(RECORD),--record tuner/serve/clients)

watch: $(READY) ## Look at a training that runs in another terminal (RUN=adapters/...)
	@$(TUNER) watch '$(RUN)'

runs: $(READY) ## List the runs
	@$(TUNER) runs ls

adapters: $(READY) ## List, promote, roll back, tag, remove adapters: DO="promote RUN team"
	@$(TUNER) adapters $(or $(DO),list)

verify: $(READY) ## Hash every file of a run again (RUN=adapters/...)
	@$(TUNER) runs verify '$(RUN)'

reproduce: $(READY) ## Run a finished run again and compare hashes stage by stage (RUN=adapters/... REPO=...)
	@$(TUNER) reproduce '$(RUN)' $(if $(REPO),--repo '$(REPO)') $(if $(BASE),--base '$(BASE)')

recipes: $(READY) ## List the recipes
	@$(TUNER) recipe ls

copilot: ## Fetch GitHub's Copilot language server into .copilot/ (npm), to compare with it
	@$(PYTHON) -m tuner.evaluate.copilot.install .copilot

bench: $(READY) ## Measure beside the peers: ROOM=mining, gain, qlora REPO=..., ROOM=training, serving, memory [BENCH="--curve"]
	@$(VENV)/bin/python -m benchmarks.$(or $(ROOM),mining) $(if $(REPO),--repo '$(REPO)') $(if $(RUN),--run '$(RUN)') \
	  $(BENCH)

test: $(READY) ## Run the whole test suite: no network, no GPU
	@$(VENV)/bin/python -m pytest -n logical --dist loadfile --no-loadscope-reorder --max-worker-restart=1

browser-checks: $(READY) ## Fetch axe-core from npm and check the pages in headless Chromium
	@npm install --prefix .browser --no-save --no-audit --no-fund axe-core@$(AXE)
	@$(VENV)/bin/python -m pytest tests/test_browser.py $(wildcard tests/*/*_in_chromium.py)

check: $(READY) ## Lint, formatting and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: $(READY) ## Format the code
	@$(VENV)/bin/ruff check --fix-only -q .
	@$(VENV)/bin/ruff format .

clean: ## Remove the environment and caches; runs in adapters/ stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis tuner.egg-info
	@echo "removed $(VENV) and caches; runs in adapters/ were kept"
