# The whole tooling. `make` alone lists what there is.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
EPOCHS ?= 500
PERIOD ?= 100
NOTEBOOK ?= deep-rnn
BIN := .venv/bin
# The build of MXNet in .venv, cpu or gpu: the one asked for last, also when a lock has changed and .venv is set up anew.
MXNET := $(or $(shell cat .venv/installed 2>/dev/null),cpu)
.DEFAULT_GOAL := help
.PHONY: help run test test-full bench lab notebooks picture lint lock gpu cpu test-gpu-install clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 18

# nbconvert's classic template is the one that keeps the pictures' alternative text.
run: .venv/installed ## train the document's network: make run [EPOCHS=500] [PERIOD=100]
	@mkdir -p build
	$(BIN)/papermill notebooks/$(NOTEBOOK).ipynb build/$(NOTEBOOK).ipynb --cwd notebooks --kernel python3 \
	  --log-output --no-progress-bar -p num_epochs $(EPOCHS) -p pred_period $(PERIOD)
	$(BIN)/jupyter nbconvert --log-level WARN --to html --template classic build/$(NOTEBOOK).ipynb
	@echo "The executed notebook is build/$(NOTEBOOK).ipynb; to read it in a browser: build/$(NOTEBOOK).html"

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

lock: .venv/installed ## resolve requirements.lock and requirements-gpu.lock anew from the pyproject.toml files
	$(BIN)/pip install -q uv==0.11.32
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --extra run --extra test --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --no-deps --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate install/gpu/pyproject.toml -o requirements-gpu.lock

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit( \
	  "MXNet 1.9.1 runs on Python 3.8 to 3.11, this project is pinned for 3.11, and this is Python %d.%d: " \
	  "install Python 3.11, or say where it is with `make PYTHON=/path/to/python3.11`." % v)'
	@echo "Setting up .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
ifeq ($(MXNET),gpu)
	@echo "... and MXNet's CUDA build with CUDA: 2 GB to download, 5 GB on the disk ..."
	@$(BIN)/pip uninstall -q --disable-pip-version-check --yes mxnet
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-gpu.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps ./install/gpu
endif
	@echo $(MXNET) > $@

ifeq ($(MXNET),gpu)
.venv/installed: requirements-gpu.lock install/gpu/pyproject.toml
endif

gpu: ## set .venv up with MXNet's CUDA build and CUDA itself: Linux, x86_64, an NVIDIA card with its driver
	@[ "$$(uname -sm)" = "Linux x86_64" ] || { \
	  echo "MXNet's CUDA build exists for Linux on x86_64 and this is $$(uname -sm): go without a GPU with \`make cpu\`."; \
	  exit 1; }
	@rm -f .venv/installed
	@$(MAKE) --no-print-directory .venv/installed MXNET=gpu
	@-$(BIN)/python -c 'import d2l_helpers as d2l; print("MXNet computes on", d2l.try_gpu())' 2>&1 | tail -n 1

cpu: ## set .venv up anew with MXNet's build for CPUs
	@rm -f .venv/installed
	@$(MAKE) --no-print-directory .venv/installed MXNET=cpu

test-gpu-install: .venv/installed ## `make gpu` in a copy, with a stand-in for the driver (2 GB, 15 minutes)
	$(BIN)/python -m pytest -v -rP tests/gpu_install/gpu_install.py

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
