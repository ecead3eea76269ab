# make help lists the targets, with their times on 2 cores: those of a new checkout, and where that differs of later calls.
# REGISTRY and PLATFORMS are those of make image.
GO        ?= go
PLATFORMS ?= linux/amd64,linux/arm64
REGISTRY  ?=
VERSION   ?=
TAG       ?= latest
FUZZTIME  ?= 30s
COUNT     ?= 5
CASES     ?=
# file:///dir where Go's can't be reached: a folder with what https://vuln.go.dev/vulndb.zip has.
VULNDB    ?= https://vuln.go.dev
VULNPACKAGES ?= ./cmd/...
# The oldest daemon that is supported, and the last one that can't tell a branch's commit.
OLDEST    := v0.14.1
BUILDKITS ?= $(OLDEST) v0.25.1
# What make test-compat tries: v0.32.0 is known for a bug, NEWEST is what setup builds, and docker-20.10 is Debian's engine.
NEWEST    := v0.33.1
COMPAT    ?= $(OLDEST) v0.17.3 v0.20.2 v0.24.0 v0.25.1 v0.28.1 v0.31.2 v0.32.0 v0.32.1 $(NEWEST) docker-20.10
# Ends only what hangs: a machine that is busy with something else may take three times as long as one that isn't.
TIMEOUT   := 40m
# How many tests of a package go on at once: one more than there are processors, as a build waits for its programs and servers.
PARALLEL  ?= $(shell expr $$(nproc) + 1)

# Debian's runc is in a folder that is not everybody's PATH, and programs are to speak English.
export PATH   := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL := C.UTF-8
# Go asks git for the commit that it builds, and git doesn't answer in a checkout of another user, as containers of CI have it.
ifndef GIT_CONFIG_COUNT
export GIT_CONFIG_COUNT   := 1
export GIT_CONFIG_KEY_0   := safe.directory
export GIT_CONFIG_VALUE_0 := $(CURDIR)
endif

comma := ,
platforms := $(subst $(comma), ,$(PLATFORMS))
# linux/amd64 -> bin/image/linux_amd64: the folder that takes the place of the Dockerfile's stage "build"
folders := $(foreach p,$(platforms),bin/image/$(subst /,_,$(p)))
contexts := $(foreach p,$(platforms),--opt context:build::$(p)=local:build-$(subst /,-,$(p)) --local build-$(subst /,-,$(p))=bin/image/$(subst /,_,$(p)))
# Times of files are those of the build, unless they are set: two builds would be two images.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
ifeq ($(REGISTRY),)
output := type=oci,tar=false,dest=bin/lambda-frontend
else
output := type=image,name=$(REGISTRY)/lambda-frontend:$(TAG),push=true
endif

.PHONY: help
help: ## list the targets (at once)
	@grep -E '^[a-z/-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: setup/command ## build a sample base image with the command, and on a BuildKit daemon of its own, twice each (4 minutes, the second time 15 s)
	$(GO) run ./test/demo

.PHONY: bin/lambdabase
bin/lambdabase: | bin ## the command line, one static binary (2 minutes, then seconds)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o $@ ./cmd/lambdabase

# Most of the processes live for a second or less: collecting their garbage less often takes 6 % off the time of all.
.PHONY: test
test: export GOGC = 400
test: setup ## all tests, on real daemons; fails where it can't have one (half an hour)
	LAMBDABASE_TEST=required $(GO) test -timeout $(TIMEOUT) -parallel $(PARALLEL) ./...

.PHONY: test-oldest
test-oldest: setup bin/buildkitd-$(OLDEST) ## the core of the tests on the oldest BuildKit that is supported (3 minutes)
	LAMBDABASE_TEST=required LAMBDABASE_BUILDKITS=$(OLDEST) $(GO) test -timeout $(TIMEOUT) -run Older ./test

.PHONY: test-compat
test-compat: setup $(patsubst %,bin/buildkitd-%,$(filter-out $(NEWEST),$(filter v%,$(COMPAT)))) ## every feature on every BuildKit, into docs/compatibility.md; COMPAT names some (2 hours, then half an hour)
	LAMBDABASE_TEST=required LAMBDABASE_COMPAT=$(CURDIR)/docs LAMBDABASE_BUILDKITS="$(COMPAT)" \
	  $(GO) test -count=1 -timeout 180m -run '^TestOlderDaemons$$' ./test

.PHONY: test-full
test-full: test $(BUILDKITS:%=bin/buildkitd-%) ## all tests, then older daemons, slow faults and the benchmark at small sizes, then each fuzz target for FUZZTIME (2 hours)
	LAMBDABASE_TEST=required LAMBDABASE_BUILDKITS="$(BUILDKITS)" LAMBDABASE_SLOW=1 $(GO) test -timeout $(TIMEOUT) -run 'Older|TestEveryFault|TestABuildThatIsKilled|TestTwoBuilds|TestTwoReleases|TestATarOfVeryMany|TestEveryWay' ./test ./test/bench
	$(MAKE) fuzz

