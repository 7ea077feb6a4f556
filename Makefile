# The commands of the book. Everything is installed into .venv here; nothing else on the machine is changed,
# except that `make test` installs Chromium where it finds none and is allowed to.

PYTHON ?= python3
BROWSER ?= yes
PORT ?= 8866
VENV := .venv
BIN := $(VENV)/bin
LOG := $(VENV)/pip.log
# Two processes of one thread each; more only where there is memory for a model in each.
JOBS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal
.DEFAULT_GOAL := help
# Tools that look at the repository and are no part of the book.
ZIZMOR := 1.32.0
PIP_AUDIT := 2.10.1
# The exact versions of the book; empty takes the newest that the bounds allow: make test CONSTRAINTS=
CONSTRAINTS ?= constraints.txt
# yes: what is installed must have the digests of requirements/hashes.txt, all but PyTorch.
HASHES ?= no
ifeq ($(HASHES)$(CONSTRAINTS),yes)
$(error HASHES=yes is for the exact versions; leave out CONSTRAINTS=)
endif
.PHONY: book pdf instructors test test-fast lab app check bench gpu screens sweeps toyworld tables calibration requirements package next audit address links colab fuzz \
  clean distclean help

# Linux without an NVIDIA GPU: PyTorch's own index has a build without CUDA, gigabytes smaller. Where it does not answer,
# or with TORCH_INDEX= (empty), the usual index is used alone.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
define torch_index
$$([ -n "$(TORCH_INDEX)" ] && [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1 && \
  "$(PYTHON)" -c 'import urllib.request as u; u.urlopen("$(TORCH_INDEX)/torch/", timeout=5)' 2>/dev/null && \
  echo "--extra-index-url $(TORCH_INDEX)")
endef

pip = $(BIN)/python -m pip install -q --disable-pip-version-check --no-input --log $(LOG)

# $(call install,EXTRAS,STAMP): one line before, one line with the remedy if it fails, pip's words in a file.
define install
	@echo "Installing what is needed into $(VENV) (extras: $(1)); this takes minutes the first time."
	@{ $(if $(filter yes,$(HASHES)),$(pip) --no-deps --require-hashes -r requirements/hashes.txt &&) \
	  $(pip) $(if $(filter yes,$(HASHES)),--no-build-isolation) \
	  $(torch_index) $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e ".[$(1)]"; } >$(VENV)/pip.out 2>&1 || { \
	  if grep -qiE "NewConnectionError|name resolution|ConnectTimeout|ConnectionError|Connection (refused|reset|aborted)|ProxyError|Network is unreachable|getaddrinfo" $(VENV)/pip.out $(LOG); then \
	    echo "Installing failed: no network, or the package index cannot be reached. Connect, then repeat the same command (details: $(LOG))."; \
	  else \
	    echo "Installing failed: $$(grep -m1 '^ERROR' $(VENV)/pip.out || echo 'see the log'). Details: $(LOG); to start over: make distclean."; \
	  fi >&2; exit 1; }
	@touch $(2)
endef

help:
	@echo "make book    build the book            -> _build/html/index.html"
	@echo "make test    build it and run the tests (BROWSER=no leaves out those that need Chromium)"
	@echo "make test-fast  the tests that need neither the book nor a model, in two minutes: the ones to run while working"
	@echo "make pdf     the whole book as one PDF, an EPUB and a zip for reading offline -> _build/html/editions (needs Chromium)"
	@echo "make instructors  slides, summaries, answer keys and quiz banks for teachers -> _build/instructors (needs Chromium)"
	@echo "make lab     open the notebooks in JupyterLab"
	@echo "make app     serve the dashboard as a web app (PORT=8866)"
	@echo "make check   formatting, lint, types, who imports whom, and that notebooks are stored without outputs"
	@echo "make screens  keep the pages as they look now, for the tests to compare with (PAGES=\"03 intro\" keeps only those)"
	@echo "make bench   measure speed and memory"
	@echo "make gpu     measure what the heavy work costs on an NVIDIA GPU (under eight minutes; nothing is fetched)"
	@echo "make sweeps  do the long measurements inside the model that data/kept does not hold yet (half an hour or less)"
	@echo "make tables  renew what the package ships computed, where code or a table behind it has changed (minutes)"
	@echo "make calibration  diagnose simulated families whose truth is known and write how often the diagnosis is right (five minutes)"
	@echo "make toyworld  train the toy world of chapter 11 anew, look inside, and write its tables (an hour; goes on where it stopped)"
	@echo "make requirements  write environment.yml and requirements/ anew, after a change of pyproject.toml or constraints.txt"
	@echo "make package build the source package and the wheel, and check what an index would say -> dist/"
	@echo "make next    build the book with the newest Sphinx and theme and report what they say -> _build/reports/next.txt"
	@echo "make audit   look for unsafe workflows and for known weaknesses of the pinned versions"
	@echo "make links   ask every other host that the book links to whether the page is still there"
	@echo "make colab   run chapters 2 and 10 as Colab would, in an environment made like Colab's (downloads gigabytes)"
	@echo "make fuzz    give random files to the readers for two minutes"
	@echo "make address REPO=owner/name   say where the book's repository is, for its Colab and Binder links"
	@echo "make clean   remove what was built     (make distclean: also .venv)"
	@echo "Another Python: make book PYTHON=python3.12; only files whose digests are known: make book HASHES=yes"

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "No '$(PYTHON)' found. Install Python 3.11 or newer, or name yours: make book PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$("$(PYTHON)" -c 'import platform; print(platform.python_version())' 2>/dev/null). Name a newer one: make book PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	  echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu install it with: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.book: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,book$(comma)models,$@)

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,book$(comma)models$(comma)cluster$(comma)test,$@ $(VENV)/.book)

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,book$(comma)models$(comma)cluster$(comma)test$(comma)dev,$@ $(VENV)/.book $(VENV)/.test)

