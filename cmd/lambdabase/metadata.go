package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// tell says what came out.
func (b *buildCommand) tell(args []string, answers []*client.SolveResponse) error {
	all := map[string]any{}
	for i, answer := range answers {
		metadata := decoded(answer.ExporterResponse)
		if b.file != "" || len(args) == 1 {
			maps.Copy(all, metadata)
		} else {
			all[args[i]] = metadata
		}
		if dgst := answer.ExporterResponse["containerimage.digest"]; dgst != "" && b.progress != "rawjson" {
			name := ""
			if b.file == "" {
				name = args[i] + " "
			}
			fmt.Fprintln(os.Stderr, name+dgst)
		}
	}
	if len(b.outputs) == 0 && !b.push && b.shows() {
		fmt.Fprintln(os.Stderr, "nothing was written: the result is in the cache only (-o FILE writes it, --push pushes it)")
	}
	return b.note(all)
}

// checkMetadata finds a file that can't be written.
func (b *buildCommand) checkMetadata() error {
	if b.metadata == "" {
		return nil
	}
	if info, err := os.Stat(b.metadata); err == nil && info.IsDir() {
		return errors.Errorf("%s is a folder: name a file in it", b.metadata)
	}
	_, err := os.Stat(filepath.Dir(b.metadata))
	return errors.Wrap(err, "folder")
}

// note writes the metadata file, if one is wanted.
func (b *buildCommand) note(metadata map[string]any) error {
	if b.metadata == "" {
		return nil
	}
	dt, err := json.MarshalIndent(metadata, "", "  ")
	if err != nil {
		return err
	}
	return errors.Wrap(writeWhole(b.metadata, append(dt, '\n')), "--metadata-file")
}

// decoded is an exporter's answer; values that are JSON in base64 are that JSON, as buildx has it.
func decoded(answer map[string]string) map[string]any {
	metadata := map[string]any{}
	for key, value := range answer {
		metadata[key] = value
		if dt, err := base64.StdEncoding.DecodeString(value); err == nil && json.Valid(dt) && len(dt) > 0 && dt[0] == '{' {
			metadata[key] = json.RawMessage(dt)
		}
	}
	return metadata
}
