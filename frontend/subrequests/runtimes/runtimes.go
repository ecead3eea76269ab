// Package runtimes is the sub-request that lists the runtimes of a repository.
package runtimes

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	result "lambdabase/frontend/subrequests"
	"lambdabase/internal/catalog"
	"lambdabase/internal/printable"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
)

// Name is what "--call=lambda.runtimes" asks for.
const Name = "frontend.lambda.runtimes"

// Definition describes the call.
var Definition = subrequests.Request{
	Name:        Name,
	Version:     "1.0.0",
	Type:        subrequests.TypeRPC,
	Description: "List the runtimes that there are base images of",
	Metadata:    []subrequests.Named{{Name: "result.json"}, {Name: "result.txt"}},
}

// List is the answer, in the order of names.
type List []catalog.Runtime

// New returns the answer for runtimes that were found.
func New(found []catalog.Runtime) List {
	list := catalog.WithEndOfSupport(found)
	for i := range list {
		list[i].Date, list[i].Size = time.Time{}, 0 // which the answer doesn't have
	}
	return list
}

// ToResult returns the answer as JSON and as text.
func (l List) ToResult() (*gateway.Result, error) {
	return result.Result(l, Print, Definition.Version)
}

// Print writes the JSON of a List as a table, the name first.
func Print(dt []byte, w io.Writer) error {
	var l List
	if err := json.Unmarshal(dt, &l); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NAME\tPLATFORMS\tCOMMIT\tEND OF SUPPORT")
	for _, r := range l {
		platforms, commit := strings.Join(r.Platforms, ","), r.Commit
		if r.FromCatalog {
			platforms, commit = "?", "(from the catalogue)"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", printable.Name(r.Name), printable.Name(platforms), printable.Name(commit), r.EndOfSupport)
	}
	return tw.Flush()
}
