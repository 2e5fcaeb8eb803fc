# Everything that a developer or CI runs. CI runs these targets and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The machine's npm installs; everything else runs with the Node of node_modules.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export CLOUD_DIR ?= $(CURDIR)/.cloud
HOSTS ?= 1
SUITE ?= nova-schemas tempest functional
# KUBECONFIG on the command line replaces the control plane of `make up`. KUBECONFIG in the environment does not: that cluster
# may be in use.
export CLUSTER_KUBECONFIG := $(if $(filter command,$(firstword $(origin KUBECONFIG))),$(KUBECONFIG))

.PHONY: help setup demo up down generate format check unit rig e2e chaos test conformance bench images release-prepare release gitops nodes upgrade

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install missing Debian and npm packages, the control plane and the guest image
	@hack/setup.sh

demo: setup ## Start a cloud, boot the server of examples/quickstart and show its console
	@node hack/demo.ts

up: setup ## Start or repair a cloud here (HOSTS=1; KUBECONFIG=FILE uses a cluster; KUBELET=1 installs the chart on nodes)
	@node test/rig/cli.ts up --hosts $(HOSTS) $(if $(KUBELET),--kubelet)

down: ## Stop the cloud of `make up` and remove all of it
	@node test/rig/cli.ts down

nodes: setup ## Provide in advance what tests on kubelets need: binaries, Debian packages and images
	@node test/rig/cli.ts nodes

generate: setup ## Generate CRDs, policies and reference pages from the code
	@node hack/generate.ts

format: setup ## Format the code and sort imports
	@biome check --write .

check: setup ## Check generated files, format, lint, types, language and dead code
	@node hack/check.ts

unit: setup ## Run the tests that need no other process (seconds)
	@vitest run --project unit

rig: setup ## Run the tests on a real API server and real libvirt hosts (root)
	@vitest run --project rig

e2e: setup nodes ## Run the tests on a whole cloud (root)
	@vitest run --project e2e

chaos: export CHAOS_AWAY_SECONDS ?= 300
chaos: setup ## Run all fault tests and the kill matrix, which writes docs/kill-matrix.md (two hours; root)
	@vitest run --project faults
	@node test/chaos/run.ts
	@node test/chaos/run.ts --random 20

upgrade: export UPGRADE_FROM := $(FROM)
upgrade: setup nodes ## Upgrade a cloud of nodes from an earlier chart while Pods are killed (FROM=commit; root)
	@vitest run --project upgrade

test: setup nodes ## Run check, unit, rig, e2e and a short part of chaos; the last line is the total (root)
	@node hack/test.ts

gitops: export GITOPS_SERVERS ?= 50
gitops: setup ## Run a real Argo CD and a real Flux on clouds and a git repository (GITOPS_SERVERS=50, GITOPS_CHURN_MINUTES=5; root)
	@vitest run --project gitops

images: setup ## Build the container images as OCI archives in dist/images (BASE=local without a registry; ARCH=amd64,arm64)
	@node hack/images.ts $(if $(BASE),--base $(BASE)) $(if $(ARCH),--arch $(ARCH)) $(if $(VERIFY),--verify)

release-prepare: setup ## Write VERSION into all files that name it, and head the unreleased changes with it (VERSION=0.2.0)
	@node hack/release.ts prepare "$(VERSION)"

release: setup ## Build what is published for VERSION in dist/release; pushes nothing (REGISTRY=…; IMAGES=no; BASE, ARCH)
	@node hack/release.ts build "$(VERSION)" $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(filter no,$(IMAGES)),--no-images) \
	  $(if $(BASE),--base $(BASE)) $(if $(ARCH),--arch $(ARCH))

conformance: setup ## Judge the API shim by Nova's schemas, tempest and the clients' own tests (20 minutes; SUITE=tempest: one of them)
	@for suite in $(SUITE); do echo "== $$suite"; node test/conformance/$$suite/run.ts || exit; done

bench: setup ## Run the benchmarks
	@for file in test/bench/*.ts; do echo "== $$file"; node --expose-gc "$$file" || exit; done
