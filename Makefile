# Everything that a developer or CI runs. CI runs these targets and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The machine's npm installs; everything else runs with the Node of node_modules.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export CLOUD_DIR ?= $(CURDIR)/.cloud
HOSTS ?= 1
# A cluster given on the command line is used instead of one of our own; one in the environment is not, it may be one that matters.
export CLUSTER_KUBECONFIG := $(if $(filter command,$(firstword $(origin KUBECONFIG))),$(KUBECONFIG))

.PHONY: help setup demo up down generate format check unit rig e2e chaos test bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian and npm packages, control plane, guest image
	@hack/setup.sh

demo: setup ## Start a cloud, boot the server of examples/quickstart, show its console
	@node hack/demo.ts

up: setup ## Start a cloud on this machine, or repair it: HOSTS=1, KUBECONFIG=a cluster that is there
	@node test/rig/cli.ts up --hosts $(HOSTS)

down: ## Stop that cloud and remove all of it
	@node test/rig/cli.ts down

generate: setup ## Make everything that is derived from the code
	@node hack/generate.ts

format: setup ## Format the code and sort imports
	@biome check --write .

check: setup ## Generated files, format, lint, types, dead code
	@node hack/check.ts

unit: setup ## Tests without other processes (seconds)
	@vitest run --project unit

rig: setup ## Tests on a real API server and real libvirt hosts (root)
	@vitest run --project rig

e2e: setup ## Tests on a whole cloud (root)
	@vitest run --project e2e

chaos: export CHAOS_AWAY_SECONDS ?= 300
chaos: setup ## All faults; each part killed at each step of each story: writes docs/kill-matrix.md (two hours; root)
	@vitest run --project faults
	@node test/chaos/run.ts
	@node test/chaos/run.ts --random 20

test: setup ## Checks, unit, rig, e2e, a short part of chaos; the last line is the sum (root)
	@node hack/test.ts

bench: setup ## Benchmarks
	@for file in test/bench/*.ts; do echo "== $$file"; node --expose-gc "$$file" || exit; done
