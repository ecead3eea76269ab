// Command check-layers is the step that checks whether layers can be merged, in the frontend's image. It is a program of its
// own, as it is part of the key that a cache has the check under: a new version of the frontend leaves it as it is.
package main

import (
	"context"
	"fmt"
	"os"

	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/layercheck"
	"lambdabase/internal/printable"
)

func main() {
	if err := layercheck.Run(context.Background(), os.Args[1:], contract.LayersDir, contract.OutDir, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "check-layers: %s\n", printable.Text(err.Error()))
		os.Exit(1)
	}
}
