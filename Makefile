# Two commands matter: `make report` and `make test`. Both set up .venv when it is needed and are quick the second time.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
SAMPLE := data/sample/truth.json

.PHONY: report test lint notebooks bench study clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

$(SAMPLE): $(STAMP) $(wildcard g3lib/tables/sample/*.py)
	$(BIN)/g3 sample
	touch $@

report: $(STAMP) $(SAMPLE)
	$(BIN)/g3 load data/sources data/sample
	$(BIN)/g3 run

# In `make study` alone: the coverage of the response (some twenty minutes), of the tests of causes and of the split share (five
# minutes together), and every report beside stock papermill (ten). The longest files come first (tests/study) and stay there:
# reordered by how many tests they hold they would come last, and one worker would wait minutes for the other
test: $(STAMP) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env --doctest-modules --ignore=tests/study/test_response_coverage.py --ignore=tests/study/test_causes_coverage.py --ignore=tests/study/test_split_coverage.py --ignore=tests/study/test_every_report.py tests notebooks g3lib

lint: $(STAMP)
	$(BIN)/ruff check g3lib tests
	$(BIN)/mypy

# the committed outputs: what a reader sees first, and what nbval compares with
notebooks: $(STAMP) $(SAMPLE)
	$(BIN)/g3 load data/sources data/sample
	G3_SCENARIOS=$$(mktemp -d) $(BIN)/python -m jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False --ExecutePreprocessor.store_widget_state=False notebooks/0*.ipynb notebooks/explore/*.ipynb

bench: $(STAMP)
	$(BIN)/python tests/bench/gate_memory.py
	$(BIN)/python tests/bench/policy.py
	$(BIN)/python tests/bench/channels.py
	$(BIN)/python tests/bench/allocation.py
	$(BIN)/python tests/bench/control.py
	$(BIN)/python tests/bench/causes.py
	$(BIN)/python tests/bench/deck.py
	$(BIN)/python tests/bench/run_all.py
	$(BIN)/python tests/bench/batch.py
	$(BIN)/python tests/bench/explore.py

study: $(STAMP)
	$(BIN)/python -m pytest tests/study -p no:cacheprovider

# what can be made again; the store holds your own loads and stays
clean:
	rm -rf .venv data/sample build reports/2* reports/en reports/cases reports/index.html reports/ledger.sqlite* reports/.asked.json
