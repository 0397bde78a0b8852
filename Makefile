# What a person types. Everything is built by CMake; this file installs what is missing and names the usual steps.
BUILD ?= build
JOBS ?= $(shell nproc)
PYTHON ?= python3
CMAKE_FLAGS ?=

.PHONY: quant-bench large all setup litert build test demo bench lint format asan fuzz clean results zoo opdb \
  aarch64 test-aarch64 manual deb bundle-aarch64 test-packages

all: build

# Debian packages and the LiteRT library; each step is skipped when it is done already.
setup:
	@scripts/install_packages.sh

litert: setup
	@scripts/fetch_litert.sh $(abspath $(BUILD))/.litert

$(BUILD)/build.ninja: CMakeLists.txt
	cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS)

build: setup
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS)

# TESTS names folders of tests/, for test and asan; without it all are run.
TESTS ?=
empty :=
TEST_NAMES = ^($(subst $(empty) ,|,$(or $(strip $(TESTS)),.*)))$$
test: litert
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target $(if $(TESTS),atoll libatoll atoll_bench $(TESTS:%=test_%),all)
	ATOLL_LITERT=$(abspath $(BUILD))/.litert ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure -R '$(TEST_NAMES)'

demo: litert
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target atoll
	@ATOLL_LITERT=$(abspath $(BUILD))/.litert $(BUILD)/atoll --version
	@ATOLL_LITERT=$(abspath $(BUILD))/.litert scripts/demo.sh $(BUILD)/atoll

# Files for boards: the tool for aarch64, Debian packages, and a bundle for systems with an older C library (docs/board.md).
# Foreign libraries come from Debian's arm64 packages, unpacked in $(ARM)/root.
ARM = $(BUILD)-aarch64
PACKAGES = $(BUILD)/packages
ARM_LITERT = $(abspath $(ARM))/litert

$(ARM)/build.ninja: CMakeLists.txt scripts/aarch64/toolchain.cmake scripts/aarch64/root.sh
	@scripts/install_packages.sh board
	@scripts/aarch64/root.sh $(ARM)/root
	cmake -S . -B $(ARM) -G Ninja -DCMAKE_TOOLCHAIN_FILE=scripts/aarch64/toolchain.cmake -DATOLL_AARCH64_ROOT=$(abspath $(ARM))/root -DATOLL_BENCH=OFF

aarch64: setup
	@$(MAKE) --no-print-directory $(ARM)/build.ninja
	@scripts/fetch_litert.sh $(ARM_LITERT) aarch64
	cmake --build $(ARM) -j $(JOBS) --target atoll atoll_launcher

# The programs of the device half, and the command line's tests on the tool, all under QEMU as a Cortex-A53.
test-aarch64: aarch64 litert
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(ARM) -j $(JOBS) --target test_run test_device test_task edgetpu_stand_in edgetpu_stand_in_old
	cmake --build $(BUILD) -j $(JOBS) --target test_cli
	scripts/aarch64/test.sh $(ARM) $(BUILD)

manual: setup
	@scripts/install_packages.sh board
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target atoll
	rm -rf $(BUILD)/manual
	scripts/debian/man_pages.sh $(BUILD)/atoll $(BUILD)/manual

deb: aarch64 litert manual
	@scripts/debian/deb.sh amd64 $(BUILD) $(BUILD)/.litert $(BUILD)/manual $(PACKAGES)
	@scripts/debian/deb.sh arm64 $(ARM) $(ARM_LITERT) $(BUILD)/manual $(PACKAGES) $(ARM)/root

bundle-aarch64: aarch64 manual
	@scripts/aarch64/bundle.sh $(ARM) $(ARM_LITERT) $(BUILD)/manual $(PACKAGES)

test-packages: deb bundle-aarch64
	cmake --build $(ARM) -j $(JOBS) --target edgetpu_stand_in
	cmake --build $(BUILD) -j $(JOBS) --target test_board
	ATOLL_BOARD_PACKAGES=$(PACKAGES) ATOLL_BOARD_ROOT=$(ARM)/root ATOLL_BOARD_STAND_INS=$(ARM)/tests/stand_in $(BUILD)/tests/test_board

bench: litert build
	ATOLL_LITERT=$(abspath $(BUILD))/.litert $(BUILD)/bench/atoll_bench --benchmark_counters_tabular=true

# A model of 3 GB, end to end: see scripts/large_model.py. LARGE is a folder with 14 GB of room; PYTHON needs torch.
LARGE ?= $(BUILD)/large
large: litert build
	$(PYTHON) scripts/large_model.py $(BUILD)/atoll $(LARGE)

