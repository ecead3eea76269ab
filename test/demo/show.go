package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"strconv"
	"text/tabwriter"

	"lambdabase/llb/lambda2llb"
	"lambdabase/test/sandbox"

	"github.com/docker/go-units"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

var quiet = log.New(io.Discard, "", 0)

// addedLayer is a layer's line in an image's history.
var addedLayer = regexp.MustCompile(`^ADD (\S+) / # (sha256:[0-9a-f]{64}), (\d+) bytes$`)

// show prints what an image says of itself, from nothing but the image.
func show(file string) error {
	images, err := sandbox.ReadOCI(file)
	if err != nil {
		return errors.Wrap(err, file)
	}
	var config ocispecs.Image
	if err := json.Unmarshal(images[0].Config, &config); err != nil {
		return errors.Wrap(err, "image config")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "runtime\t%s\n", config.Config.Labels[lambda2llb.LabelRuntime])
	fmt.Fprintf(w, "commit\t%s\n", config.Config.Labels[lambda2llb.LabelCommit])
	fmt.Fprintf(w, "created\t%s\n", config.Created)
	fmt.Fprintf(w, "platform\t%s/%s\n", config.OS, config.Architecture)
	fmt.Fprintf(w, "entrypoint\t%s\n", config.Config.Entrypoint)
	for i, h := range config.History {
		if m := addedLayer.FindStringSubmatch(h.CreatedBy); m != nil {
			size, _ := strconv.ParseInt(m[3], 10, 64)
			fmt.Fprintf(w, "layer %d\t%s\t%s\t%s\n", i+1, humanSize(size), m[2], m[1])
		}
	}
	fmt.Fprintf(w, "digest\t%s\n", images[0].Digest)
	fmt.Fprintf(w, "image\t%s (an OCI archive: skopeo copy oci-archive:%s ...)\n", file, file)
	return w.Flush()
}

func humanSize(size int64) string { return units.HumanSize(float64(size)) }
