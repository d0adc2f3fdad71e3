# Two commands: `make demo` and `make test`. Both set up everything they need in .venv first.
PYTHON ?= python3.11
# Plain Linux installs of torch bring CUDA packages. Name a CPU-only index to do without them, for example
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

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
	$(BIN)/python tests/faults/soak_kills.py --report docs/soak.md

dev: setup
	home=$$($(BIN)/python -c 'from assay.settings import load_settings as s; print(s().dagster_home)') && \
		mkdir -p "$$home" && cp dagster.yaml "$$home/" && \
		DAGSTER_HOME="$$home" $(BIN)/dg dev -w workspace.yaml --host 127.0.0.1

bench: setup
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

dbt-manifest: setup
	ASSAY_HOME=$${ASSAY_HOME:-.assay} $(BIN)/dbt parse --project-dir dbt_project --profiles-dir dbt_project

clean:
	rm -rf .assay $(VENV) dbt_project/target dbt_project/logs
