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
	cargo build --quiet --bin windlass --bin windlass-demo
	@mkdir -p .windlass && $(CARGO_TARGET_DIR)/debug/windlass-demo .windlass/shop.db
	@$(CARGO_TARGET_DIR)/debug/windlass serve $(ARGS)

# The program inside virtual machines, which has no library there.
MUSL = $(shell uname -m)-unknown-linux-musl
GUEST = cargo build --quiet --profile guest --target $(MUSL) -p windlass-guest

.PHONY: release
release: ## Build the release binary, and the guest of virtual machines beside it
	@scripts/setup static
	cargo build --release --bin windlass
	$(GUEST)
	install -m 755 $(CARGO_TARGET_DIR)/$(MUSL)/guest/windlass-guest $(CARGO_TARGET_DIR)/release/

.PHONY: rootfs
rootfs: ## The root file system of sandboxes, and a kernel for virtual machines (ARGS='--minimal')
	@scripts/setup rootfs
	$(GUEST)
	cargo run --quiet --bin windlass -- sandbox image build --guest $(CARGO_TARGET_DIR)/$(MUSL)/guest/windlass-guest $(ARGS)

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
test-all: test ## The long sweeps too: fuzzing for hours, large floods, two builds of one commit, the Dockerfiles
	@scripts/setup test-all
	images/test.sh || [ $$? = 77 ]
	WINDLASS_TEST_LONG=1 cargo nextest run --workspace --all-features --run-ignored all
	for target in plan_line sql_guard; do cargo +nightly fuzz run $$target -- -max_total_time=3600; done

.PHONY: bench
bench: bench-serve bench-sandbox bench-sql bench-knowledge ## All benchmarks

.PHONY: bench-serve
bench-serve: ## The server beside its peers: bench/results/serve.json and serve.svg
	@scripts/setup bench
	python3 bench/serve/run.py $(ARGS)

.PHONY: bench-sandbox
bench-sandbox: ## Sandboxes beside bubblewrap, runc and gVisor: bench/results/sandbox.json and sandbox.svg
	@scripts/setup bench-sandbox
	python3 bench/sandbox/run.py $(ARGS)

.PHONY: bench-sql
bench-sql: ## A query through Windlass, MCP Toolbox and a bare loop: bench/results/sql.json and sql.svg
	@scripts/setup bench-sql
	python3 bench/sql/run.py $(ARGS)

.PHONY: bench-knowledge
bench-knowledge: ## Search beside Chroma and SQLite, and what is found: bench/results/knowledge.json and knowledge.svg
	@scripts/setup bench-knowledge
	python3 bench/knowledge/run.py $(ARGS)

.PHONY: generate
generate: ## Write the generated files (schema, reference page, list of tools)
	cargo run --quiet -p windlass-config --example generate
	cargo build --quiet --bin windlass
	@scripts/tools-page $(CARGO_TARGET_DIR)/debug/windlass
