# The whole tooling. `make` alone lists what there is.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
NOTEBOOK ?= deep-rnn
FIRST_LOOK := $(if $(TRAINED),,$(filter deep-rnn,$(NOTEBOOK)))
EPOCHS ?= $(if $(FIRST_LOOK),500)
PERIOD ?= $(if $(FIRST_LOOK),100)
BIN := $(VENV)/bin
# The build of MXNet in $(VENV), cpu or gpu: the one asked for last, also when a lock has changed and it is set up anew.
MXNET := $(or $(shell cat $(VENV)/installed 2>/dev/null),cpu)
# An environment of this name holds PyTorch and JAX as well, and these notebooks need it: `make lab VENV=.venv-frameworks`.
FRAMEWORKS := .venv-frameworks
WITH_FRAMEWORKS := $(wildcard notebooks/other-frameworks.ipynb solutions/other-frameworks.ipynb)
# This one has nbgrader and JupyterHub as well.
CLASSROOM := .venv-classroom
# And this one has Sphinx and what drives a browser.
BOOK := .venv-website
.DEFAULT_GOAL := help
.PHONY: help run test test-full notebook-other-frameworks test-processors test-classroom test-server test-browser \
  test-container test-debian test-install test-gpu-install gpu cpu wheels assignment grade book bench lab notebooks slides ties diff picture lint lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 28

# Ctrl-C reaches make as well, which then ends by itself.
run: $(VENV)/installed ## train the document's network: make run [EPOCHS=500] [PERIOD=100] [TRAINED=1]
	@mkdir -p build
	@trap : INT; $(BIN)/python docs/run.py notebooks/$(NOTEBOOK).ipynb build $(TRAINED:%=trained) \
	  $(EPOCHS:%=num_epochs=%) $(PERIOD:%=pred_period=%) || [ $$? -eq 130 ]

# Two files at a time, each on one thread, get more done than one file on two; a notebook stays in one of the two.
TWO_AT_A_TIME := -n 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/installed lint ## all tests: the unit tests, and every notebook executed and compared
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO_AT_A_TIME) $(TESTS)

test-full: $(VENV)/installed ## every notebook and every solution whole, what `make test` shortens or leaves out, too (an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --full-training $(TWO_AT_A_TIME) notebooks $(wildcard solutions)

notebook-other-frameworks: ## set PyTorch and JAX up beside MXNet; execute and compare the notebooks that need them
	@$(MAKE) --no-print-directory test VENV=$(FRAMEWORKS) TESTS="$(WITH_FRAMEWORKS)"

