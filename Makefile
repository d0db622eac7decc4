# SPDX-License-Identifier: Apache-2.0
#
# The front door: `make help` lists the targets. Each target installs what it needs (scripts/setup.sh) and builds only
# what changed.

PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SECONDS ?= 60
CC ?= cc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror
C99 := -std=c99 -D_POSIX_C_SOURCE=200809L $(WARNINGS)

version_of = $(shell sed -n 's/^\#define HR_VERSION_$(1) \([0-9]*\)$$/\1/p' include/hedgerouter.h)
MAJOR := $(call version_of,MAJOR)
VERSION := $(MAJOR).$(call version_of,MINOR).$(call version_of,PATCH)
SONAME := libhedgerouter.so.$(MAJOR)

BUILD := .build
DIST := $(BUILD)/dist
LIBRARY := $(DIST)/lib/libhedgerouter.so.$(VERSION)
HEADERS := $(DIST)/include/hedgerouter.h $(DIST)/include/hedgerouter_sim.h
PKGCONFIG := $(DIST)/lib/pkgconfig/hedgerouter.pc
LINK := -I$(DIST)/include -L$(DIST)/lib -Wl,-rpath,$(abspath $(DIST)/lib) -lhedgerouter
SOURCES := Package.swift $(shell find Sources include -type f)
SWIFT_BUILD := swift build -c release --product hedgerouter --jobs $(JOBS)
SUITE := python3 scripts/suite.py

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: all
all: $(LIBRARY) $(HEADERS) $(PKGCONFIG) ## Build the library, its headers and its pkg-config file into .build/dist

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# --- library ---------------------------------------------------------------------------------------------------------

# SwiftPM leaves the library alone when nothing it is made of changed, so a stamp says when it was last asked.
$(BUILD)/release.stamp: $(SOURCES)
	@scripts/setup.sh build
	$(SWIFT_BUILD)
	@touch $@

# Debug information goes, and the names inside the Swift runtime; those of our own functions stay, so that profilers and
# valgrind can show them.
$(LIBRARY): $(BUILD)/release.stamp
	@mkdir -p $(@D)
	strip --strip-unneeded --wildcard -K "hr_*" -K "*Hedge*F" -K "*Hedge*FT*" -o $@ $(BUILD)/release/libhedgerouter.so
	@ln -sf $(@F) $(@D)/$(SONAME)
	@ln -sf $(SONAME) $(@D)/libhedgerouter.so

$(DIST)/include/%.h: include/%.h
	@mkdir -p $(@D)
	@cp $< $@

$(PKGCONFIG): hedgerouter.pc.in include/hedgerouter.h
	@mkdir -p $(@D)
	@sed 's/@VERSION@/$(VERSION)/' $< > $@

# The pkg-config file finds its prefix from its own place, so an installed tree can be moved.
.PHONY: install
install: all ## Install below PREFIX (/usr/local); DESTDIR and LIBDIR are honoured
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	install -m 755 $(LIBRARY) $(DESTDIR)$(LIBDIR)/
	ln -sf libhedgerouter.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libhedgerouter.so
	install -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/
	sed -e 's|^prefix=.*|prefix=$(PREFIX)|' -e 's|^libdir=.*|libdir=$(LIBDIR)|' \
	    -e 's|^includedir=.*|includedir=$(INCLUDEDIR)|' -e 's/@VERSION@/$(VERSION)/' hedgerouter.pc.in \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/hedgerouter.pc
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi

.PHONY: uninstall
uninstall: ## Remove what install put there
	rm -f $(DESTDIR)$(LIBDIR)/libhedgerouter.so $(DESTDIR)$(LIBDIR)/$(SONAME) \
	      $(DESTDIR)$(LIBDIR)/libhedgerouter.so.$(VERSION) $(DESTDIR)$(LIBDIR)/pkgconfig/hedgerouter.pc \
	      $(DESTDIR)$(INCLUDEDIR)/hedgerouter.h $(DESTDIR)$(INCLUDEDIR)/hedgerouter_sim.h

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(BUILD)

# --- checks ----------------------------------------------------------------------------------------------------------

