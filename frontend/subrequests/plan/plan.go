// Package plan is the sub-request that says what a base image is made of, before anything of it is fetched.
package plan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	result "lambdabase/frontend/subrequests"
	"lambdabase/internal/document"
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
	Version:     "2.0.0", // the JSON is a snapshot
	Type:        subrequests.TypeRPC,
	Description: "Say what the base image of a runtime is made of; no object is fetched",
	Opts:        []subrequests.Named{{Name: "runtime", Description: "the runtime"}, {Name: "platform", Description: "platforms, separated by commas"}},
	Metadata:    []subrequests.Named{{Name: "result.json"}, {Name: "result.txt"}},
}

// Result returns the answer: as JSON the snapshot (docs/snapshot.schema.json), and as text what the plans of its platforms make of it.
func Result(snapshot *document.Snapshot, plans []*lambda2llb.Plan) (*gateway.Result, error) {
	return result.Result(snapshot, func(_ []byte, w io.Writer) error { return write(w, snapshot, plans) }, Definition.Version)
}

func write(w io.Writer, s *document.Snapshot, plans []*lambda2llb.Plan) error {
	objects := s.Objects()
	var size int64
	for _, o := range objects {
		size += o.Size
	}
	fmt.Fprintf(w, "runtime     %s\ncommit      %s (%s)\nrepository  %s\nto fetch    %d objects, %s\n",
		s.Runtime, s.Commit, s.Date.Format(time.RFC3339), s.Repository, len(objects), units.HumanSize(float64(size)))
	if exclude := plans[0].Exclude; len(exclude) > 0 {
		fmt.Fprintf(w, "left out    %s\n", strings.Join(exclude, ", "))
	}
	uses := map[string]int{}
	for _, p := range plans {
		for _, l := range p.Layers {
			uses[l.OID]++
		}
	}
	for _, p := range plans {
		fmt.Fprintf(w, "\n%s, %s\n", platforms.Format(p.Platform), printable.Name(p.Recipe.Path))
		if err := writeLayers(w, p.Layers, uses); err != nil {
			return err
		}
	}
	return nil
}

// writeLayers writes a line for each layer. Uses tells how many layers of the answer have each object.
func writeLayers(w io.Writer, layers []lambda2llb.Layer, uses map[string]int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range layers {
		shared := ""
		if uses[l.OID] > 1 {
			shared = "(shared)"
		}
		fmt.Fprintf(tw, "  %s\t%s\tsha256:%s\t%s\t%s\n", units.HumanSize(float64(l.Size)), printable.Name(l.Path), l.OID, printable.Name(l.Origin.String()), shared)
	}
	return tw.Flush()
}
