# `make` alone prints help. Everything builds without cgo and needs Go and make;
# tests also want Chromium, PostgreSQL, GnuPG and Dovecot, which `make deps` installs.

export CGO_ENABLED := 0
GO      ?= go
DATA    ?= .demo
LISTEN  ?= 127.0.0.1:8440
PKGS    ?= ./...
# The longest go first: at the end short ones fill both processors.
LONGEST := $(if $(filter ./...,$(PKGS)),./test/e2e ./test/gate ./test/bad)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Tools are pinned here and nowhere else; none of them is in go.mod.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0

.DEFAULT_GOAL := help
.PHONY: help build run deps test fast check fmt vet walls map-check bench fuzz interference e2e map assets clean release

##@ Start here
help: ## print this help
	@awk 'BEGIN { FS = ":.*## "; print "usage: make TARGET" } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/almenara
	$(GO) build -trimpath -o bin/almenara ./cmd/almenara

run: build ## start the demo nation on LISTEN (127.0.0.1:8440), data in DATA (.demo)
	bin/almenara demo --data $(DATA) --listen $(LISTEN)

##@ Tests
test: deps fast ## run all tests: SQLite, PostgreSQL, Chromium; PKGS=./internal/watch/... for some
	$(GO) run ./tools/withpg $(GO) test -shuffle=on -p 2 -timeout 18m $(LONGEST) $(PKGS)

e2e: deps ## run the stories in Chromium; screenshots go to artefacts/
	ALMENARA_ARTEFACTS=$(CURDIR)/artefacts $(GO) run ./tools/withpg $(GO) test -count=1 -v -timeout 18m ./test/e2e/...

interference: deps ## compare a million answers of pairs of stores that differ in what the reader may not see
	$(GO) run ./tools/withpg $(GO) test -count=1 -v -timeout 120m -run WhatIsHiddenOfIncidents ./test/gate/ -incident.comparisons 1000000

bench: deps build ## print throughput, memory and cost per unit as a table
	$(GO) run ./tools/withpg $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 120m -v ./test/bench/...
	$(GO) run ./tools/withpg $(GO) test -run '^$$' -bench . -timeout 60m ./shadowserver ./internal/constituency ./internal/ledger ./internal/act

fuzz: ## fuzz every target for FUZZTIME (30s) each; PKGS for some
	@for p in $$($(GO) list $(PKGS)); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(FUZZTIME),30s) $$p || exit 1; \
	  done; done

##@ Checks
check: fast map-check ## formatting, vet, staticcheck, golangci-lint, walls
	@d=$$($(GO) run $(GOFUMPT) -l .); [ -z "$$d" ] || { echo "gofumpt wants to change:"; echo "$$d"; exit 1; }
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(GOLANGCI) run ./...

fast: vet walls ## formatting, vet and walls: what `make test` runs first
	@d=$$(gofmt -l .); [ -z "$$d" ] || { echo "gofmt wants to change:"; echo "$$d"; exit 1; }

fmt: ## format all Go files as check wants them
	$(GO) run $(GOLANGCI) fmt ./...

vet: ## go vet
	$(GO) vet ./...

walls: ## the walls of the house
	$(GO) test ./internal/ ./internal/archtest/

map-check:
	$(GO) run ./tools/stairs -check

##@ Upkeep
map: ## draw the stairs into ARCHITECTURE.md
	$(GO) run ./tools/stairs

assets: ## fetch the vendored web assets from npm again
	sh web/assets.sh

deps: ## install Chromium, PostgreSQL, GnuPG and Dovecot where they are missing
	@sh tools/deps.sh

clean: ## remove what make built and the demo's data
	rm -rf bin dist artefacts $(DATA)

release: check test ## build release binaries into dist/
	@mkdir -p dist
	for a in amd64 arm64; do \
	  GOOS=linux GOARCH=$$a $(GO) build -trimpath -ldflags '-s -w' -o dist/almenara-$(VERSION)-linux-$$a ./cmd/almenara || exit 1; \
	done
	cd dist && sha256sum almenara-$(VERSION)-* > SHA256SUMS
