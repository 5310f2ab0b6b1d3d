# Verbs; each is a few calls of the scripts in scripts/. `make help` lists them.
# CXX=clang++ (or HALFULP_CXX in the environment) builds with another compiler, in a folder of its own.

compiler := $(or $(HALFULP_CXX),$(if $(filter default,$(origin CXX)),,$(CXX)))
BUILD    := build$(if $(compiler),-$(notdir $(compiler)))
PYTHON    = $(shell sh scripts/find_python.sh)

bootstrap := sh scripts/bootstrap.sh
build     := $(if $(compiler),CXX=$(compiler)) sh scripts/build.sh $(BUILD)
run_tests := sh scripts/run_tests.sh $(BUILD)
# A new folder builds without the tests, so that only `make test` needs their libraries.
no_tests   = $(if $(wildcard $(BUILD)/CMakeCache.txt),,-DHALFULP_TESTS=OFF)
results   := results/quickstart

.PHONY: build quickstart test test-full test-long test-builds lint format check bench figures clean help
.NOTPARALLEL:

build:      ## the programs ./run_experiment and ./ulp
	@$(bootstrap) run
	@$(build) $(no_tests) run_experiment ulp

quickstart: ## builds, runs experiments/sweeps/quickstart.toml on real text, draws its figure
quickstart: build
	./run_experiment experiments/sweeps/quickstart.toml
	@$(PYTHON) scripts/plot.py loss_vs_bits $(results)/results.h5 -o $(results)/figures
	@echo "the figure: $(results)/figures/loss_vs_bits.png"

test:       ## every fast test (under a minute after the build)
	@$(bootstrap) run test
	@$(build) -DHALFULP_TESTS=ON all
	@$(run_tests) fast

test-full:  ## the fast tests, then those that CI adds (minutes)
test-full: test
	@$(run_tests) full

test-long:  ## exhaustive tests (hours)
	@$(bootstrap) run test
	@$(build) -DHALFULP_TESTS=ON all
	@$(run_tests) long

test-builds: ## the fast tests of formats/ and sim/ under g++ -O2 and -O3, clang++, sanitizers
	@$(bootstrap) run test develop
	@sh scripts/test_builds.sh build-matrix

lint:       ## layout, layers, sizes, shell scripts, clang-tidy (TIDY=off leaves it out)
	@$(bootstrap) run test develop
	@$(build) -DHALFULP_TESTS=ON all
	@sh scripts/lint.sh $(BUILD)

format:     ## lays out every C++ file with clang-format
	@$(bootstrap) develop
	@sh scripts/list_sources.sh | xargs $$(command -v clang-format-14 || echo clang-format) -i

check:      ## what a change must pass: lint and test-full
check: lint test-full

bench:      ## every benchmark, as Markdown tables of ratios
	@$(bootstrap) run bench
	@sh scripts/run_benchmarks.sh $(BUILD:build%=build-bench%)

figures:    ## redraws docs/figures from results/reference and what ./ulp prints
figures: build
	@sh scripts/draw_figures.sh $(PYTHON)

clean:      ## removes what was built; results stay
	rm -rf build build-* run_experiment ulp

help:       ## this list
	@sed -n 's/^\([a-z-]*\): *## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 13