.PHONY: test
test: ## Run every suite; the last line is the total
	@scripts/setup.sh test
	@scripts/test.sh

.PHONY: lint
lint: ## Check formatting and the house rules
	@scripts/setup.sh lint
	@scripts/lint.sh

.PHONY: format
format: ## Format Swift, C and Go sources in place
	@scripts/setup.sh lint
	@scripts/lint.sh --fix

# --- programs --------------------------------------------------------------------------------------------------------

PROGRAMS := $(BUILD)/programs
jansson = $(shell pkg-config --cflags --libs jansson)
curl = $(shell pkg-config --cflags --libs libcurl)

$(PROGRAMS)/demo: examples/demo/demo.c $(HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(C99) $< -o $@ $(LINK) $(jansson)

$(PROGRAMS)/bench/upstream: Tests/bench/upstream.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARNINGS) $< -o $@

$(PROGRAMS)/bench/floor: Tests/bench/floor.c Tests/bench/bench.h | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARNINGS) -pthread $< -o $@ $(curl)

$(PROGRAMS)/bench/watched: Tests/bench/watched.c Tests/bench/bench.h $(HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARNINGS) $< -o $@ $(LINK)

$(PROGRAMS)/bench/codec: Tests/bench/codec.c $(HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARNINGS) $< -o $@ $(LINK)

