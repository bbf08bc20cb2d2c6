# `make` lists what there is. `make demo` and `make test` need Go and make, nothing else; see .ci/postgres.

GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION   := v1.9.0

PKG  ?= ./...
ARGS ?=

# Tools and their caches live outside the tree, a directory for each version.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ferry-tools
export GOLANGCI_LINT_CACHE ?= $(CACHE)/golangci-lint-cache

# A clone that belongs to somebody else: git does not answer, and go would fail for want of the commit.
ifneq ($(findstring dubious,$(shell git rev-parse HEAD 2>&1)),)
export GOFLAGS := $(GOFLAGS) -buildvcs=false
endif

# Asked for by the recipes alone, once each.
golangci-lint = lint="$$(.ci/tool '$(CACHE)' golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint $(GOLANGCI_LINT_VERSION))"
govulncheck   = vuln="$$(.ci/tool '$(CACHE)' govulncheck golang.org/x/vuln/cmd/govulncheck $(GOVULNCHECK_VERSION))"

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: console-figures help demo build screenshots recording test soak soak-network soak-interleave check fmt fmt-check vet lint tidy-check generate generate-check bench microbench vuln tools clean go postgres

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  PKG=./engine/...  narrows test, microbench, vet and lint;  ARGS='…'  is handed to demo, test, bench, microbench and soak."

demo: go postgres build ## try ferry: a throwaway PostgreSQL, data, live traffic, the console
	@exec bin/ferry demo $(ARGS)

build: go ## build bin/ferry
	@CGO_ENABLED=0 go build -o bin/ferry ./cmd/ferry

screenshots: go build ## draw the README's pictures from the recording that is checked in
	@.ci/screenshots bin/ferry testdata/recordings/demo.jsonl.gz testdata/screenshots

recording: go postgres ## play a night on a demo and record it anew: pictures and golden frames come from it (3 minutes)
	@FERRY_MAKE_RECORDING="$$PWD/testdata/recordings/demo.jsonl.gz" go test -count=1 -timeout 20m -run '^TestMakeTheRecording$$' ./cmd/ferry

test: go postgres ## run all tests, on a real PostgreSQL, with the race detector if there is a C compiler
	@.ci/test -timeout 40m -shuffle=on -parallel 3 $(ARGS) $(PKG)

soak-network: go postgres ## let the network fail for long at every step, and the engine's server restart 20 times
	@FERRY_TROUBLE=30 FERRY_POINTS=1 FERRY_BLACKHOLE=90 FERRY_RESTARTS=20 go test -count=1 -timeout 40m -parallel 16 -v \
		-run '^Test(TheNetworkFails|HalfAMinute|ForgottenSessions|TheEngineDatabaseRestarts)' $(ARGS) ./store/crossing

soak-interleave: go postgres ## 10,000 random interleavings of writers, ferry and polls that lose rows
	@FERRY_INTERLEAVINGS=$${FERRY_INTERLEAVINGS:-10000} go test -count=1 -timeout 3h -v -run TestRandomInterleavings $(ARGS) ./store/interleave

check: fmt-check vet lint tidy-check generate-check test ## all that CI checks, and that generated files are fresh

fmt: go ## format the code
	@$(golangci-lint) && "$$lint" fmt

fmt-check: go
	@$(golangci-lint) && "$$lint" fmt --diff

vet: go ## run go vet
	@go vet $(PKG)

lint: go ## run the linters
	@$(golangci-lint) && "$$lint" run $(PKG)

tidy-check: go
	@go mod tidy -diff

generate: go ## generate what is generated
	@go generate ./...

generate-check: go
	@.ci/fresh $(MAKE) --no-print-directory generate

bench: go postgres build ## measure ferry beside its peers, on databases of its own (20 minutes); ARGS='--cards 1000000'
	@exec bin/ferry bench $(ARGS)

microbench: go postgres ## run the micro-benchmarks
	@go test -run '^$$' -bench . -benchmem $(ARGS) $(PKG)

console-figures: go postgres ## measure the console: first frame, key to frame in a full sync, bytes to the terminal
	@FERRY_CONSOLE_FIGURES=$${FERRY_CONSOLE_FIGURES:-40000} go test -count=1 -timeout 20m -v -run TestFiguresOfAConsole $(ARGS) ./cmd/ferry

# Without -count the result of an equal soak would be taken from the cache.
soak: go postgres ## half an hour of live traffic, one transaction open for ten minutes: how late every row is, and what grows
	@FERRY_SOAK=$${FERRY_SOAK:-30m} FERRY_SOAK_LONG=$${FERRY_SOAK_LONG:-10m} FERRY_SOAK_EVERY=$${FERRY_SOAK_EVERY:-20s} \
		FERRY_SOAK_CARDS=$${FERRY_SOAK_CARDS:-200000} go test -count=1 -timeout 24h -v $(ARGS) ./store/soak

vuln: go ## look for known vulnerabilities; says so if it could not check
	@$(govulncheck) && .ci/vuln "$$vuln" ./...

tools: go ## install the linter and the vulnerability checker, outside this tree
	@$(golangci-lint) && echo "$$lint"
	@$(govulncheck) && echo "$$vuln"

clean: ## remove what was built here
	@rm -rf bin

go:
	@command -v go >/dev/null || { echo "ferry needs Go 1.26 or later (an older one from 1.21 on fetches it): https://go.dev/dl/" >&2; exit 1; }

postgres:
	@.ci/postgres
