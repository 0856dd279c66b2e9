# Everything happens in an environment of its own. PYTHON chooses the interpreter, VENV the place.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
COMPILED_FROM := $(shell find src \( -name '*.pyx' -o -name '*.pxd' \)) setup.py pyproject.toml
TSAN := build/tsan

# Numba, cffi and scikit-learn have no wheels for free-threaded 3.13, on which the tests that want them are skipped.
FOREIGN := $(if $(filter 1,$(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_config_var("Py_GIL_DISABLED"))')),,$(VENV)/.group-foreign)

.PHONY: demo test bench lint types tsan clean

demo: $(VENV)/.built
	$(BIN)/python -m lightwork demo

test: $(VENV)/.built $(VENV)/.group-test $(VENV)/.group-integrations $(VENV)/.group-types $(FOREIGN)
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

bench: $(VENV)/.built $(VENV)/.group-bench
	$(BIN)/python -m benchmarks.report

lint: $(VENV)/.group-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PATH=$(BIN):$$PATH cython-lint src tests benchmarks
	$(BIN)/codespell

types: $(VENV)/.group-test $(VENV)/.group-integrations $(VENV)/.group-types
	$(BIN)/python -m mypy
	$(BIN)/python -m pyright --pythonpath $(BIN)/python

# Built from the sdist into a folder of its own, so that the tree keeps its plain build. The report goes to files: pytest captures what is printed.
# A forked child is left out: ThreadSanitizer does not follow threads there.
THREADED := $(addprefix tests/tasks/test_,contract.py ending.py handle.py pool.py pool_threads.py random_runs.py stream.py submission.py waiting.py)

tsan: $(VENV)/.group-build $(VENV)/.group-test
	rm -rf $(TSAN)
	$(BIN)/python setup.py -q sdist -d $(TSAN)
	LIGHTWORK_SANITIZE=thread $(BIN)/python -m pip install -q --no-build-isolation --no-deps --target $(TSAN)/site $(TSAN)/*.tar.gz
	LIGHTWORK_SANITIZE=thread LIGHTWORK_TEST_SECONDS=$${LIGHTWORK_TEST_SECONDS:-2} PYTHONPATH=$(TSAN)/site \
	  TSAN_OPTIONS="suppressions=tests/tsan.supp log_path=$(TSAN)/report" LD_PRELOAD=$$(c++ -print-file-name=libtsan.so) \
	  $(BIN)/python -m pytest -p no:cacheprovider tests/_core $(THREADED) tests/test_cimport.py tests/test_races.py -k 'not fork' || failed=1; \
	  if cat $(TSAN)/report.* 2>/dev/null; then failed=1; fi; exit $${failed:-0}

clean:
	rm -rf build dist src/*.egg-info $(VENV)
	find src -name '*.so' -delete

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q 'pip>=25.1'
	@touch $@

$(VENV)/.group-%: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install -q --prefer-binary --group $*
	@touch $@

$(VENV)/.built: $(COMPILED_FROM) | $(VENV)/.group-build
	$(BIN)/python -m pip install -q --no-build-isolation --no-deps -e .
	@touch $@
