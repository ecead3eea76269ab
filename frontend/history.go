package frontend

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// historyMarker begins the author of each line of history in a base's config as it is predicted before anything is fetched. What
// comes after it is the base's key, so that a result says which base it stands on; a history alone may begin as another's.
const historyMarker = "lambdabase base "

// setHistory notes the history of a base as it turned out.
func (b *baseImages) setHistory(base baseImage, lines []ocispecs.History) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.histories == nil {
		b.histories = map[string][]ocispecs.History{}
	}
	b.histories[base.key()] = lines
}

// correctHistory puts the history of bases, as it turned out, in the place of what was predicted before they were fetched: one
// of their tars may be empty, or the working directory a layer of its own. Each layer must have its own line. BuildKit
// compares an image with its base line by line (exporter/containerimage/writer.go of v0.33.1), so both are corrected.
func (b *baseImages) correctHistory(res *gateway.Result) error {
	for key, dt := range res.Metadata {
		if !isImageConfigKey(key) && !isBaseConfigKey(key) {
			continue
		}
		corrected, err := b.correctConfig(dt)
		if err != nil {
			return errors.Wrap(err, "image config")
		}
		res.Metadata[key] = corrected
	}
	return nil
}

func (b *baseImages) correctConfig(dt []byte) ([]byte, error) {
	var image dockerspec.DockerOCIImage
	if err := json.Unmarshal(dt, &image); err != nil {
		return nil, err
	}
	key, n := markedHistory(image.History)
	if n == 0 {
		return dt, nil
	}
	predicted := slices.Clone(image.History[:n])
	for i := range predicted {
		predicted[i].Author = ""
	}
	b.mu.Lock()
	actual, fetched := b.histories[key]
	b.mu.Unlock()
	if fetched {
		predicted = actual
	}
	image.History = slices.Concat(predicted, image.History[n:])
	return json.Marshal(image)
}

// markedHistory is the key of the base that a history begins with, and how many of its lines are the base's.
func markedHistory(lines []ocispecs.History) (key string, n int) {
	if len(lines) == 0 {
		return "", 0
	}
	key, ok := strings.CutPrefix(lines[0].Author, historyMarker)
	if !ok {
		return "", 0
	}
	n = slices.IndexFunc(lines, func(h ocispecs.History) bool { return h.Author != lines[0].Author })
	if n < 0 {
		n = len(lines)
	}
	return key, n
}

func isBaseConfigKey(key string) bool {
	return key == exptypes.ExporterImageBaseConfigKey || strings.HasPrefix(key, exptypes.ExporterImageBaseConfigKey+"/")
}