# A target that fails is run once more: go test ends one with "context deadline exceeded" now and then, as its time is over.
# What is found stands below testdata/fuzz of its package from then on, and is tried by every go test.
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME; make test tries the seeds of all (half an hour)
	@failed=; for package in $$($(GO) list ./...); do \
	  for target in $$(cd "$$($(GO) list -f '{{.Dir}}' $$package)" && sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing\.F).*/\1/p' *_test.go 2>/dev/null); do \
	    echo "$$package $$target"; \
	    set -- $(GO) test -run "^$$target$$" -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package; \
	    "$$@" || "$$@" || failed="$$failed $$target"; \
	  done; \
	done; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

# Where much else runs, medians of more rounds are worth more. Nothing else of a report is lost by measuring a part of it anew.
.PHONY: bench
bench: setup ## builds of real size in every way, COUNT times each, into docs/performance.*; CASES is a pattern of groups (3 hours)
	LAMBDABASE_TEST=required LAMBDABASE_BENCH=$(CURDIR)/bin/bench LAMBDABASE_BENCH_CASES='$(CASES)' LAMBDABASE_BENCH_COUNT=$(COUNT) \
	  $(GO) test -count=1 -v -run '^TestMeasure$$' -timeout 180m ./test/bench

bin/buildkitd-%: | bin
	dir=$$(mktemp -d) && cd $$dir && $(GO) mod init old && $(GO) get github.com/moby/buildkit@$* && \
	  CGO_ENABLED=0 $(GO) build -mod=mod -trimpath -o $(CURDIR)/$@ github.com/moby/buildkit/cmd/buildkitd && rm -rf $$dir

# A checkout's linters keep a cache of their own: what other runs leave in the home's, broken off or trimmed, breaks one
# linter or another.
.PHONY: lint
lint: setup/lint ## gofmt, go vet, and the linters of .golangci.yml (2 minutes, then 20 s)
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .) || exit 1; \
	  test -z "$$unformatted" || { echo "$$unformatted"; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	GOLANGCI_LINT_CACHE=$(CURDIR)/bin/golangci-lint-cache bin/golangci-lint run ./...

.PHONY: vulncheck
vulncheck: bin/govulncheck ## known vulnerabilities of what the programs call; VULNDB names another database than Go's (2 minutes)
	bin/govulncheck -db $(VULNDB) $(VULNPACKAGES)

.PHONY: bin/govulncheck
bin/govulncheck: | bin
	CGO_ENABLED=0 $(GO) -C test/tools build -trimpath -o $(CURDIR)/bin/ golang.org/x/vuln/cmd/govulncheck

.PHONY: docs
docs: ## write docs/cli.md anew, the reference of the command, and the table of docs/options.md (1 minute)
	$(GO) test ./cmd/lambdabase ./frontend -run "TestTheReference|TestTheDocumentHasTheTable" -update

.PHONY: image
image: setup/daemon $(folders) ## the frontend's image as an OCI layout in bin/lambda-frontend, or pushed to REGISTRY (2 minutes, then 20 s)
	test/with-buildkitd bin/buildctl build --progress=plain --frontend dockerfile.v0 --local context=. --local dockerfile=. \
	  $(contexts) --opt platform=$(PLATFORMS) --opt build-arg:SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) --output $(output),rewrite-timestamp=true

.PHONY: $(folders)
$(folders): bin/image/%:
	@mkdir -p $@
	CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) \
	  $(GO) build -trimpath -ldflags "-s -w" -o $@/lambda-frontend ./cmd/lambda-frontend
	CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) \
	  $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o $@/check-layers ./cmd/check-layers
	cp /etc/ssl/certs/ca-certificates.crt $@/

# Of one version of Go, whatever is there: another makes other programs.
release release-check: export GOTOOLCHAIN = go$(shell sed -n 's/^go //p' go.mod)

.PHONY: release
release: release-check setup/daemon ## programs, archives, image, SBOMs and checksums of VERSION into bin/release (4 minutes, then 1 minute)
	test/with-buildkitd $(GO) run ./test/release $(VERSION)

.PHONY: release-check
release-check:
	@$(GO) run ./test/release -check $(VERSION)

.PHONY: setup
setup: bin ## bring what the tests need (5 minutes, then seconds)
	test/setup

.PHONY: setup/command setup/daemon setup/lint
setup/command setup/daemon setup/lint: setup/%: bin
	test/setup $*

bin:
	mkdir -p bin

.PHONY: clean
clean: ## remove what was built (at once)
	rm -rf bin
