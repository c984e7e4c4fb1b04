# Every target does its own set-up on a fresh machine; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Build products live outside the checkout, so that fresh checkouts on one machine share them.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/windlass/target
export CARGO_TERM_COLOR ?= auto

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

.PHONY: run
run: ## Build, and serve this directory's tools on http://localhost:8080/mcp
	@scripts/setup run
	cargo run --quiet --bin windlass -- serve $(ARGS)

.PHONY: release
release: ## Build the release binary
	@scripts/setup build
	cargo build --release --bin windlass

# The phases of `windlass deploy`, as seed 2 calls them. ARGS are its own: ARGS='--target ecs'.
DEPLOY = cargo run --quiet --bin windlass -- deploy $(ARGS)

.PHONY: app
app: ## Phase 1: the configuration is sound, and a server started from it keeps MCP
	@scripts/setup deploy
	$(DEPLOY) check

.PHONY: build
build: app ## Phases 1 and 2: the static release, its image and its zip, proven as a container
	$(DEPLOY) build

.PHONY: catalog
catalog: ## Phase 3: into the registry, pulled back and compared
	$(DEPLOY) push

.PHONY: deploy
deploy: ## Phases 4 and 5: running at the target, and every promise asked of it
	$(DEPLOY) deploy
	$(DEPLOY) verify

.PHONY: full
full: ## All phases; those whose receipts stand are skipped
	@scripts/setup deploy
	$(DEPLOY)

.PHONY: status
status: ## What runs, and what is done of this commit
	$(DEPLOY) status

.PHONY: destroy
destroy: ## Remove what was deployed
	$(DEPLOY) destroy

.PHONY: check
check: ## Formatting, lints, dependency policy, docs, generated files
	@scripts/setup check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps --quiet
	@scripts/deny
	@scripts/tidy

.PHONY: test
test: check ## All tests, against real parts
	@scripts/setup test
	rm -f $(CARGO_TARGET_DIR)/skips.log
	@scripts/shipped
	cargo nextest run --workspace --all-features
	cargo test --workspace --all-features --doc --quiet
	cargo build --workspace --all-features --quiet --bin windlass
	@scripts/tools-page $(CARGO_TARGET_DIR)/debug/windlass --check
	@scripts/skips

.PHONY: test-all
test-all: test ## The long sweeps too: fuzzing for an hour, large floods, two builds of one commit, the Dockerfiles
	@scripts/setup test-all
	images/test.sh || [ $$? = 77 ]
	WINDLASS_TEST_LONG=1 cargo nextest run --workspace --all-features --run-ignored all
	cargo +nightly fuzz run plan_line -- -max_total_time=3600

.PHONY: bench
bench: bench-serve ## All benchmarks

.PHONY: bench-serve
bench-serve: ## The server beside its peers: bench/results/serve.json and serve.svg
	@scripts/setup bench
	python3 bench/serve/run.py $(ARGS)

.PHONY: generate
generate: ## Write the generated files (schema, reference page, list of tools)
	cargo run --quiet -p windlass-config --example generate
	cargo build --quiet --bin windlass
	@scripts/tools-page $(CARGO_TARGET_DIR)/debug/windlass
