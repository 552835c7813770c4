VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
KILLS       ?= 100
CRASHES     ?= 3
OUTAGES     ?= 20
MINUTES     ?= 10
ESCAPES     ?= 500
GALE        ?= 30
JUMPS       ?= 40
# SQLite is C in the words of Go, with memory of its own: to watch each access and each pointer
# there took most of the tests' time, and could tell nothing of our variables.
RACE        := -race -gcflags=modernc.org/...=-d=checkptr=0 \
	'-gcflags=modernc.org/sqlite/lib=-race=false -d=checkptr=0' '-gcflags=modernc.org/memory=-race=false -d=checkptr=0'

.DEFAULT_GOAL := help
.PHONY: help build run demo deps test lint fmt cover bench chaos soak pictures clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./oore
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o oore .

run: ## run the server
	go run . serve

demo: ## run a throw-away server with a sample repository
	go run . demo

deps: ## install what the tests need and this machine lacks
	@.ci/deps

test: deps ## everything that a change must pass
	@unformatted="$$(gofmt -l .)"; [ -z "$$unformatted" ] || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }
	go vet -tags bench,chaos,soak ./...
	go run $(STATICCHECK) -tags bench ./...
	CGO_ENABLED=0 GOOS=darwin go vet ./... # which compiles their tests too
	# Three packages at once, for tests wait more than they compute; the longest first.
	CGO_ENABLED=1 go test $(RACE) -p 3 -parallel 8 -timeout 40m . ./handlers/web ./runner ./...
	cd docs/deploy/kubernetes/check && go vet . && go test .

lint: ## all linters; the first run builds them, which takes minutes
	@unformatted="$$(go run $(GOFUMPT) -l .)"; [ -z "$$unformatted" ] || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }
	go run $(GOLANGCI) run
	@go run $(GOVULNCHECK) ./... || { echo "govulncheck found something, or could not reach its database: see above" >&2; exit 1; }

fmt: ## format the code
	go run $(GOFUMPT) -w .

cover: deps ## test coverage by function, and cover.out
	go test -timeout 20m -coverpkg ./... -coverprofile cover.out ./...
	go tool cover -func cover.out

bench: deps ## benchmarks, of the whole program and of its parts (docs/benchmarks.md)
	go test -tags bench -run '^$$' -bench . -benchtime 1x -timeout 60m .
	go test -run '^$$' -bench . -benchmem -timeout 30m ./runner ./store ./app

chaos: deps ## kill server and runners, also at every crash point, and PostgreSQL, fill the disk, set the clock, cut and poison lines, try to escape, and report in any order, again and again (KILLS, CRASHES, OUTAGES, ESCAPES, JUMPS), and GALE minutes of all at once
	OORE_TEST_KILLS=$(KILLS) OORE_TEST_CRASHES=$(CRASHES) OORE_TEST_OUTAGES=$(OUTAGES) OORE_TEST_JUMPS=$(JUMPS) OORE_TEST_FULL=50 OORE_TEST_TOXICS=5 OORE_TEST_ESCAPES=$(ESCAPES) OORE_TEST_PARTITIONS=real OORE_TEST_ORDERS=all OORE_TEST_SCHEDULES=10000 OORE_TEST_STREAM=10m OORE_TEST_GALE=$(GALE) \
		go test $(RACE) -v -count 1 -timeout 180m -run 'KillsAtRandomMoments|UnderAllOfIt|Crash|ClockJumps|Outage|Killed|LeavesNothing|LastState|WhateverOrder|BadLine|FullDisk|ProxysPatience|ALogIsExact' . ./app ./store ./runner

soak: deps ## load the server for MINUTES on each database, and fail if memory, goroutines, descriptors or WAL grow
	OORE_TEST_SOAK=$(MINUTES) go test -tags soak -v -count 1 -timeout 0 -run '^TestSoak$$' .

pictures: deps ## the README's pictures, from the program itself in a real browser
	go test -tags pictures -count 1 -timeout 10m -run '^TestPictures$$' .

clean: ## remove what the targets above made
	rm -rf oore cover.out templates/testdata/node_modules handlers/github/testdata/node_modules handlers/oidc/testdata/node_modules
