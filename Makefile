# visagraph: `make demo` makes heads from the bundled example, `make test` runs all tests.
# Both create .venv from requirements.lock first; nothing else has to be installed.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all

.PHONY: setup demo test test-fast lint format clean

setup: $(VENV)/ready resources/landmark_models/face_landmark.tflite

$(VENV)/ready: requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "visagraph needs Python 3.11 to 3.13, found " + sys.version.split()[0] + ". Set it: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# The only download of a run: detector and landmark networks, kept for ever in resources/.
resources/landmark_models/face_landmark.tflite: | $(VENV)/ready
	$(BIN)/snakemake --cores 1 --quiet all -- fetch_landmark_models

demo: setup
	$(BIN)/snakemake --cores 1 --quiet all -- copy_demo_photos draw_demo_capture
	$(BIN)/snakemake --cores $(CORES) --configfile examples/demo/config.yaml
	@echo "The report is at results/demo/report.html"

test: setup
	$(BIN)/python -m pytest

test-fast: setup
	$(BIN)/python -m pytest -m "not slow"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules workflow/Snakefile
	$(BIN)/snakemake --lint

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules workflow/Snakefile

clean:
	rm -rf results/* .snakemake
