# The first of these that is Python 3.11 to 3.14, for which the pinned packages are built, and can make environments.
SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	if $$python -c "$(SUITABLE)" 2>/dev/null; then echo $$python; break; fi; done)
# `cpu` takes torch from PyTorch's index of builds without CUDA, a tenth of the size; the rest comes from the usual index.
TORCH ?=
CPU_INDEX := https://download.pytorch.org/whl/cpu
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check

# Runs a command ($2), saying what it does ($1) and, afterwards, how long it took.
timed = @echo "$1"; start=$$(date +%s); $2 && echo "Done in $$(($$(date +%s) - start)) seconds."

.PHONY: run test test-slow bench screenshots clean

run: .venv/.compiled
	$(BIN)/python -m streamlit run dashboard.py

# Most tests wait for processes, so three files run at a time; the browsers' tests begin, one after the other. Bytecode is
# kept, whatever the environment says: the tests start hundreds of processes, and each would compile the package anew.
test test-slow: export PYTHONDONTWRITEBYTECODE =
test: .venv/.test .venv/.compiled
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 3 --no-loadscope-reorder -m "not slow"

# What takes long and is much like a quicker test: before a release, and when what it is about is changed.
test-slow: .venv/.test .venv/.compiled
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder -m slow

# The real MNIST files are looked for in DIGITCORE_DATA; takes twenty minutes.
bench: .venv/.bench
	$(BIN)/python benchmarks/training.py

# The pictures of README: takes a few minutes and needs Chromium.
screenshots: .venv/.test .venv/.compiled
	$(BIN)/python docs/reading_pictures.py
	$(BIN)/python docs/screenshots.py

# A stamp file per requirements file: set-up runs again only when its file changed.
.venv/.run: requirements.txt pyproject.toml
	@test "$(origin PYTHON)" = file || command -v "$(firstword $(PYTHON))" >/dev/null || { echo "make PYTHON=$(PYTHON) names a program \
	that is not there, or cannot be run: name a Python 3.11 to 3.14, or leave PYTHON out." >&2; exit 1; }
	@$(or $(PYTHON),false) -c "$(SUITABLE)" 2>/dev/null || { echo "The dashboard needs Python 3.11 to 3.14 with its \
	venv module, which is not on this machine's PATH: install it (on Debian and Ubuntu: apt install python3-venv), or name \
	one with make PYTHON=/path/to/python." >&2; exit 1; }
	@echo "Setting up with $$($(PYTHON) --version): once, a few minutes, most of them for the download of torch."
	@$(PYTHON) -m venv .venv
ifeq ($(TORCH),cpu)
	$(call timed,Installing torch without CUDA (0.2 GB) from $(CPU_INDEX) ...,\
		$(PIP) --no-deps --index-url $(CPU_INDEX) "$$(grep '^torch' requirements.txt)")
endif
	$(call timed,Installing the packages into .venv: with a fast network and TORCH=cpu one to two minutes ...,\
		$(PIP) -r requirements.txt -e .)
	@touch $@

# The compiled loops, kept beside their source: the first training need not wait for them.
.venv/.compiled: .venv/.run $(wildcard digitcore/models/torch_backend/kernels/*.py) digitcore/images/resampling.py
	$(call timed,Compiling the loops of the training: about half a minute ...,\
		$(BIN)/python -c "from digitcore.runs.worker import warm_up; warm_up()")
	@touch $@

.venv/.test: requirements-dev.txt .venv/.run
	$(call timed,Installing what the tests need: about a minute ...,$(PIP) -r requirements-dev.txt)
	@touch $@

.venv/.bench: requirements-bench.txt .venv/.run
	$(call timed,Installing the peers of the benchmarks: about a minute ...,$(PIP) -r requirements-bench.txt)
	@touch $@

clean:
	rm -rf .venv
