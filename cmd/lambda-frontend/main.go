// Command lambda-frontend is the frontend's image: BuildKit starts it and speaks the gateway protocol over its standard
// input and output. Steps of our own run from the same image: "lambda-frontend branches REPOSITORY FILE".
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/branches"

	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec that the daemon speaks
)

func main() {
	if err := run(appcontext.Context(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "lambda-frontend: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == "branches" {
		return listBranches(ctx, args[1], args[2])
	}
	// The user sees errors of a build in its result. What prevents a result goes to the daemon's log.
	f := frontend.Frontend{Today: time.Now()}
	return grpcclient.RunFromEnvironment(ctx, f.Build)
}

func listBranches(ctx context.Context, repository, file string) error {
	var answer branches.Answer
	var err error
	if answer.Runtimes, err = branches.List(ctx, repository); err != nil {
		answer = branches.Answer{Error: err.Error()}
	}
	dt, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return os.WriteFile(file, dt, 0o644)
}
