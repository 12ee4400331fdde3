# Everything a person types. `make` alone lists it.
NODE := node_modules/.bin/node
# npm's own chatter helps nobody who waits for a server.
NPM_INSTALL := npm install --no-audit --no-fund --loglevel=error

.DEFAULT_GOAL := help
.PHONY: help install build run stop engine sandbox-image image test conformance conformance-kubernetes soak verify lint format generate install-manifest bench scale clean code-engine-emulator

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-23s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: node_modules/.package-lock.json ## Install the dependencies, Node 24 among them

node_modules/.package-lock.json: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later from https://nodejs.org" >&2; exit 1; }
	$(NPM_INSTALL)
	@touch $@

build: install ## Bundle to dist/; ./bin/slipway runs it
	@$(NODE) scripts/build.ts

run: build ## Start Slipway and real MCP servers, and show them Connected; ENGINE=none: without Docker
	@$(NODE) scripts/run.ts

stop: ## Stop what `make run` started, and all that runs there
	@$(NODE) scripts/stop.ts

engine: install ## Find, start or install a Docker Engine
	@$(NODE) scripts/ensure-engine.ts

sandbox-image: engine ## Build the image of the network sandbox, unless the Engine has it
	@$(NODE) scripts/sandbox-image.ts

image: build engine ## Build the container image of Slipway on the Engine
	@$(NODE) scripts/image.ts

test: build ## Run all tests against a real Engine (less than 20 minutes)
	@$(NODE) scripts/test.ts

conformance: build ## Judge an API server: ours, or KUBECONFIG's with CONFORMANCE=external
	@$(NODE) scripts/conformance.ts

conformance-kubernetes: build ## The same where Kubernetes' own code serves custom resources; needs root on Debian
	@$(NODE) scripts/conformance-kubernetes.ts

soak: build ## Run the long fault suites
	@SLIPWAY_SOAK=1 $(NODE) scripts/test.ts

verify: install ## Check that generated files, formatting, lint and types are in order
	@$(NODE) scripts/verify.ts

lint: install ## Lint
	@node_modules/.bin/biome check

format: install ## Format and mend what the linter can
	@node_modules/.bin/biome check --write

generate: install ## Write crds/ and the API types from the schemas
	@$(NODE) scripts/generate.ts

install-manifest: generate ## Write manifests/install.yaml from the chart; needs Go
	@$(NODE) scripts/install-manifest.ts

bench: build ## Measure; one JSON object a line
	@$(NODE) bench/main.ts

scale: install ## Measure a controller with N deployments (1000); one JSON object a line
	@N=$(N) SECONDS=$(SECONDS) $(NODE) scripts/scale.ts

code-engine-emulator: install ## Emulate IBM Code Engine on loopback until Ctrl-C
	@$(NODE) scripts/code-engine-emulator.ts

clean: ## Remove what was built
	@rm -rf dist coverage