$(PROGRAMS)/bench/routed: Tests/bench/routed.c Tests/bench/bench.h $(HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu99 $(WARNINGS) $< -o $@ $(LINK)

.PHONY: demo
demo: ## Race three misbehaving servers on this machine and show what hedging does; under 30 s after the build
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory all $(PROGRAMS)/demo
	@$(PROGRAMS)/demo examples/demo/upstream.py

BENCH_ARGUMENTS ?= --output $(BUILD)/bench.json

.PHONY: bench
bench: ## Compare the CPU cost of a request with bare libcurl's, and measure decisions, encoding and decoding
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory all $(addprefix $(PROGRAMS)/bench/,upstream floor routed codec)
	@$(SIMULATE)
	@python3 Tests/bench/run.py --programs $(PROGRAMS)/bench --core $(BUILD)/release/hedgesim $(BENCH_ARGUMENTS)

.PHONY: bench-watched
bench-watched: ## Measure what logs, attempt logs and reading metrics cost a router of fifty deployments
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory all $(addprefix $(PROGRAMS)/bench/,upstream watched)
	@python3 Tests/bench/watched.py --programs $(PROGRAMS)/bench $(WATCHED_ARGUMENTS)

WATCHED_ARGUMENTS ?= --output $(BUILD)/bench-watched.json

SIMULATE := swift build -c release --product hedgesim --jobs $(JOBS)

.PHONY: report
report: ## Simulate the decisions of the core and compare them with their targets
	@scripts/setup.sh build
	@$(SIMULATE)
	@$(BUILD)/release/hedgesim report $(REPORT_ARGUMENTS)

# --- model checker ---------------------------------------------------------------------------------------------------

MODEL_EVENTS ?= 6000000
# The same seeds each time, so that a run depends on the code alone; another number here looks elsewhere.
MODEL_SEED ?= 1763859000
MODEL_CORE := $(shell find Sources/HedgeCore -name '*.swift')
MODEL_CHECK := Tests/model-check/main.swift $(addprefix Tests/HedgeCoreTests/,RandomRun.swift ModelChecker.swift \
    ModelChecker+Queues.swift)

# The core and its checker with optimisation: some twenty times as many events a second as in the unit tests.
$(PROGRAMS)/model-check: $(MODEL_CORE) $(MODEL_CHECK)
	@mkdir -p $(BUILD)/model-check $(@D)
	swiftc -swift-version 6 -O -wmo -enable-testing -parse-as-library -module-name HedgeCore -c $(MODEL_CORE) \
	    -emit-module -emit-module-path $(BUILD)/model-check/HedgeCore.swiftmodule -o $(BUILD)/model-check/HedgeCore.o
	swiftc -swift-version 6 -O -wmo -I $(BUILD)/model-check $(MODEL_CHECK) $(BUILD)/model-check/HedgeCore.o -o $@

.PHONY: model-check
model-check: ## Tell the core MODEL_EVENTS random events and check every action against a model
	@scripts/setup.sh build
	@$(MAKE) --no-print-directory $(PROGRAMS)/model-check
	@$(PROGRAMS)/model-check $(MODEL_SEED) $(MODEL_EVENTS)

# --- fuzzing ---------------------------------------------------------------------------------------------------------

FUZZ_TARGETS := codec config core frames request
# Each decoder on its own; formats that share one count as one.
FUZZ_DECODERS := codec/openai codec/anthropic codec/gemini codec/bedrock frames codec/cohere codec/responses,messages \
    codec/embeddings
FUZZ_BUILD := $(BUILD)/fuzz
CLANG = $(shell dirname "$$(readlink -f "$$(command -v swift)")")/clang

$(PROGRAMS)/fuzz/%-replay: Tests/fuzz/%.c Tests/fuzz/replay.c Tests/fuzz/fuzz.h Tests/fuzz/decode.h $(HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(C99) $< Tests/fuzz/replay.c -o $@ $(LINK) $(jansson)

# The fuzzer sees into the library, which is built for it with coverage, address checks and overflow traps.
$(FUZZ_BUILD)/stamp: $(SOURCES)
	swift build --product hedgerouter --build-path $(FUZZ_BUILD) --jobs $(JOBS) -Xswiftc -sanitize=address,fuzzer \
	    -Xswiftc -O
	@touch $@

$(PROGRAMS)/fuzz/%-fuzz: Tests/fuzz/%.c Tests/fuzz/fuzz.h Tests/fuzz/decode.h $(HEADERS) $(FUZZ_BUILD)/stamp
	@mkdir -p $(@D)
	$(CLANG) -g -O1 -fuse-ld=lld -fsanitize=fuzzer,address $(C99) $< -o $@ -I$(DIST)/include \
	    -L$(FUZZ_BUILD)/debug -Wl,-rpath,$(abspath $(FUZZ_BUILD)/debug) -lhedgerouter $(jansson)

.PHONY: fuzz-replay
fuzz-replay: all $(FUZZ_TARGETS:%=$(PROGRAMS)/fuzz/%-replay)
	@python3 Tests/fuzz/replay.py --programs $(PROGRAMS)/fuzz

.PHONY: fuzz
fuzz: ## Fuzz each target for SECONDS (60); what it finds lands in .build/findings
	@scripts/setup.sh fuzz
	@$(MAKE) --no-print-directory $(HEADERS) $(FUZZ_TARGETS:%=$(PROGRAMS)/fuzz/%-fuzz)
	@scripts/fuzz.sh $(SECONDS) $(FUZZ_TARGETS)

.PHONY: fuzz-decoders
fuzz-decoders: ## Fuzz the decoder of each wire format for SECONDS
	@scripts/setup.sh fuzz
	@$(MAKE) --no-print-directory $(HEADERS) $(PROGRAMS)/fuzz/codec-fuzz $(PROGRAMS)/fuzz/frames-fuzz
	@scripts/fuzz.sh $(SECONDS) $(FUZZ_DECODERS)

# --- leaks -----------------------------------------------------------------------------------------------------------

$(PROGRAMS)/leak: Tests/leak/leak.c $(HEADERS) | $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 $(WARNINGS) -Wno-format-nonliteral $< -o $@ $(LINK)

.PHONY: leaks
leaks: all $(PROGRAMS)/leak $(PROGRAMS)/bench/upstream
	@python3 Tests/leak/run.py --programs $(PROGRAMS)

# With every name, by which the suppressions tell what valgrind does not understand; it cannot read Swift's DWARF.
$(BUILD)/valgrind/$(SONAME): $(LIBRARY)
	@mkdir -p $(@D)
	strip --strip-debug -o $@ $(BUILD)/release/libhedgerouter.so

.PHONY: valgrind
valgrind: all $(PROGRAMS)/leak $(PROGRAMS)/bench/upstream $(BUILD)/valgrind/$(SONAME)
	@LD_LIBRARY_PATH=$(BUILD)/valgrind python3 Tests/leak/run.py --programs $(PROGRAMS) --cycles 3 --valgrind
