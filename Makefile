# One entry point for people and CI. PYTHON is the interpreter that makes .venv: the first of these that can.
PYTHONS := python3.11 python3.12 python3.13
PYTHON ?= $(shell for python in $(PYTHONS); do $$python -c 'import ensurepip, venv' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed
DOCKER ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check release-report golden bench bench-features serve up down kind images training-images lock test-pythons clean

help:  ## show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(INSTALLED): pyproject.toml $(wildcard requirements/*.txt)
	@echo "Installing into .venv: about 4 GB, a few minutes on the first run"
	@command -v $(firstword $(PYTHON) none) >/dev/null || { echo "no Python 3.11, 3.12 or 3.13 with venv: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar off -e '.[dev]'
	@touch $@

demo: $(INSTALLED)  ## the main job: train, gate, register, package and serve every model, and ask each one
	$(BIN)/nivesh demo

test: check  ## everything: style, types, layers, and the whole test suite on all CPUs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-fast: $(INSTALLED)  ## the tests that train no model and start no server, for the inner loop
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not slow"

check: $(INSTALLED)  ## style, types, and the layers of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

release-report: $(INSTALLED)  ## the figures of README.md, from this machine's champions (after make demo)
	$(BIN)/python -m benchmarks.release_report

golden: $(INSTALLED)  ## write the compiled pipelines, dashboards and alerts that the tests compare with
	$(BIN)/nivesh compile -o tests/pipelines/golden
	$(BIN)/python -c 'from nivesh.cli import monitor_render as files; files.dashboards(); files.alerts()'

bench: $(INSTALLED)  ## latency and throughput of each path of a server on this machine
	$(BIN)/python -m benchmarks.serving

bench-features: $(INSTALLED)  ## reads of online features: ours, Feast's own, bare Redis
	$(BIN)/python -m benchmarks.features

serve: $(INSTALLED)  ## serve the champions on port 8080
	$(BIN)/nivesh serve

COMPOSE = $(DOCKER) compose

up:  ## MLflow, Redis, Prometheus, Grafana and the model server on this machine, by docker compose; made from bare in minutes
	compose/make-env
	$(COMPOSE) build
	$(COMPOSE) up --detach --wait mlflow redis prometheus grafana
	$(COMPOSE) up --detach
	@compose/next-steps

down:  ## stop what `make up` started; data and passwords stay (docker compose down --volumes removes the data)
	$(COMPOSE) down

KIND_CLUSTER := nivesh
KIND_KUBECONFIG := $(CURDIR)/.nivesh/kind.kubeconfig

kind: $(INSTALLED)  ## a cluster of kind with the whole platform, and the guide's requests to it; KFP=1 for Kubeflow Pipelines too
	@mkdir -p $(dir $(KIND_KUBECONFIG))
	kind get clusters 2>/dev/null | grep -qx $(KIND_CLUSTER) || kind create cluster --config kind-config.yaml --kubeconfig $(KIND_KUBECONFIG)
	@umask 077 && kind get kubeconfig --name $(KIND_CLUSTER) >$(KIND_KUBECONFIG)
	KUBECONFIG=$(KIND_KUBECONFIG) KIND_CLUSTER=$(KIND_CLUSTER) KFP=$(KFP) manifests/kind/install

FAMILIES := text tabular forecast remote
IMAGE = $(DOCKER) build -f Dockerfile --build-arg VERSION=$(VERSION) --build-arg COMMIT=$$(git rev-parse HEAD)

images:  ## the serving images, by docker or what DOCKER names
	for family in $(FAMILIES); do $(IMAGE) --target serving --build-arg FAMILY=$$family -t nivesh/$$family:dev . || exit 1; done
	for target in redis platform; do $(IMAGE) --target $$target -t nivesh/$$target:dev . || exit 1; done

training-images:  ## the images of training: steps by family, MLflow, and its database for a test cluster
	for family in $(FAMILIES); do $(IMAGE) --target training --build-arg FAMILY=$$family -t nivesh/train-$$family:dev . || exit 1; done
	for target in mlflow mariadb; do $(IMAGE) --target $$target -t nivesh/train-$$target:dev . || exit 1; done

lock: $(INSTALLED)  ## renew requirements/locks, which the images install from
	PATH=$(CURDIR)/$(BIN):$$PATH requirements/lock

test-pythons:  ## on each Python found: install what serves, run the tests that need no training
	for python in $(PYTHONS); do tests/pythons $$python || exit 1; done

clean:  ## forget everything local: models, runs, reports (.venv stays)
	rm -rf .nivesh compiled
