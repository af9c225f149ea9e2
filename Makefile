# Muster. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

# A number of runs: with a time, the tool now and then takes its own end for a failure.
FUZZTIME ?= 10000x
DEMO     ?= 1000
DATA     ?= ./muster-data

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build, then serve DATA, with DEMO demo members if it is new
	@exec bin/muster serve --data $(DATA) --time-zone Asia/Seoul --phone-region KR $(if $(wildcard $(DATA)/muster.db),,--demo $(DEMO))

.PHONY: build
build: ## build bin/muster
	go build -trimpath -ldflags '-X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o bin/muster ./cmd/muster

.PHONY: test
test: install ## all that CI runs: tests with the race detector, a short fuzz run, the checks
	@go -C tools build -o ../bin/ ./steps
	MAKE="$(MAKE)" bin/steps race,fuzz,lint,secrets,form

.PHONY: install
install: ## fetch what building and testing need
	go mod download
	go -C tools mod download
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || ! command -v pgbouncer >/dev/null; then
		echo "installing PostgreSQL and pgbouncer with apt-get"
		if [ "$$(id -u)" -ne 0 ]; then echo "that takes root: apt-get install postgresql pgbouncer"; exit 1; fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq
		apt-get install -y -qq --no-install-recommends postgresql pgbouncer >/dev/null
	fi
	go -C internal/blob/s3test/gateway tool -n gateway >/dev/null
	go -C internal/certificate/certificatetest/authority tool -n authority >/dev/null

# A test that is skipped fails the run, as one that fails: see tools/testlog. Long
# loops of one goroutine are shorter with the race detector; internal/testkit runs
# those of every domain whole, on both databases. This is where "go vet" runs,
# whole, and where the committed OpenAPI document is compared. ALONE are packages
# that start many servers: two of them at once would take each other's time.
ALONE := ./engine/postgres ./internal/testkit

.PHONY: race
race: ## run every test with the race detector
	go -C tools build -o ../bin/ ./testlog
	go -C tools test ./...
	run="go test -race -shuffle=on -vet=all -timeout=10m -json"
	others=$$(go list ./... | grep -vxF "$$(go list $(ALONE))")
	{ failed=0; $$run $$others || failed=1; $$run -p=1 $(ALONE) || failed=1; exit $$failed; } | bin/testlog

# Every function named Fuzz… in a test file. A package is compiled once for all of
# its targets; what they find worth keeping stays where "go test" keeps it.
.PHONY: fuzz
fuzz: ## run each fuzz target FUZZTIME times (default 10000x)
	@mkdir -p bin/fuzz
	inputs=$$(go env GOCACHE)/fuzz
	grep -rlE --include='*_test.go' --exclude-dir=web '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r folder; do
		package=$$(go list "$$folder")
		program=$$PWD/bin/fuzz/$${package//\//-}.test
		go test -c -vet=off -fuzz=. -o "$$program" "$$folder"
		grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$$folder"/*_test.go | sort | while read -r _ name; do
			echo "fuzz $$name in $$folder"
			(cd "$$folder" && "$$program" -test.run='^$$' -test.fuzz="^$$name\$$" -test.fuzztime=$(FUZZTIME) -test.fuzzcachedir="$$inputs/$$package")
		done
	done

.PHONY: check
check: form lint secrets ## look at form, likely mistakes, secrets and the module

.PHONY: form
form: ## look at the form of the code and of the module
	@unformatted=$$(find . -name '*.go' -not -path './web/*' -exec gofmt -l {} +)
	if [ -n "$$unformatted" ]; then echo "not gofmt'd:"; echo "$$unformatted"; exit 1; fi
	go mod tidy -diff

.PHONY: lint
lint: ## look for likely mistakes
	go tool -modfile=tools/go.mod golangci-lint run

# The tree is what git would take, so that a data folder of your own in it is no
# finding. The history is that of what is checked out, as far as the clone has it.
# What is found is told by its place: it is not printed.
.PHONY: secrets
secrets: ## look for secrets in the tree and in the history
	@tree=$$(mktemp -d)
	trap 'rm -rf "$$tree"' EXIT
	look() { go tool -modfile=tools/go.mod gitleaks "$$@" --config=.gitleaks.toml --ignore-gitleaks-allow --redact --verbose --no-banner --no-color --log-level=warn; }
	if [ ! -e .git ]; then look dir .; exit; fi
	git ls-files -z --cached --others --exclude-standard --deduplicate | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$$tree"
	(cd "$$tree" && look dir .) || { echo "a secret is in the tree"; exit 1; }
	look git . --log-opts='--full-history HEAD' || { echo "a secret is in the history: replace it, and then allow it in .gitleaks.toml"; exit 1; }

.PHONY: generate
generate: ## rewrite the generated files
	go test -run='^TestOpenAPI' ./internal/httpapi -update

.PHONY: bench
bench: ## measure against a server without layers, in one run
	go run ./bench
	go test -run=^$$ -bench=Postgres -benchtime=1x -timeout=60m ./bench

.PHONY: clean
clean: ## remove what was built, and nothing else
	rm -rf bin
