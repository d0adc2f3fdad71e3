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

# Three processes for two cores: some tests wait for daemons and for each other.
test: setup
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

soak: setup
	ASSAY_TEST_SCALE=soak $(BIN)/python -m pytest tests/integration/test_backfills.py tests/cli/test_documents_command.py tests/integration/test_fork.py
	PYTHONPATH=tests $(BIN)/python tests/faults/soak_mutations.py --report docs/soak.md
	PYTHONPATH=tests $(BIN)/python tests/faults/soak_kills.py --report docs/soak.md
	PYTHONPATH=tests $(BIN)/python tests/integration/soak_backfills.py --report docs/soak.md
	PYTHONPATH=tests $(BIN)/python tests/integration/soak_snapshots.py --report docs/soak.md
	PYTHONPATH=tests $(BIN)/python tests/evaluation/soak_reruns.py --report docs/soak.md

# The Dagster UI on 127.0.0.1:3000; the Data Docs that its assets link to on 127.0.0.1:3001.
dev: setup
	home=$$($(BIN)/python -c 'from assay.settings import load_settings as s; print(s().home)') && \
		mkdir -p "$$home/dagster" "$$home/data_docs" && cp dagster.yaml "$$home/dagster/" && \
		{ $(BIN)/python -m http.server 3001 --bind 127.0.0.1 --directory "$$home/data_docs" >/dev/null 2>&1 & docs=$$!; \
		trap "kill $$docs" EXIT INT TERM; \
		DAGSTER_HOME="$$home/dagster" $(BIN)/dg dev -w workspace.yaml --host 127.0.0.1; }

bench: setup
	for script in benchmarks/*.py; do $(BIN)/python $$script || [ $$? -eq 2 ] || exit 1; done  # 2: its data or peers are missing

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

dbt-manifest: setup
	$(BIN)/python -c 'from pathlib import Path; from assay.dbt import manifest_of; from assay.settings import load_settings; \
		manifest_of(Path("dbt_project").resolve(), load_settings().home)'

clean:
	rm -rf .assay $(VENV) dbt_project/target dbt_project/logs
