// Package lock is the sub-request that makes a lock file: what the commits of today say of runtimes.
package lock

import (
	"io"

	result "lambdabase/frontend/subrequests"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
)

// Name is what "--call=lambda.lock" asks for.
const Name = "frontend.lambda.lock"

// Definition describes the call.
var Definition = subrequests.Request{
	Name:        Name,
	Version:     "1.0.0",
	Type:        subrequests.TypeRPC,
	Description: "Make a lock file of a runtime, or of the runtimes that a Dockerfile names; no object is fetched",
	Opts:        []subrequests.Named{{Name: "runtime", Description: "the runtime; without it, those of the Dockerfile"}, {Name: "platform", Description: "platforms, separated by commas; all that a runtime has"}},
	Metadata:    []subrequests.Named{{Name: "result.json"}, {Name: "result.txt"}},
}

// Result returns the answer. Its text is the file as well, so that what a client shows can be kept as it is.
func Result(lock *document.Lock) (*gateway.Result, error) {
	return result.Result(lock, func(_ []byte, w io.Writer) error {
		dt, err := lock.Marshal()
		if err == nil {
			_, err = w.Write(dt)
		}
		return err
	}, Definition.Version)
}
