# Two commands do everything on a fresh Debian or Ubuntu machine with Rust and Node 20:
#
#   make demo    sets up, builds and starts the demo
#   make test    sets up, builds and runs every test
#
# The others are parts of these, or for people who change the code.

.DEFAULT_GOAL := help
SHELL := /bin/bash

# One build directory outside of the checkout, shared with .ci/run, so that the next build is an
# incremental one.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/evenkeel/target

UI := web/ui
UI_SOURCES := $(shell find $(UI) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test-results/*' 2>/dev/null)

.PHONY: help demo test build ui setup-demo setup-test lint ui-check e2e conformance openapi crash fuzz clean

help: ## What there is
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: setup-demo ui ## Set up, build and start the demo
	cargo run --quiet --bin evenkeel -- demo

test: setup-test ui ## Set up, build and run all tests
	cargo test --workspace

build: setup-demo ui ## The full-speed binary, with the dashboard in it
	REQUIRE_UI=1 cargo build --release --bin evenkeel
	@echo "built $(CARGO_TARGET_DIR)/release/evenkeel"

setup-demo: ## System packages that a build needs
	@tests/setup.sh build

setup-test: ## System packages and Python clients that the tests need
	@tests/setup.sh test

ui: $(UI)/dist/index.html ## The dashboard, built when its sources changed

$(UI)/node_modules/.package-lock.json: $(UI)/package.json $(UI)/package-lock.json
	npm --prefix $(UI) ci
	@touch $@

$(UI)/dist/index.html: $(UI)/node_modules/.package-lock.json $(UI_SOURCES)
	npm --prefix $(UI) run build

lint: ## Format and lints, all warnings are errors
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings

ui-check: $(UI)/node_modules/.package-lock.json ## Types, lints and unit tests of the dashboard
	npm --prefix $(UI) run check

e2e: setup-test ui ## Browser tests against the real binary
	tests/browser.sh

crash: setup-test ## kill -9 the server over 300 times at random moments and count what was lost
	EVENKEEL_CRASH_ROUNDS=190 cargo test --test acceptance -- --nocapture durability::crash

fuzz: ## Fuzz every wire decoder for 15 minutes (needs cargo-fuzz)
	ingest/fuzz/run.sh

conformance: ## Prometheus' own PromQL scripts, where they are kept beside the checkout
	tests/conformance.sh

openapi: ## Write the API's description and the dashboard's types from it
	cargo run --quiet --bin evenkeel -- openapi > $(UI)/openapi.json
	npm --prefix $(UI) run generate

clean: ## Remove what was built
	rm -rf $(UI)/dist $(UI)/node_modules .demo
	cargo clean