comma := ,

book: $(VENV)/.book
	@echo "Building the book; notebooks that have not changed come from the cache."
	@$(BIN)/python book/build.py

test: $(VENV)/.test
ifeq ($(BROWSER),no)
	@echo "Building the book, then testing the package, the data and the notebooks; browser tests are left out (BROWSER=no)."
	@$(BIN)/python book/build.py
	@$(PYTEST) -m "not browser"
else
	@echo "Building the book, then testing the package, the data, the notebooks and every page in a browser."
	@$(BIN)/python tests/browser/ensure_chromium.py
	@$(BIN)/python book/build.py
	@$(PYTEST)
endif

test-fast: $(VENV)/.test
	@$(PYTEST) -m "not browser and not book and not apps and not models and not slow"

pdf: $(VENV)/.test
	@$(BIN)/python tests/browser/ensure_chromium.py
	@$(BIN)/python book/build.py
	@echo "Printing the whole book, and packing it as an EPUB and a zip (a minute)."
	@$(BIN)/python book/printed

instructors: $(VENV)/.test
	@$(BIN)/python tests/browser/ensure_chromium.py
	@$(BIN)/python book/build.py
	@echo "Making slides, summaries, exercises, answer keys and quiz banks (a minute, and another where make pdf has not run)."
	@$(BIN)/python book/instructors

lab: $(VENV)/.book
	@echo "Opening the notebooks in JupyterLab; the address is printed below, Ctrl-C ends it."
	@$(BIN)/python -m jupyterlab notebooks

app: $(VENV)/.book
	@$(BIN)/python book/app --port $(PORT)

check: $(VENV)/.dev
	@echo "Checking format, lint, types and stored notebooks."
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/mypy --strict cape_utils
	@$(BIN)/lint-imports --no-cache >$(VENV)/imports.out || { cat $(VENV)/imports.out; exit 1; }
	@$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb
	@$(BIN)/python book/check_dashboard.py
	@echo "All checks passed."

screens: $(VENV)/.test
	@echo "Building the book and keeping every page as it looks now."
	@$(BIN)/python book/build.py
	@$(BIN)/python -m tests.browser.screens $(PAGES)

bench: $(VENV)/.test
	@echo "Measuring speed and memory; the numbers are this machine's."
	@$(BIN)/python -m benchmarks

gpu: $(VENV)/.test
	@echo "Measuring on the GPU; without one this stops and says so."
	@$(BIN)/python -m benchmarks.gpu

sweeps: $(VENV)/.book
	@echo "Measuring in the default model; what data/kept holds already is not done again."
	@$(BIN)/python book/sweeps.py

toyworld: $(VENV)/.book
	@echo "Training the toy world in two processes; what is trained already is not trained again."
	@OMP_NUM_THREADS=1 $(BIN)/python book/toyworld.py

tables: $(VENV)/.book
	@$(BIN)/python book/shipped.py
	@$(BIN)/python book/editions.py
	@$(BIN)/python book/dataset_card.py

calibration: $(VENV)/.book
	@echo "Diagnosing simulated families whose truth is known, and the open panel on half of its items."
	@OMP_NUM_THREADS=1 $(BIN)/python book/shipped.py diagnosis_calibration

fuzz: $(VENV)/.test
	@echo "Giving random files to the readers for two minutes."
	@OMP_NUM_THREADS=1 $(BIN)/python tests/hostile/fuzz.py

requirements: $(VENV)/.dev
	@$(BIN)/python book/environments.py

package: $(VENV)/.test
	@rm -rf dist
	@$(BIN)/python -m hatchling build
	@$(BIN)/python -m twine check --strict dist/*

next: $(VENV)/.book
	@$(BIN)/python book/build.py
	@echo "Building the book with the newest Sphinx and theme; nothing that this finds is an error."
	@$(BIN)/python book/next.py

# The tools are fetched for this alone, into uv's own cache.
audit: $(VENV)/.dev
	@echo "Looking for what is unsafe in the workflows, then for known weaknesses of the pinned versions."
	@$(BIN)/uv tool run zizmor==$(ZIZMOR) --offline --no-progress --min-severity medium .github
	@$(BIN)/uv tool run pip-audit==$(PIP_AUDIT) --disable-pip --require-hashes --progress-spinner off -r requirements/hashes.txt

address:
	@"$(PYTHON)" book/address.py set $(REPO)

links: $(VENV)/.book
	@echo "Asking the hosts that the book links to; those that refuse every robot are listed in _config.yml and left out."
	@$(BIN)/python book/links.py

colab: $(VENV)/.test
	@$(BIN)/python tests/colab/simulate.py --torch-index "$(TORCH_INDEX)"

clean:
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
	@echo "Removed _build and the caches; .venv stays (make distclean removes it too)."

distclean: clean
	@rm -rf $(VENV)
	@echo "Removed .venv."
