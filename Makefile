# All commands of the project. `make` alone lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# The build of MXNet in $(VENV), cpu or gpu; an environment that is set up again keeps it.
MXNET := $(or $(shell cat $(VENV)/installed 2>/dev/null),cpu)

# Environments with more packages. To use one elsewhere: `make lab VENV=.venv-frameworks`.
VENV_FRAMEWORKS := .venv-frameworks
VENV_CLASSROOM := .venv-classroom
VENV_WEBSITE := .venv-website

# `make run TEXT=my.txt` trains on that file.
NOTEBOOK ?= $(if $(TEXT),your-text,deep-rnn)
# The original notebook trains for 3,000 epochs; by default, `make run` trains for 500.
IS_DEFAULT_RUN := $(if $(PRETRAINED),,$(filter deep-rnn,$(NOTEBOOK)))
EPOCHS ?= $(if $(IS_DEFAULT_RUN),500)
PERIOD ?= $(if $(IS_DEFAULT_RUN),100)
FRAMEWORK_NOTEBOOKS := $(wildcard notebooks/other-frameworks.ipynb solutions/other-frameworks.ipynb)

.DEFAULT_GOAL := help
.PHONY: help run lab install install-gpu install-cpu wheels test test-full test-frameworks test-classroom test-browser \
  test-isa test-server test-install test-debian test-container test-gpu-install lint format assignment grade website \
  slides bench execute-notebooks number-sources readme-figure nbdiff lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 20

# Notebooks

# Ctrl-C also reaches make, which must not report an error then.
run: $(VENV)/installed ## execute a notebook and watch it: make run [NOTEBOOK=deep-rnn] [EPOCHS=500] [PERIOD=100] [PRETRAINED=1] [TEXT=my.txt]
	@mkdir -p build
	@trap : INT; $(BIN)/python -m tools.run_notebook notebooks/$(NOTEBOOK).ipynb build $(PRETRAINED:%=pretrained) \
	  $(if $(TEXT),"path=$(TEXT)") $(EPOCHS:%=num_epochs=%) $(PERIOD:%=pred_period=%) || [ $$? -eq 130 ]

lab: $(VENV)/installed ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks --LabApp.app_settings_dir=tools/install/lab

# Environments

install: $(VENV)/installed ## create the environment .venv; the other targets do this, too

install-gpu: ## create .venv with MXNet's CUDA build and CUDA: Linux, x86_64, an NVIDIA GPU with its driver
	@[ "$$(uname -sm)" = "Linux x86_64" ] || { \
	  echo "MXNet's CUDA build requires Linux on x86_64, and this is $$(uname -sm); use \`make install-cpu\`."; exit 1; }
	@rm -f $(VENV)/installed
	@$(MAKE) --no-print-directory $(VENV)/installed MXNET=gpu
	@-$(BIN)/python -c 'import d2l_helpers as d2l; print("MXNet computes on", d2l.try_gpu())' 2>&1 | tail -n 1

install-cpu: ## create .venv with MXNet's CPU build
	@rm -f $(VENV)/installed
	@$(MAKE) --no-print-directory $(VENV)/installed MXNET=cpu

wheels: ## download every file that the environments need, for use without a network: make wheels DIR=folder
	@[ -n "$(DIR)" ] || { echo "DIR is missing; for example, make wheels DIR=wheels."; exit 1; }
	@$(PYTHON) tools/install/check_platform.py
	@$(PYTHON) -m tools.install.set_up --download "$(DIR)" $(if $(ENVIRONMENTS),--environments $(ENVIRONMENTS))
	@if command -v npm > /dev/null; then npm ci --silent --prefix website --cache "$(abspath $(DIR))/npm"; else \
	  echo "npm is not installed, so the folder lacks the files for \`make slides\`."; fi

