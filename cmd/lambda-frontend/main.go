// Command lambda-frontend is the frontend's image: BuildKit starts it and speaks the gateway protocol over its standard
// input and output. With arguments it is a step of our own, run from the same image.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/execstep"
	"lambdabase/internal/printable"

	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec that the daemon speaks
)

func main() {
	if err := run(appcontext.Context(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "lambda-frontend: %s\n", printable.Text(err.Error()))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return execstep.Run(ctx, args, os.Stdout, os.Stderr)
	}
	// The user sees errors of a build in its result. What prevents a result goes to the daemon's log.
	f := frontend.Frontend{Today: time.Now()}
	return grpcclient.RunFromEnvironment(ctx, f.Build)
}
