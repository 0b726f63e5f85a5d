# The whole tooling. `make` alone lists what there is.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
EPOCHS ?= 500
PERIOD ?= 100
NOTEBOOK ?= deep-rnn
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-full test-processors bench lab notebooks picture lint lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 17

# nbconvert's classic template is the one that keeps the pictures' alternative text.
run: .venv/installed ## train the document's network: make run [EPOCHS=500] [PERIOD=100]
	@mkdir -p build
	$(BIN)/papermill notebooks/$(NOTEBOOK).ipynb build/$(NOTEBOOK).ipynb --cwd notebooks --kernel python3 \
	  --log-output --no-progress-bar -p num_epochs $(EPOCHS) -p pred_period $(PERIOD)
	$(BIN)/jupyter nbconvert --log-level WARN --to html --template classic build/$(NOTEBOOK).ipynb
	@echo "The executed notebook is build/$(NOTEBOOK).ipynb; to read it in a browser: build/$(NOTEBOOK).html"

# Two files at a time, each on one thread, get more done than one file on two; a notebook stays in one of the two.
TWO_AT_A_TIME := -n 2 --dist loadfile --no-loadscope-reorder

test: .venv/installed lint ## all tests: the unit tests, and every notebook executed and compared
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO_AT_A_TIME)

test-full: .venv/installed ## the two notebooks that `make test` shortens, whole (half an hour)
	$(BIN)/python -m pytest --full-training notebooks/deep-rnn.ipynb notebooks/depth-study.ipynb

# What stands in for another processor: the newest instructions that oneDNN may use, the processor that OpenBLAS takes
# this one for, and the number of threads. Each of the three changes the order in which sums are rounded.
PROCESSORS ?= SSE41-Nehalem-1 AVX-Sandybridge-2 AVX2-Haswell-1

test-processors: .venv/installed ## every notebook as on three other processors (by hand; an hour)
	@for p in $(PROCESSORS); do \
	  echo "Instructions, processor, threads: $$p"; \
	  IFS=-; set -- $$p; unset IFS; \
	  DNNL_MAX_CPU_ISA=$$1 OPENBLAS_CORETYPE=$$2 OMP_NUM_THREADS=$$3 OMP_WAIT_POLICY=passive \
	    $(BIN)/python -m pytest $(TWO_AT_A_TIME) notebooks || exit 1; \
	done

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
