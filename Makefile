# The whole tooling. `make` alone lists what there is.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
NOTEBOOK ?= deep-rnn
EPOCHS ?= $(if $(filter deep-rnn,$(NOTEBOOK)),500)
PERIOD ?= $(if $(filter deep-rnn,$(NOTEBOOK)),100)
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-full bench lab notebooks picture lint lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 14

# Ctrl-C reaches make as well, which then ends by itself.
run: .venv/installed ## train the document's network: make run [EPOCHS=500] [PERIOD=100]
	@mkdir -p build
	@trap : INT; $(BIN)/python docs/run.py notebooks/$(NOTEBOOK).ipynb build \
	  $(EPOCHS:%=num_epochs=%) $(PERIOD:%=pred_period=%) || [ $$? -eq 130 ]

test: .venv/installed lint ## all tests: the unit tests, and every notebook executed and compared
	$(BIN)/python -m pytest

test-full: .venv/installed ## the two notebooks that `make test` shortens, whole (half an hour)
	$(BIN)/python -m pytest --full-training notebooks/deep-rnn.ipynb notebooks/depth-study.ipynb

lab: .venv/installed ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks

notebooks: .venv/installed ## execute every notebook in full and store its outputs
	$(BIN)/jupyter nbconvert --log-level WARN --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

bench: .venv/installed .venv-bench/installed ## measure against its peers: one table, and build/benchmark.png (7 minutes)
	@mkdir -p build
	$(BIN)/python benchmarks/compare.py --peers .venv-bench/bin/python

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lock: .venv/installed ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/pip install -q uv==0.11.32
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --extra run --extra test --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit( \
	  "MXNet 1.9.1 runs on Python 3.8 to 3.11, this project is pinned for 3.11, and this is Python %d.%d: " \
	  "install Python 3.11, or say where it is with `make PYTHON=/path/to/python3.11`." % v)'
	@echo "Setting up .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

picture: .venv/installed ## draw the picture of the README from the stored notebook
	$(BIN)/python docs/picture.py

.venv-bench/installed: benchmarks/requirements.lock
	@echo "Setting up .venv-bench, the competitors' environment (once; a minute) ..."
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/pip install -q --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	@.venv-bench/bin/pip install -q --disable-pip-version-check torch==2.13.0
	@touch $@

clean: ## remove what was built and the environment
	rm -rf build .venv .venv-bench
