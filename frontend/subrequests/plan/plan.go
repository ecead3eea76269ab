// Package plan is the sub-request that says what a base image is made of, before anything of it is fetched.
package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	result "lambdabase/frontend/subrequests"
	"lambdabase/internal/printable"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/docker/go-units"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
)

// Name is what "--call=lambda.plan" asks for.
const Name = "frontend.lambda.plan"

// Definition describes the call.
var Definition = subrequests.Request{
	Name:        Name,
	Version:     "1.0.0",
	Type:        subrequests.TypeRPC,
	Description: "Say what the base image of a runtime is made of; no object is fetched",
	Opts:        []subrequests.Named{{Name: "runtime", Description: "the runtime"}, {Name: "platform", Description: "platforms, separated by commas"}},
	Metadata:    []subrequests.Named{{Name: "result.json"}, {Name: "result.txt"}},
}

// Plan is the answer.
type Plan struct {
	Runtime    string     `json:"runtime"`
	Repository string     `json:"repository"`
	Commit     string     `json:"commit"`
	Created    time.Time  `json:"created"`
	Platforms  []Platform `json:"platforms"`
	Objects    int        `json:"objects"` // distinct ones of all platforms
	Size       int64      `json:"size"`    // of them, in bytes: what a daemon with an empty cache fetches
}

// Platform is the image of one platform.
type Platform struct {
	Platform string  `json:"platform"`
	Recipe   string  `json:"recipe"`
	Layers   []Layer `json:"layers"`
}

// Layer is a layer of it.
type Layer struct {
	File   string `json:"file"` // in the repository
	OID    string `json:"oid"`
	Size   int64  `json:"size"`   // in bytes
	URL    string `json:"url"`    // where it comes from: its own, or "lfs" and the server of the batch API
	Shared bool   `json:"shared"` // the same object as another layer's of this answer
}

// New returns the answer out of the plans of all platforms.
func New(plans []*lambda2llb.Plan) *Plan {
	uses := map[string]int{}
	for _, p := range plans {
		for _, l := range p.Layers {
			uses[l.OID]++
		}
	}
	first := plans[0]
	out := &Plan{Runtime: first.Runtime, Repository: first.Repository, Commit: first.Commit, Created: first.Created, Objects: len(uses)}
	counted := map[string]bool{}
	for _, p := range plans {
		platform := Platform{Platform: platforms.Format(p.Platform), Recipe: p.Recipe.Path}
		for _, l := range p.Layers {
			platform.Layers = append(platform.Layers, Layer{File: l.Path, OID: l.OID, Size: l.Size, URL: l.Origin.String(), Shared: uses[l.OID] > 1})
			if !counted[l.OID] {
				counted[l.OID] = true
				out.Size += l.Size
			}
		}
		out.Platforms = append(out.Platforms, platform)
	}
	return out
}

// ToResult returns the answer as JSON and as text.
func (p *Plan) ToResult() (*gateway.Result, error) {
	return result.Result(p, Print, Definition.Version)
}

// Print writes the JSON of a Plan as text.
func Print(dt []byte, w io.Writer) error {
	var p Plan
	if err := json.Unmarshal(dt, &p); err != nil {
		return err
	}
	fmt.Fprintf(w, "runtime     %s\ncommit      %s (%s)\nrepository  %s\nto fetch    %d objects, %s\n",
		p.Runtime, p.Commit, p.Created.Format(time.RFC3339), p.Repository, p.Objects, units.HumanSize(float64(p.Size)))
	for _, platform := range p.Platforms {
		fmt.Fprintf(w, "\n%s, %s\n", platform.Platform, printable.Name(platform.Recipe))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, l := range platform.Layers {
			shared := ""
			if l.Shared {
				shared = "(shared)"
			}
			fmt.Fprintf(tw, "  %s\t%s\tsha256:%s\t%s\t%s\n", units.HumanSize(float64(l.Size)), printable.Name(l.File), l.OID, printable.Name(l.URL), shared)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}
