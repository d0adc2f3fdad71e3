# Two commands: `make demo` and `make test`. Both set up everything they need in .venv first.
PYTHON ?= python3.11
ASSAY_HOME ?= $(CURDIR)/.assay
# Plain Linux installs of torch bring CUDA packages. Name a CPU-only index to do without them, for example
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
export ASSAY_HOME
export DAGSTER_HOME := $(ASSAY_HOME)/dagster
export PYTHONWARNINGS ?= ignore::UserWarning,ignore::DeprecationWarning,ignore::FutureWarning

.PHONY: setup demo test soak dev bench lint dbt-manifest clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	touch $@

demo: setup
	$(BIN)/assay demo

test: setup
	$(BIN)/python -m pytest

soak: setup
	$(BIN)/python -m tests.soak

dev: setup
	mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/dg dev -w workspace.yaml --host 127.0.0.1

bench: setup
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

dbt-manifest: setup
	$(BIN)/dbt parse --project-dir dbt_project --profiles-dir dbt_project

clean:
	rm -rf $(ASSAY_HOME) $(VENV) dbt_project/target dbt_project/logs
