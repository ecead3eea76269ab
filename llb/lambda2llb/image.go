package lambda2llb

import (
	"fmt"
	"maps"

	"lambdabase/internal/printable"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Labels that every base image has. The only ones of our own: a mirror must give the same digest.
const (
	LabelRuntime = "lambdabase.runtime"
	LabelCommit  = "lambdabase.commit"
)

// ImageConfig returns the config of the base image: the recipe's, and a history of which object each layer came from.
func (p Plan) ImageConfig(fs RootFS) *dockerspec.DockerOCIImage {
	image := p.Config
	image.Created = &p.Created
	image.Config.Labels = map[string]string{}
	maps.Copy(image.Config.Labels, p.Labels)
	for label, value := range map[string]string{LabelRuntime: p.Runtime, LabelCommit: p.Commit} {
		if value != "" { // a checkout doesn't tell its commit
			image.Config.Labels[label] = value
		}
	}
	image.History = nil
	for i, l := range p.Layers {
		if fs.isGone(i) {
			continue
		}
		origin := "sha256:" + l.OID
		if !l.IsObject() {
			origin = "from the build context"
		}
		p.addHistory(&image, fmt.Sprintf("ADD %s / # %s, %d bytes%s", printable.Name(l.Path), origin, l.Size, fs.excluded(i)), fs.isEmpty(i))
	}
	if !fs.HasWorkdir {
		p.addHistory(&image, "WORKDIR "+printable.Name(p.Config.Config.WorkingDir), false)
	}
	return &image
}

func (p Plan) addHistory(image *dockerspec.DockerOCIImage, createdBy string, empty bool) {
	image.History = append(image.History, ocispecs.History{
		Created:    &p.Created,
		CreatedBy:  createdBy,
		Comment:    "lambdabase",
		EmptyLayer: empty,
	})
}
