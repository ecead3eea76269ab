package bench

import (
	"slices"

	"lambdabase/test/bench/report"
)

// group is a comparison: the same images, in several ways, ours last.
type group struct {
	name, title string
	charted     bool
	far         bool     // objects come over a slow link
	many        bool     // the sample is the one of all runtimes
	machines    bool     // two daemons, one for each architecture
	filled      *request // built once, elsewhere: it leaves a cache in the registry
	before      *request // built before, with the same cache
	measured    request
	repeat      int // how often it is measured in a round; 0: once
	ways        []way
}

// request is what is built.
type request struct {
	runtimes  []string // at once; none: all of the sample
	platforms string   // default: linux/amd64
	output    output
	function  bool // an image on the runtime, with new code each time
	changed   bool // the runtime is that of the next commit, which has one other layer
	pinned    bool // its commit is given
	exports   bool // a cache to the registry
	imports   bool // that cache
}

// output says where an image goes.
type output int

const (
	nowhere output = iota
	ociArchive
	push
)

var (
	one  = []string{"nodejs20.x"}
	four = []string{"nodejs20.x", "python3.12", "java21", "provided.al2023"}
	// eight have 16 images.
	eight = []string{"nodejs18.x", "nodejs20.x", "python3.11", "python3.12", "java17", "java21", "ruby3.3", "dotnet8"}
)

func groups() []group {
	return slices.Concat(coldGroups(), machineGroups(), cachedGroups(), registryGroups())
}

func coldGroups() []group {
	return []group{
		{name: "cold", title: "One runtime, nothing cached, no export", charted: true, measured: request{runtimes: one},
			ways: []way{floor, usual, dockerBuild, daemonLFS, inside, daemon}},
		{name: "cold-far", title: "The same, at 25 MB/s and 20 ms", charted: true, far: true, measured: request{runtimes: one},
			ways: []way{floor, usual, inside, daemon}},
		{name: "cold-oci", title: "One runtime, nothing cached, to an OCI archive in gzip", measured: request{runtimes: one, output: ociArchive},
			ways: []way{usual, dockerBuild, inside, daemon}},
		{name: "four", title: "Four runtimes at once, nothing cached, no export", charted: true, measured: request{runtimes: four},
			ways: []way{floor, usual, dockerBuild, inside, daemon}},
		{name: "four-oci", title: "Four runtimes at once, nothing cached, to OCI archives in gzip", measured: request{runtimes: four, output: ociArchive},
			ways: []way{dockerBuild, daemon}},
		{name: "sixteen", title: "16 images at once (eight runtimes, both architectures) from a smaller sample", many: true,
			measured: request{runtimes: eight, platforms: "linux/amd64,linux/arm64"}, ways: []way{inside, daemon}},
	}
}

// machineGroups are of one bake each, with an image for each architecture.
func machineGroups() []group {
	both := "linux/amd64,linux/arm64"
	return []group{
		{name: "machines-4", title: "4 images of a smaller sample in one bake on two machines", many: true, machines: true,
			measured: request{runtimes: eight[:2], platforms: both}, ways: []way{bake}},
		{name: "machines-16", title: "16 images", many: true, machines: true,
			measured: request{runtimes: eight, platforms: both}, ways: []way{bake}},
		{name: "machines-56", title: "56 images: all that there are", many: true, machines: true,
			measured: request{platforms: both}, ways: []way{bake}},
	}
}

func cachedGroups() []group {
	return []group{
		{name: "warm", title: "One runtime, all of it cached", before: &request{runtimes: one}, measured: request{runtimes: one}, repeat: 5,
			ways: []way{dockerBuild, inside, remote, daemon}},
		{name: "pinned", title: "The same, the commit given", before: &request{runtimes: one, pinned: true}, measured: request{runtimes: one, pinned: true}, repeat: 5,
			ways: []way{inside, remote, daemon}},
		{name: "changed", title: "One layer of 11 MB changed since the last build", charted: true, before: &request{runtimes: one}, measured: request{runtimes: one, changed: true},
			ways: []way{dockerBuild, inside, daemon}},
		{name: "second", title: "A second runtime, which shares its OS with the first", before: &request{runtimes: four[1:2]}, measured: request{runtimes: one},
			ways: []way{dockerBuild, inside, daemon}},
	}
}

func registryGroups() []group {
	cache := request{runtimes: one, output: push, exports: true}
	again := request{runtimes: one, output: push, imports: true}
	code, newCode := cache, again
	code.function, newCode.function = true, true
	return []group{
		{name: "fresh", title: "A fresh daemon, the registry has the cache, push", charted: true, filled: &cache, measured: again,
			ways: []way{usual, dockerBuild, daemon}},
		{name: "fresh-far", title: "The same, objects at 25 MB/s and 20 ms", charted: true, far: true, filled: &cache, measured: again,
			ways: []way{usual, daemon}},
		{name: "function", title: "A function whose code changed: a fresh daemon, the registry has the cache, push", filled: &code, measured: newCode,
			ways: []way{dockerFunction, daemon}},
	}
}

// way is how images are come by. What is the same for all of a group isn't measured: a daemon is there.
type way struct {
	name   string
	daemon bool
	build  func(*stage, request) error
}

var (
	floor          = way{report.Floor, false, (*stage).floor}
	usual          = way{report.Usual, true, (*stage).usual}
	dockerBuild    = way{report.DockerBuild, true, (*stage).dockerBuild}
	dockerFunction = way{"docker build on a base image in the registry", true, (*stage).dockerFunction}
	daemon         = way{report.Daemon, true, (*stage).onDaemon}
	daemonLFS      = way{report.DaemonLFS, true, (*stage).onDaemonByLFS}
	inside         = way{report.Inside, false, (*stage).inside}
	remote         = way{report.Remote, true, (*stage).remote}
	bake           = way{report.Bake, true, (*stage).bake}
)
