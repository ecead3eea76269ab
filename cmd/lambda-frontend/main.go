// Command lambda-frontend is the frontend's image: BuildKit starts it and speaks the gateway protocol over its
// standard input and output.
package main

import (
	"fmt"
	"os"
	"time"

	"lambdabase/frontend"

	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec that the daemon speaks
)

func main() {
	// The user sees errors of a build in its result. This is for what prevents a result, and goes to the daemon's log.
	f := frontend.Frontend{Today: time.Now()}
	if err := grpcclient.RunFromEnvironment(appcontext.Context(), f.Build); err != nil {
		fmt.Fprintf(os.Stderr, "lambda-frontend: %+v\n", err)
		os.Exit(1)
	}
}
