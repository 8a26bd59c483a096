PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: run test bench clean

run: .venv/.compiled
	$(BIN)/python -m streamlit run dashboard.py

test: .venv/.test .venv/.compiled
	$(BIN)/ruff check .
	$(BIN)/python -m pytest

# The real MNIST files are looked for in DIGITCORE_DATA; takes twenty minutes.
bench: .venv/.bench
	$(BIN)/python benchmarks/training.py

# A stamp file per requirements file: set-up runs again only when its file changed.
.venv/.run: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
	touch $@

# The compiled loops, kept beside their source: the first training need not wait ten seconds for them.
.venv/.compiled: .venv/.run $(wildcard digitcore/models/torch_backend/kernels/*.py)
	$(BIN)/python -c "from digitcore.runs.worker import warm_up; warm_up()"
	touch $@

.venv/.test: requirements-dev.txt .venv/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.venv/.bench: requirements-bench.txt .venv/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

clean:
	rm -rf .venv