test-classroom: $(CLASSROOM)/installed ## set nbgrader and JupyterHub up; the exercises, their marks, and attacks on both
	OMP_NUM_THREADS=1 $(CLASSROOM)/bin/python -m pytest -rs $(TWO_AT_A_TIME) tests/classroom/*.py

test-server: $(CLASSROOM)/installed ## the server of a class with twenty students, as root (by hand; ten minutes)
	OMP_NUM_THREADS=1 $(CLASSROOM)/bin/python -m pytest -rs tests/classroom/hub

test-browser: book slides ## look at all of it in Chromium; in JupyterLab, watch a training and stop it
	OMP_NUM_THREADS=1 $(BOOK)/bin/python -m pytest -rs $(TWO_AT_A_TIME) tests/browser

# What stands in for another processor: the newest instructions that oneDNN may use, and the number of threads.
PROCESSORS ?= SSE41-1 AVX-2 AVX2-1

test-processors: $(VENV)/installed ## every notebook as on three other processors (by hand; an hour)
	@for p in $(PROCESSORS); do \
	  echo "As on a processor with $${p%-*} and nothing newer, threads: $${p#*-}"; \
	  DNNL_MAX_CPU_ISA=$${p%-*} OMP_NUM_THREADS=$${p#*-} OMP_WAIT_POLICY=passive \
	    $(BIN)/python -m pytest $(TWO_AT_A_TIME) $(or $(TESTS),notebooks) || exit 1; \
	done

lab: $(VENV)/installed ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks --LabApp.app_settings_dir=install/lab

assignment: $(CLASSROOM)/installed ## write the exercises for students, as a folder and as a zip
	@$(CLASSROOM)/bin/python classroom/grade.py

grade: $(CLASSROOM)/installed ## mark a folder of notebooks, one for each student: make grade SUBMISSIONS=folder
	@trap : INT; $(CLASSROOM)/bin/python classroom/grade.py "$(SUBMISSIONS)" || [ $$? -eq 130 ]

STORE := jupyter nbconvert --log-level WARN --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \
  --NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor

notebooks: $(VENV)/installed $(FRAMEWORKS)/installed ## execute every notebook in full, and store its outputs and the network that it trains
	$(BIN)/$(STORE) $(filter-out $(WITH_FRAMEWORKS),$(wildcard notebooks/*.ipynb solutions/*.ipynb))
	$(FRAMEWORKS)/bin/$(STORE) $(WITH_FRAMEWORKS)
	mv notebooks/my-deep-rnn-3000.npz d2l_helpers/trained.npz

ties: $(VENV)/installed ## tie every number in the notebooks' sentences to the cell that prints it; names those that none does
	@$(BIN)/python docs/prose.py notebooks/*.ipynb $(wildcard solutions/*.ipynb)

# Chapters and pages of the book's own lie in one folder there, so the site is one folder, too. -W: a warning is an error.
book: $(BOOK)/installed ## the notebooks as a web site in build/book: make book [REPOSITORY=address of this repository]
	@rm -rf build/book build/book-source
	@mkdir -p build/book-source
	@cp book/*.md notebooks/*.ipynb build/book-source
	@REPOSITORY="$(REPOSITORY)" OMP_NUM_THREADS=1 $(BOOK)/bin/python -m sphinx -q -E -W --keep-going -c book \
	  -d build/book-doctrees build/book-source build/book
	@echo "The book is in build/book: open build/book/index.html, or put the folder on a static host."

# git takes the driver from .gitattributes; given here, nobody's configuration has to be changed.
diff: $(VENV)/installed ## what changed in the notebooks, cell by cell: make diff [SINCE=HEAD]
	git -c diff.jupyternotebook.command="$(abspath $(BIN))/git-nbdiffdriver diff" diff $(SINCE) -- notebooks solutions

slides: $(VENV)/installed book/node_modules ## decks of slides from the stored notebooks, in build/slides: needs npm, once
	@PYTHONPATH=docs $(BIN)/python book/slides.py build/slides

book/node_modules: book/package-lock.json
	@command -v npm > /dev/null || { echo "There is no npm, which fetches reveal.js: install Node.js."; exit 1; }
	@npm ci --silent --prefix book $(if $(WHEELS),--offline --cache "$(abspath $(WHEELS))/npm")
	@touch $@

bench: $(VENV)/installed $(FRAMEWORKS)/installed ## measure against its peers: one table, and build/benchmark.png: make bench [QUICK=1]
	@mkdir -p build
	$(BIN)/python benchmarks/compare.py --peers $(FRAMEWORKS)/bin/python $(if $(QUICK),--quick)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python docs/repository_links.py --check

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
PINNED := -c requirements/base.lock --overrides requirements/overrides.in

lock: $(VENV)/installed ## resolve the locks again from pyproject.toml and requirements/*.in; UPGRADE=-U takes new versions
	$(BIN)/$(COMPILE) $(UPGRADE) requirements/bootstrap.in -o requirements/bootstrap.lock
	$(BIN)/$(COMPILE) $(UPGRADE) --extra run --extra test --extra cluster --overrides requirements/overrides.in pyproject.toml \
	  requirements/base.in -o requirements/base.lock
	$(BIN)/$(COMPILE) $(UPGRADE) --extra classroom $(PINNED) pyproject.toml -o requirements/classroom.lock
	$(BIN)/$(COMPILE) $(UPGRADE) --extra website $(PINNED) pyproject.toml -o requirements/website.lock
	$(BIN)/$(COMPILE) $(UPGRADE) requirements/frameworks.in -o requirements/frameworks.lock
	$(BIN)/$(COMPILE) --no-deps install/gpu/pyproject.toml -o requirements/gpu.lock

wheels: ## collect every file that the environments need, for a class without a network: make wheels DIR=folder
	@[ -n "$(DIR)" ] || { echo "DIR is missing; for example, make wheels DIR=wheels."; exit 1; }
	@$(PYTHON) install/check_platform.py
	@$(PYTHON) -m install.set_up --download "$(DIR)" $(if $(ENVIRONMENTS),--environments $(ENVIRONMENTS))
	@if command -v npm > /dev/null; then npm ci --silent --prefix book --cache "$(abspath $(DIR))/npm"; else \
	  echo "npm is not installed, so the folder lacks the files for \`make slides\`."; fi

# `make PYTHON=python3.13 run` after a `make run` with another Python: the environment is set up anew.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) -V 2>&1),$(shell sed -n 's/^version = /Python /p' $(VENV)/pyvenv.cfg 2>&1))
$(VENV)/installed: FORCE
endif
endif

# An environment other than the one asked for is set up by a make that is asked for it.
$(patsubst %,%/installed,$(filter-out $(VENV),$(FRAMEWORKS) $(CLASSROOM) $(BOOK))): FORCE
	@$(MAKE) --no-print-directory $@ VENV=$(@D)
FORCE:

$(VENV)/installed: pyproject.toml install/set_up.py $(wildcard requirements/*.lock)
	@[ -n "$(PYTHON)" ] || { echo "There is no python3: install Python 3.11 to 3.15."; exit 1; }
	@$(PYTHON) install/check_platform.py
	@echo "Setting up $(VENV) with $$($(PYTHON) -V) (once) ..."
	@$(PYTHON) -m install.set_up $(VENV) --mxnet $(MXNET) $(if $(WHEELS),--wheels "$(WHEELS)")

gpu: ## set .venv up with MXNet's CUDA build and CUDA itself: Linux, x86_64, an NVIDIA card with its driver
	@[ "$$(uname -sm)" = "Linux x86_64" ] || { \
	  echo "MXNet's CUDA build exists for Linux on x86_64 and this is $$(uname -sm): go without a GPU with \`make cpu\`."; \
	  exit 1; }
	@rm -f $(VENV)/installed
	@$(MAKE) --no-print-directory $(VENV)/installed MXNET=gpu
	@-$(BIN)/python -c 'import d2l_helpers as d2l; print("MXNet computes on", d2l.try_gpu())' 2>&1 | tail -n 1

cpu: ## set .venv up anew with MXNet's build for CPUs
	@rm -f $(VENV)/installed
	@$(MAKE) --no-print-directory $(VENV)/installed MXNET=cpu

test-gpu-install: $(VENV)/installed ## `make gpu` in a copy, with a stand-in for the driver (2 GB, 15 minutes)
	$(BIN)/python -m pytest -v -rP tests/gpu_install/gpu_install.py

test-container: $(VENV)/installed ## the container's steps in a bare Debian, as root: make test-container [ARCH=arm64]
	VENV=$(VENV) tests/container/run.sh

test-install: ## install the package into empty environments, with pip and without a network: make test-install [PYTHON=python3]
	@PYTHON="$(PYTHON)" tests/install_checks/run.sh

test-debian: ## the unit tests and three notebooks on Debian's Pythons, as root: make test-debian [SUITE=testing] [PYTHON=python3.15]
	@SUITE="$(SUITE)" PYTHON="$(if $(filter file,$(origin PYTHON)),,$(PYTHON))" tests/debian/run.sh

picture: $(VENV)/installed ## draw the picture of the README from the stored notebook
	$(BIN)/python docs/picture.py

clean: ## remove what was built and the environment
	rm -rf build .venv .venv-*
