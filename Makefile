# make help tells the targets. Everything is built in .venv and build.

PYTHON ?= python3
CC = gcc
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# What is compiled is compiled on all cores.
JOBS := -j$(shell nproc 2>/dev/null || echo 1)

CORE := $(sort $(filter-out csrc/python/%,$(wildcard csrc/*.c csrc/*/*.c)))
BINDING := $(wildcard csrc/*.[ch] csrc/*/*.[ch])
CTESTS := $(sort $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c tests/c/*/test_*.c)))

C_SOURCES = $(shell find csrc tests/c fuzz benchmarks -name "*.[ch]")

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Werror
PLAIN := -std=c11 -Icsrc -O2 -g $(WARNINGS)
SANITIZED := -std=c11 -Icsrc -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all $(WARNINGS)
# All by itself: ThreadSanitizer goes with none of the others.
THREADED := -std=c11 -Icsrc -O1 -g -fno-omit-frame-pointer -fsanitize=thread $(WARNINGS)
LIBRARIES := -lpcap -lz -lzstd -pthread

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test ctest ctest-sanitized ctest-threads replay fuzz seeds cov pytest differential test-asan mypy stubtest ruff spelling analyze lint bench docs format clean

help:
	@echo 'make demo             a summary of a bundled capture, and a report of another (sets everything up first)'
	@echo 'make test             everything: C unit tests, the same under ASan and UBSan, threads under TSan, a minute of fuzzing, pytest, mypy --strict, stubtest, ruff'
	@echo 'make ctest            C unit tests'
	@echo 'make ctest-sanitized  C unit tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make ctest-threads    the C unit test with threads under ThreadSanitizer'
	@echo 'make fuzz             fuzzes the four doors of the core, SECONDS=600 each (DOORS="levin epee" for some; needs clang)'
	@echo 'make replay           the fuzzers'"'"' seeds, and what once went wrong, under the sanitizers'
	@echo 'make cov              which lines of csrc the C tests and the seeds reach'
	@echo 'make pytest           Python tests (ARGS="-k name" for some)'
	@echo 'make differential     the core against the oracle and tshark on new random streams (EXAMPLES=20000 of each kind)'
	@echo 'make test-asan        Python tests with the extension under the sanitizers'
	@echo 'make lint             mypy --strict, stubtest, ruff, clang-format, codespell, the static analyzer of gcc'
	@echo 'make bench            speed and memory beside other tools'
	@echo 'make docs             writes docs/tables.md and docs/metrics.md'
	@echo 'make format           formats Python with ruff, and C with clang-format where installed'
	@echo 'make clean            removes everything that was built'
	@echo
	@echo 'Missing system packages are installed with apt-get, by sudo unless you are root. Python packages go to .venv.'

demo: $(VENV)/package $(VENV)/report
	@echo 'Who was there: the bundled capture of a monerod among its peers, in a lab network, decoded from the packets in tests/data/honest.'
	$(BIN)/python -m monerotraffic summary tests/data/honest
	@echo 'And what spies look like: a capture with emulated ones among the peers, tests/data/spies, as a report to open in a browser.'
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

# What is missing is found by trying, so that any Python, compiler and libraries will do, whoever installed them.
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

# pip installs what the named tables of pyproject.toml list.
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

# After the package, so that two pips never work in one .venv at once.
$(VENV)/extras: $(VENV)/base | $(VENV)/package
	$(call requirements,project["project"]["optional-dependencies"]["test"])
	@touch $@

# ---- C tests: the core compiled once per mode, every test program linked with all of it ----

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

# Every program runs, whatever the others did.
run_ctests = @failed=; for test in $(CTESTS); do $(1)/tests/$$test || failed="$$failed $$test"; done; \
	if [ -n "$$failed" ]; then echo "$(2): failed:$$failed"; exit 1; fi; \
	test -n "$(CTESTS)" || { echo "$(2): there are none" >&2; exit 1; }; \
	echo "$(2): $(words $(CTESTS)) programs passed"

ctest: $(CTESTS:%=build/ctest/tests/%)
	$(call run_ctests,build/ctest,C tests)

# The core asks for too much memory on purpose, and must get NULL as from any allocator.
ctest-sanitized: export ASAN_OPTIONS = allocator_may_return_null=1
ctest-sanitized: $(CTESTS:%=build/ctest-sanitized/tests/%)
	$(call run_ctests,build/ctest-sanitized,C tests under ASan and UBSan)

# The sanitizer tells of a race by the program's result.
ctest-threads: build/ctest-threads/tests/test_threads
	$<

# ---- fuzzing: four doors (SECURITY.md), each a program of fuzz/ ----

DOORS := capture frames levin epee
SECONDS := 600
FUZZ_PARTS := input invariants container
FUZZED := -std=c11 -Icsrc -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all $(WARNINGS)
FUZZ_LIMITS := -timeout=20 -rss_limit_mb=3000 -max_len=24000 -use_value_profile=1 -print_final_stats=1 -artifact_prefix=build/crashes/

.SECONDARY: $(FUZZ_PARTS:%=build/fuzz/%.o) $(CORE:csrc/%.c=build/fuzz/csrc/%.o)

# Any gcc can run inputs again; only clang has a fuzzer.
build/replay/%: fuzz/fuzz_%.c fuzz/replay.c $(FUZZ_PARTS:%=fuzz/%.c) $(CORE:csrc/%.c=build/ctest-sanitized/%.o)
	@mkdir -p $(@D)
	@echo '  CC  $@'
	@$(CC) $(SANITIZED) -Ifuzz $^ $(LIBRARIES) -o $@

replay: $(DOORS:%=build/replay/%)
	@for door in $(DOORS); do build/replay/$$door $$(ls -d fuzz/seeds/$$door fuzz/regressions/$$door 2>/dev/null) || exit 1; done

fuzzes = printf 'int LLVMFuzzerTestOneInput(const char *, long);\nint LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }\n' | clang -x c -fsanitize=fuzzer,address,undefined - -o build/can-fuzz 2>/dev/null

# The runtime of the sanitizers is a package named after clang's version.
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

# What it finds new is kept in build/corpus, what goes wrong in build/crashes.
fuzz: $(DOORS:%=build/fuzz/%)
	@mkdir -p build/crashes
	@for door in $(DOORS); do \
		echo "fuzzing $$door for $(SECONDS) s"; \
		mkdir -p build/corpus/$$door; \
		build/fuzz/$$door -max_total_time=$(SECONDS) $(FUZZ_LIMITS)$$door- build/corpus/$$door fuzz/seeds/$$door >build/corpus/$$door.log 2>&1 || { tail -60 build/corpus/$$door.log; exit 1; }; \
		grep -a 'stat::number_of_executed_units' build/corpus/$$door.log; \
	done

# The seeds anew: of the test cases and all that was found since, what reaches a place that the rest does not.
seeds: $(DOORS:%=build/fuzz/%) $(VENV)/extras
	rm -rf build/seeds fuzz/seeds
	$(BIN)/python fuzz/make_seeds.py build/seeds
	for door in $(DOORS); do mkdir -p build/corpus/$$door fuzz/seeds/$$door; build/fuzz/$$door -use_counters=0 -set_cover_merge=1 fuzz/seeds/$$door build/seeds/$$door build/corpus/$$door 2>&1 | tail -1; done

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

cov: $(CTESTS:%=build/cov/tests/%) $(DOORS:%=build/cov/replay_%) $(VENV)/extras
	@rm -f build/cov/*.gcda
	$(call run_ctests,build/cov,C tests for coverage)
	@for door in $(DOORS); do build/cov/replay_$$door $$(ls -d fuzz/seeds/$$door fuzz/regressions/$$door 2>/dev/null) || exit 1; done
	@$(BIN)/gcovr --root . --filter csrc/ --json-summary build/cov/summary.json --html-details build/cov/index.html build/cov
	@$(BIN)/python tools/coverage.py build/cov/summary.json

# ---- Python tests ----

pytest: $(VENV)/package $(VENV)/extras
	$(BIN)/python -m pytest $(ARGS)

# Other examples at every run; `make pytest` tries a few, always the same ones.
differential: EXAMPLES = 2000
differential: $(VENV)/package $(VENV)/extras
	MONEROTRAFFIC_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/differential/test_differential.py $(ARGS)

mypy: $(VENV)/package $(VENV)/extras
	$(BIN)/python -m mypy --strict

stubtest: $(VENV)/package $(VENV)/extras
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml monerotraffic._core

ruff: $(VENV)/extras
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)

spelling: $(VENV)/extras
	git ls-files | xargs $(BIN)/codespell

lint:
	$(MAKE) --no-print-directory mypy
	$(MAKE) --no-print-directory stubtest
	$(MAKE) --no-print-directory ruff
	$(MAKE) --no-print-directory spelling
	$(MAKE) --no-print-directory $(JOBS) analyze

# One object per source, so that only changed files are analysed again.
build/analyzed/%.o: csrc/%.c | build/system
	@mkdir -p $(@D)
	@echo '  ANALYZE  $<'
	@$(CC) -std=c11 -Icsrc -O1 -fanalyzer $(WARNINGS) -MMD -MP -c $< -o $@

analyze: $(CORE:csrc/%.c=build/analyzed/%.o)

# A second build of the package beside the first; PYTHONPATH puts it before the editable one. Leaks are not looked for: CPython keeps memory until its end.
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

docs: $(VENV)/package
	$(BIN)/python tools/tables_doc.py
	$(BIN)/python tools/metrics_doc.py

format: $(VENV)/extras
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(C_SOURCES)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis monerotraffic/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

-include $(shell find build -name "*.d" 2>/dev/null)
