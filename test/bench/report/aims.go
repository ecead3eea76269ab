package report

import (
	"fmt"
	"strings"
)

// aim is a figure that is meant to be reached.
type aim struct {
	text    string
	measure func(Report) (spread, bool)
	verb    string
	atMost  bool
	limit   float64
}

func aims() []aim {
	return []aim{
		atMost("fresh daemon, registry cache, push: seconds", "%.2f", 0.8, value("fresh", Daemon, wall)),
		atMost("the same: layers pulled", "%.0f", 0, value("fresh", Daemon, layers)),
		atMost("the same: objects fetched", "%.0f", 0, value("fresh", Daemon, objects)),
		atLeast("the same: the usual way with its registry cache / daemon", 3, over("fresh", Usual, Daemon)),
		atLeast("the same at 25 MB/s", 10, over("fresh-far", Usual, Daemon)),
		atMost("function whose code changed, fresh daemon, registry cache: seconds", "%.2f", 3.3, value("function", Daemon, wall)),
		atMost("BuildKit inside / floor, no export", "%.2f", 1.25, over("cold", Inside, Floor)),
		atMost("daemon / floor, no export", "%.2f", 1.40, over("cold", Daemon, Floor)),
		atMost("daemon: objects by Git LFS's batch API / by URLs", "%.2f", 1.05, over("cold", DaemonLFS, Daemon)),
		atLeast("usual way / BuildKit inside, no export", 2, over("cold", Usual, Inside)),
		atLeast("usual way / daemon, no export", 1.8, over("cold", Usual, Daemon)),
		atLeast("four runtimes: usual way / daemon, no export", 2.4, over("four", Usual, Daemon)),
		atLeast("four runtimes: docker build of ready checkouts / daemon, OCI gzip", 1.5, over("four-oci", DockerBuild, Daemon)),
		atMost("16 images at once: bytes fetched / bytes of distinct objects", "%.2f", 1, value("sixteen", Daemon, once)),
		atMost("56 images on two machines: bytes fetched / bytes of distinct objects", "%.2f", 1, value("machines-56", Bake, once)),
		atMost("the same: peak MB of all frontends", "%.0f", 150, value("machines-56", Bake, frontends)),
		atMost("warm, by the frontend's image: seconds", "%.2f", 0.10, value("warm", Daemon, wall)),
		atMost("warm, by build --addr: seconds", "%.2f", 0.10, value("warm", Remote, wall)),
		atMost("warm, commit given, by the frontend's image: seconds", "%.2f", 0.08, value("pinned", Daemon, wall)),
		atMost("warm, commit given, by build --addr: seconds", "%.2f", 0.08, value("pinned", Remote, wall)),
	}
}

// Names of ways.
const (
	Floor       = "floor: curl, xz and tar of each object, in parallel"
	Usual       = "usual way: clone, checkout, git lfs fetch, docker build"
	DockerBuild = "docker build of a checkout that is there"
	Daemon      = "lambdabase on a daemon"
	DaemonLFS   = "lambdabase on a daemon, objects=lfs"
	Inside      = "lambdabase with BuildKit inside"
	Remote      = "lambdabase build --addr, on a daemon"
	Bake        = "docker buildx bake by lambdabase"
)

func atMost(text, verb string, limit float64, measure func(Report) (spread, bool)) aim {
	return aim{text: text, measure: measure, verb: verb, atMost: true, limit: limit}
}

func atLeast(text string, limit float64, measure func(Report) (spread, bool)) aim {
	return aim{text: text, measure: measure, verb: "%.2f", limit: limit}
}

func value(group, way string, figure func(Run) float64) func(Report) (spread, bool) {
	return func(r Report) (spread, bool) {
		w := r.way(group, way)
		if w == nil {
			return spread{}, false
		}
		return w.spread(figure), true
	}
}

func over(group, a, b string) func(Report) (spread, bool) {
	return func(r Report) (spread, bool) {
		above, below := r.way(group, a), r.way(group, b)
		if above == nil || below == nil {
			return spread{}, false
		}
		return ratio(*above, *below, wall), true
	}
}

func (r Report) aimsTable() string {
	lines := []string{"| | aim | measured | reached |", "|---|---|---|---|"}
	for _, a := range aims() {
		if got, measured := a.measure(r); measured {
			lines = append(lines, a.line(got))
		}
	}
	return strings.Join(lines, "\n") + "\n\n"
}

func (a aim) line(got spread) string {
	word, reached := "at least ", got.median >= a.limit
	if a.atMost {
		word, reached = "at most ", got.median <= a.limit
	}
	answer := "no"
	if reached {
		answer = "yes"
	}
	return fmt.Sprintf("| %s | %s"+a.verb+" | %s | %s |", a.text, word, a.limit, got.format(a.verb), answer)
}
