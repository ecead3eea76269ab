package recipe

import (
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/pkg/errors"
)

// checkSyntax refuses a recipe whose "# syntax=" line names a frontend of somebody's own: docker build would run that, and it
// can make anything of the file. Docker's own frontend reads it as it is read here.
func checkSyntax(filename string, dt []byte) error {
	_, line, ranges, ok := parser.DetectSyntax(dt)
	if !ok {
		return nil
	}
	image, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	if IsDockerFrontend(image) || FrontendName(image) == OwnFrontend {
		return nil
	}
	err := errors.Errorf("%s:%d: syntax line names the frontend %q, which is not run: a recipe has Docker's own, or none", filename, ranges[0].Start.Line, image)
	return parser.WithLocation(err, ranges)
}

// OwnFrontend is what the image of this frontend is called, in any registry.
const OwnFrontend = "lambda-frontend"

// IsDockerFrontend tells the image of Docker's own Dockerfile frontend, or a mirror of it.
func IsDockerFrontend(image string) bool {
	name := FrontendName(image)
	return name == "dockerfile" || name == "dockerfile-upstream"
}

// FrontendName returns the last element of an image's name, which tells a frontend: nothing else can be known of it without
// fetching it.
func FrontendName(image string) string {
	name, _, _ := strings.Cut(image, "@")
	name, _, _ = strings.Cut(path.Base(name), ":")
	return name
}