$(VENV)/installed: pyproject.toml tools/install/set_up.py $(wildcard requirements/*.lock)
	@[ -n "$(PYTHON)" ] || { echo "There is no python3: install Python 3.11 to 3.15."; exit 1; }
	@$(PYTHON) tools/install/check_platform.py
	@echo "Setting up $(VENV) with $$($(PYTHON) -V) (once) ..."
	@$(PYTHON) -m tools.install.set_up $(VENV) --mxnet $(MXNET) $(if $(WHEELS),--wheels "$(WHEELS)")

# `make PYTHON=python3.13 run` after a `make run` with another Python sets the environment up again.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) -V 2>&1),$(shell sed -n 's/^version = /Python /p' $(VENV)/pyvenv.cfg 2>&1))
$(VENV)/installed: FORCE
endif
endif

# Another environment than $(VENV) is set up by a make of its own.
$(patsubst %,%/installed,$(filter-out $(VENV),$(VENV_FRAMEWORKS) $(VENV_CLASSROOM) $(VENV_WEBSITE))): FORCE
	@$(MAKE) --no-print-directory $@ VENV=$(@D)
FORCE:

lock: $(VENV)/installed ## resolve the locks from pyproject.toml and requirements/*.in; UPGRADE=-U takes new versions
	$(BIN)/$(COMPILE) $(UPGRADE) requirements/build.in -o requirements/build.lock
	$(BIN)/$(COMPILE) $(UPGRADE) requirements/uv.in -o requirements/uv.lock
	$(BIN)/$(COMPILE) $(UPGRADE) --extra run --extra test --extra cluster --overrides requirements/overrides.in \
	  pyproject.toml requirements/base.in -o requirements/base.lock
	$(BIN)/$(COMPILE) $(UPGRADE) --extra classroom $(WITH_BASE) pyproject.toml -o requirements/classroom.lock
	$(BIN)/$(COMPILE) $(UPGRADE) --extra website $(WITH_BASE) pyproject.toml -o requirements/website.lock
	$(BIN)/$(COMPILE) $(UPGRADE) requirements/frameworks.in -o requirements/frameworks.lock
	$(BIN)/$(COMPILE) --no-deps tools/install/gpu/pyproject.toml -o requirements/gpu.lock

COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
WITH_BASE := -c requirements/base.lock --overrides requirements/overrides.in

# Tests

# Two files at a time on one thread each are faster than one file on two threads. A file stays in one process.
XDIST := -n 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/installed lint ## run the unit tests, and execute and compare all notebooks; TESTS selects some
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(XDIST) $(TESTS)

test-full: $(VENV)/installed ## execute and compare all notebooks and solutions with their full trainings (an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --full-training $(XDIST) notebooks $(wildcard solutions)

test-frameworks: ## execute and compare the notebooks that need PyTorch and JAX
	@$(MAKE) --no-print-directory test VENV=$(VENV_FRAMEWORKS) TESTS="$(FRAMEWORK_NOTEBOOKS)"

test-classroom: $(VENV_CLASSROOM)/installed ## test the exercises, their grading, and the sandbox
	OMP_NUM_THREADS=1 $(VENV_CLASSROOM)/bin/python -m pytest -rs $(XDIST) tests/classroom/*.py

test-browser: website slides ## test the website, the slides, and JupyterLab in Chromium
	OMP_NUM_THREADS=1 $(VENV_WEBSITE)/bin/python -m pytest -rs $(XDIST) tests/website/browser

# An instruction set that oneDNN may not exceed, and a number of threads.
ISA ?= SSE41-1 AVX-2 AVX2-1

test-isa: $(VENV)/installed ## execute all notebooks as on other processors (by hand; an hour)
	@for isa in $(ISA); do \
	  echo "Instruction set $${isa%-*}, threads: $${isa#*-}"; \
	  DNNL_MAX_CPU_ISA=$${isa%-*} OMP_NUM_THREADS=$${isa#*-} OMP_WAIT_POLICY=passive \
	    $(BIN)/python -m pytest $(XDIST) $(or $(TESTS),notebooks) || exit 1; \
	done

test-server: $(VENV_CLASSROOM)/installed ## test the class server with twenty students, as root (by hand; ten minutes)
	OMP_NUM_THREADS=1 $(VENV_CLASSROOM)/bin/python -m pytest -rs tests/classroom/hub

test-install: ## install the package into empty environments, with pip and without a network: make test-install [PYTHON=python3]
	@PYTHON="$(PYTHON)" tests/install/package/run.sh

test-debian: ## test on the Pythons of Debian testing, as root: make test-debian [SUITE=testing] [PYTHON=python3.15]
	@SUITE="$(SUITE)" PYTHON="$(if $(filter file,$(origin PYTHON)),,$(PYTHON))" tests/install/debian/run.sh

test-container: $(VENV)/installed ## run the container's steps in a bare Debian, as root: make test-container [ARCH=arm64]
	VENV=$(VENV) tests/install/container/run.sh

test-gpu-install: $(VENV)/installed ## test `make install-gpu` with a stub driver (2 GB, 15 minutes)
	$(BIN)/python -m pytest -v -rP tests/install/gpu/gpu_install.py

lint: $(VENV)/installed ## check the style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tools.repository_links --check
	$(BIN)/python -m tools.check_english

format: $(VENV)/installed ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Teaching

assignment: $(VENV_CLASSROOM)/installed ## write the students' version of the exercises, as a folder and as a zip file
	@$(VENV_CLASSROOM)/bin/python classroom/grade.py

grade: $(VENV_CLASSROOM)/installed ## grade a folder of notebooks, one per student: make grade SUBMISSIONS=folder
	@trap : INT; $(VENV_CLASSROOM)/bin/python classroom/grade.py "$(SUBMISSIONS)" || [ $$? -eq 130 ]

# All pages of the website have one folder as their source, so that the site has one folder, too. -W makes warnings errors.
website: $(VENV_WEBSITE)/installed ## build the website in build/website: make website [REPOSITORY=address of the repository]
	@rm -rf build/website build/website-source
	@mkdir -p build/website-source
	@cp -r website/*.md notebooks/*.ipynb docs CONTRIBUTING.md CHANGELOG.md build/website-source
	@REPOSITORY="$(REPOSITORY)" OMP_NUM_THREADS=1 $(VENV_WEBSITE)/bin/python -m sphinx -q -E -W --keep-going -c website \
	  -d build/website-doctrees build/website-source build/website
	@echo "Open build/website/index.html, or copy build/website to a static host."

slides: $(VENV)/installed website/node_modules ## build slides from the stored notebooks in build/slides; needs npm
	@$(BIN)/python -m website.slides build/slides

website/node_modules: website/package-lock.json
	@command -v npm > /dev/null || { echo "npm is not installed; install Node.js, which includes it."; exit 1; }
	@npm ci --silent --prefix website $(if $(WHEELS),--offline --cache "$(abspath $(WHEELS))/npm")
	@touch $@

# Maintenance

bench: $(VENV)/installed $(VENV_FRAMEWORKS)/installed ## compare the speed with d2lzh, PyTorch, and JAX in one run: make bench [AVX2=1]
	@mkdir -p build
	$(BIN)/python benchmarks/bench.py --peers $(VENV_FRAMEWORKS)/bin/python $(if $(AVX2),--avx2)

EXECUTE := jupyter nbconvert --log-level WARN --to notebook --execute --inplace \
  --ExecutePreprocessor.record_timing=False \
  --NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor

# deep-rnn comes first, because it stores the pretrained weights that the others load.
ALL_NOTEBOOKS := notebooks/deep-rnn.ipynb $(filter-out notebooks/deep-rnn.ipynb,$(wildcard notebooks/*.ipynb solutions/*.ipynb))

execute-notebooks: $(VENV)/installed $(VENV_FRAMEWORKS)/installed ## execute notebooks and store their outputs: NOTEBOOKS="notebooks/time-machine.ipynb", or all (an hour)
	@for notebook in $(or $(NOTEBOOKS),$(ALL_NOTEBOOKS)); do \
	  case "$$notebook" in */other-frameworks.ipynb) bin=$(VENV_FRAMEWORKS)/bin;; *) bin=$(BIN);; esac; \
	  echo "$$notebook"; $$bin/$(EXECUTE) "$$notebook" || exit 1; \
	  [ "$$notebook" != notebooks/deep-rnn.ipynb ] || mv notebooks/my-deep-rnn-3000.npz d2l_helpers/pretrained.npz; \
	done

number-sources: $(VENV)/installed ## record which cell prints each number in the prose, and list numbers that no cell prints
	@$(BIN)/python -m tools.number_sources notebooks/*.ipynb $(wildcard solutions/*.ipynb)

readme-figure: $(VENV)/installed ## draw the README's figure from the stored notebook
	$(BIN)/python -m tools.readme_figure

# git reads the driver's name from .gitattributes; the driver is set here, so that nobody has to change a configuration.
nbdiff: $(VENV)/installed ## show changes in the notebooks cell by cell: make nbdiff [SINCE=HEAD]
	git -c diff.jupyternotebook.command="$(abspath $(BIN))/git-nbdiffdriver diff" diff $(SINCE) -- notebooks solutions

clean: ## remove build/ and all environments
	rm -rf build .venv .venv-*
