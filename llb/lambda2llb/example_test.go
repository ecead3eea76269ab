package lambda2llb_test

import (
	"context"
	"fmt"
	"strings"

	"lambdabase/internal/lfs"
	"lambdabase/internal/llbtext"
	"lambdabase/llb/lambda2llb"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Each layer is fetched and unpacked on its own, and they are merged: so any two runtimes share what they have in common.
func ExampleConverter_Merge() {
	plan := lambda2llb.Plan{Runtime: "provided.al2023", Platform: ocispecs.Platform{OS: "linux", Architecture: "arm64"}}
	var layers []lambda2llb.Attempt
	for _, digit := range []string{"a", "b"} {
		object := lfs.Object{Pointer: lfs.Pointer{OID: strings.Repeat(digit, 64), Size: 1e6}, Path: digit + ".tar.xz"}
		origin := lambda2llb.HTTPOrigin{Address: "https://mirror.example/" + digit}
		layers = append(layers, lambda2llb.Attempt{Layer: lambda2llb.Layer{Object: object, Origin: origin}})
	}
	state := lambda2llb.NewConverter(plan).Merge(layers)

	def, err := state.Marshal(context.Background())
	if err != nil {
		panic(err)
	}
	text, err := llbtext.Format(def.ToPB())
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, " ") {
			fmt.Print(line)
		}
	}
	// Output:
	// 0 source https://mirror.example/a
	// 1 file <- 0
	// 2 source https://mirror.example/b
	// 3 file <- 2
	// 4 merge <- 1 <- 3
	// 5 result <- 4
}
