package sample

import (
	_ "embed"
	"encoding/json"
	"time"

	"github.com/pkg/errors"
)

// upstreamJSON holds the facts of 33 branches of the real repository as of 2024-10: which files,
// which layers in which order, and each object's id and size. A layer's kind is our reading of its
// size and place in the image; upstream does not say it.
//
//go:embed upstream.json
var upstreamJSON []byte

// branchSpec is one real branch.
type branchSpec struct {
	Branch        string
	Date          time.Time
	Files         []string
	GitAttributes string
	Dockerfiles   []dockerfile
}

// dockerfile is one real Dockerfile.<runtime>: the names of its instructions in their order, and
// their arguments by kind.
type dockerfile struct {
	Path         string
	Instructions []string
	Add          []add
	Env          [][2]string // pairs, for their order is part of the image
	Workdir      string
	Entrypoint   []string
}

// add is one ADD and the pointer it names.
type add struct {
	Source   string // as the Dockerfile says it, relative to the Dockerfile's own folder
	TreePath string `json:"tree_path"`
	OID      string // of the real object
	Size     int64  // of the real object
	Kind     layerKind
}

// layerKind is what a layer holds.
type layerKind string

const (
	operatingSystem layerKind = "os"
	language        layerKind = "language"
	runtimeClient   layerKind = "client"
	emulator        layerKind = "emulator"
	bootstrap       layerKind = "bootstrap"
	directories     layerKind = "directories" // 276 to 480 bytes: a few headers and nothing else
)

// branchSpecs reads the embedded facts, in the order of the branches' names.
func branchSpecs() ([]branchSpec, error) {
	var all []branchSpec
	err := json.Unmarshal(upstreamJSON, &all)
	return all, errors.Wrap(err, "embedded facts of upstream")
}
