package frontend

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// historyMarker begins the author of each line of history in a base's config as it is predicted before anything is fetched. What
// comes after it is the base's key, so that a result says which base it stands on; a history alone may begin as another's.
const historyMarker = "lambdabase base "

// histories are those of base images as they turned out, by their keys.
type histories struct {
	mu     sync.Mutex
	actual map[string][]ocispecs.History
}

// set notes the history of a base as it turned out.
func (h *histories) set(base string, lines []ocispecs.History) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.actual == nil {
		h.actual = map[string][]ocispecs.History{}
	}
	h.actual[base] = lines
}

// markHistory has every line say whose it is.
func markHistory(base string, lines []ocispecs.History) {
	for i := range lines {
		lines[i].Author = historyMarker + base
	}
}

// correct puts the history of bases, as it turned out, in the place of what was predicted before they were fetched: one
// of their tars may be empty, or the working directory a layer of its own. Each layer must have its own line. BuildKit
// compares an image with its base line by line (exporter/containerimage/writer.go of v0.33.1), so both are corrected.
func (h *histories) correct(res *gateway.Result) error {
	for key, dt := range res.Metadata {
		if !isImageConfigKey(key) && !isBaseConfigKey(key) {
			continue
		}
		corrected, err := h.correctConfig(dt)
		if err != nil {
			return errors.Wrap(err, "image config")
		}
		res.Metadata[key] = corrected
	}
	return nil
}

func (h *histories) correctConfig(dt []byte) ([]byte, error) {
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
	h.mu.Lock()
	actual, fetched := h.actual[key]
	h.mu.Unlock()
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

// isImageConfigKey tells the metadata that is an image's config, of one platform or of one of several.
func isImageConfigKey(key string) bool {
	return key == exptypes.ExporterImageConfigKey || strings.HasPrefix(key, exptypes.ExporterImageConfigKey+"/")
}