lint: setup $(BUILD)/build.ninja
	$(PYTHON) scripts/check_structure.py
	find src include tools tests bench -name '*.h' -o -name '*.cpp' | grep -v generated | xargs clang-format --dry-run --Werror
	cmake --build $(BUILD) --target atoll_schema atoll_package_schema
	run-clang-tidy-16 -quiet -extra-arg=-Wno-unknown-warning-option -p $(BUILD) -j $(JOBS) '$(CURDIR)/(src|tools)/.*' > $(BUILD)/tidy.log 2>&1 || (grep -E 'warning:|error:' $(BUILD)/tidy.log; exit 1)

# The networks of torchvision, timm, transformers and the zoo's own: exported, converted, judged; writes docs/zoo.md. Takes about an hour
# and is taken up again where it stopped. ZOO_ONLY is a regular expression of names; ZOO_PYTHON an environment that exists already.
ZOO_ONLY ?=
ZOO_PYTHON ?= $(BUILD)/zoo/venv/bin/python
zoo: litert
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target atoll
	@[ $(ZOO_PYTHON) != $(BUILD)/zoo/venv/bin/python ] || scripts/zoo_setup.sh $(BUILD)/zoo/venv
	ATOLL_LITERT=$(abspath $(BUILD))/.litert $(ZOO_PYTHON) scripts/zoo.py --atoll $(BUILD)/atoll --folder $(BUILD)/zoo --only '$(ZOO_ONLY)' --document docs/zoo.md

# PyTorch's own operator samples: exported (once), converted, run in LiteRT, compared; prints a table by cause and writes docs/opdb.md.
# About ten minutes, of which the export is most. OPDB_ONLY is a regular expression of programs; OPDB_PYTHON an environment that
# exists already. scripts/opdb/pack.py makes the test's fixture from the results.
OPDB_ONLY ?=
OPDB_PYTHON ?= $(BUILD)/opdb/venv/bin/python
opdb: litert
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target atoll
	@[ '$(origin OPDB_PYTHON)' != file ] || scripts/opdb/setup.sh $(BUILD)/opdb/venv
	@mkdir -p $(BUILD)/opdb
	nice -n 10 $(OPDB_PYTHON) scripts/opdb/export.py $(BUILD)/opdb/programs 2> $(BUILD)/opdb/export.log
	ATOLL_LITERT=$(abspath $(BUILD))/.litert nice -n 10 $(OPDB_PYTHON) scripts/opdb/check.py $(BUILD)/opdb/programs --atoll $(BUILD)/atoll \
	  --only '$(OPDB_ONLY)' $(if $(OPDB_ONLY),,--markdown docs/opdb.md)

# Quantized files of Atoll and of AI Edge Quantizer side by side, on trained networks: SNR, accuracy, operators, latency. QUANT_ONLY is a
# regular expression of networks, QUANT_REFERENCES a folder of further ones (NAME.pt2 with NAME.npz).
QUANT_ONLY ?=
QUANT_REFERENCES ?=
quant-bench: litert
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS) --target atoll
	@mkdir -p $(BUILD)/quant
	PYTHON=$(PYTHON) scripts/quantization/setup.sh $(BUILD)/quant
	ATOLL_LITERT=$(abspath $(BUILD))/.litert $(BUILD)/quant/peer/bin/python scripts/quantization/bench.py --atoll $(BUILD)/atoll \
	  --folder $(BUILD)/quant --only '$(QUANT_ONLY)' --references '$(QUANT_REFERENCES)'

format:
	find src include tools tests bench -name '*.h' -o -name '*.cpp' | xargs clang-format -i

# AddressSanitizer and UndefinedBehaviorSanitizer over the tests; clang compiles them in half of g++'s time.
asan: litert
	CXX=clang++-16 cmake -S . -B $(BUILD)-asan -G Ninja -DATOLL_SANITIZE=ON -DATOLL_BENCH=OFF $(CMAKE_FLAGS)
	cmake --build $(BUILD)-asan -j $(JOBS) --target $(or $(TESTS:%=test_%),all)
	ATOLL_LITERT=$(abspath $(BUILD))/.litert ctest --test-dir $(BUILD)-asan -j $(JOBS) --output-on-failure -R '$(TEST_NAMES)'

# FUZZ_SECONDS for each target; needs clang.
FUZZ_SECONDS ?= 600
fuzz: setup
	CXX=clang++-16 cmake -S . -B $(BUILD)-fuzz -G Ninja -DATOLL_FUZZ=ON -DATOLL_BENCH=OFF
	cmake --build $(BUILD)-fuzz -j $(JOBS) --target archive_fuzzer json_fuzzer pickle_fuzzer tflite_fuzzer
	scripts/fuzz.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz $(ARM)
