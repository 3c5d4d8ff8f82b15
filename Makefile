# demo test lint bench docs sanitize clean. `make test PYTHON=python3.13` works in .venv-python3.13, beside .venv.
PYTHON ?= python3
VENV ?= $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
JOBS ?= 2
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Workers share the processors, so inside one of them BLAS keeps to a single thread.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MPLBACKEND=Agg $(BIN)/python -m pytest -n $(JOBS)
SOURCES := pyproject.toml CMakeLists.txt $(wildcard native/*/*)

.PHONY: demo test test-all test-313 test-lowest lint bench docs sanitize clean distclean FORCE

demo: $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.demo)
	MPLBACKEND=Agg $(BIN)/python docs/demo.py

test: $(VENV)/.dev
	$(PYTEST) -m "not slow" $(ARGS)

# Everything: the slow tests, too.
test-all: $(VENV)/.dev
	$(PYTEST) $(ARGS)

test-313:
	$(MAKE) test PYTHON=python3.13

# With the lowest declared versions, those of the build included, what touches other people's libraries: commands
# (typer, rich), figures (matplotlib), pictures (Pillow, tifffile), tables (pandas, pyarrow), cells (anndata, h5py),
# estimators (scikit-learn), programs (HiGHS, Clarabel, SCS), special functions (SciPy). The rest is NumPy and our own
# loops; JAX and PyTorch are left out: JAX 0.8 asks for NumPy 2. `make test` installs the newest versions of everything.
# Python is the lowest, too: 3.11, as later ones have no wheels of these.
LOWEST_TESTS := $(addprefix tests/fronts/test_,standard_output.py import.py cli_layout.py plot_cells.py alluvial.py \
  pictures.py picture_files.py frames_of_pictures.py color_profiles.py tables.py column_names.py cells_cli.py) \
  $(addprefix tests/robustness/test_,bad_commands.py h5ad_files.py) \
  $(addprefix tests/peers/test_,sdp_peers.py relaxations_clarabel.py) \
  tests/laws/test_multimarginal.py tests/values/test_line_families.py tests/fronts/estimators
# Typer before 0.26 asks click for names that go away: nobody is shown this, and only an import says it. What
# scikit-learn 1.6 hands to pytest as a generator goes away, too.
test-lowest: .venv-lowest/.installed
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MPLBACKEND=Agg .venv-lowest/bin/python -m pytest -n $(JOBS) \
	  -W "ignore:'click.utils:DeprecationWarning" -W "ignore:Passing a non-Collection:pytest.PytestRemovedIn10Warning" \
	  $(LOWEST_TESTS) $(ARGS)

.venv-lowest/.installed: constraints-lowest.txt build/files $(SOURCES)
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-lowest.txt \
	  $$(sed -n 's/==.*//p' constraints-lowest.txt) pytest pytest-xdist hypothesis beartype jaxtyping mpmath "polars<1.10"
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
	  --config-settings=build-dir=build/lowest .
	@touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/python docs/snippets.py build/snippets
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.dev
	@for script in $(wildcard benchmarks/[a-z]*.py); do $(BIN)/python $$script || exit 1; done

docs: $(VENV)/.dev
	$(BIN)/python docs/build.py

# The native tests under AddressSanitizer and UndefinedBehaviorSanitizer; needs cmake.
sanitize:
	cmake -S . -B build/sanitize -DMIXOT_SANITIZE=ON
	cmake --build build/sanitize --parallel $(JOBS)
	build/sanitize/sanitized

clean:
	rm -rf build dist docs/_build mixot-demo .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests docs benchmarks -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-*

# Installed in place: edits of Python files count at once; edits of the kernels and new files install again.
$(VENV)/.dev $(VENV)/.demo: $(VENV)/%: $(VENV)/.python build/files $(SOURCES)
	@echo "Installing mixot and what it needs for this into $(VENV); the first time takes a few minutes."
	$(PIP) --editable ".[$(patsubst .%,%,$(notdir $@))]"
	@touch $@

$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The list of Python files: touched only when it changes.
build/files: FORCE
	@mkdir -p build
	@find src -name '*.py*' -not -name '*.pyc' | sort > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
