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

// printResults prints what came out.
func (b *buildCommand) printResults(args []string, responses []*client.SolveResponse) error {
	all := map[string]any{}
	for i, response := range responses {
		metadata := decodeExporterResponse(response.ExporterResponse)
		if b.file != "" || len(args) == 1 {
			maps.Copy(all, metadata)
		} else {
			all[args[i]] = metadata
		}
		if dgst := response.ExporterResponse["containerimage.digest"]; dgst != "" && b.progressMode != "rawjson" {
			name := ""
			if b.file == "" {
				name = args[i] + " "
			}
			fmt.Fprintln(os.Stderr, name+dgst)
		}
	}
	if len(b.outputs) == 0 && !b.push && b.verbose() {
		fmt.Fprintln(os.Stderr, "nothing was written: the result is in the cache only (-o FILE writes it, --push pushes it)")
	}
	return b.writeMetadataFile(all)
}

// checkMetadataFile finds a file that can't be written.
func (b *buildCommand) checkMetadataFile() error {
	if b.metadataFile == "" {
		return nil
	}
	if info, err := os.Stat(b.metadataFile); err == nil && info.IsDir() {
		return errors.Errorf("%s is a folder: name a file in it", b.metadataFile)
	}
	_, err := os.Stat(filepath.Dir(b.metadataFile))
	return errors.Wrap(err, "folder")
}

// writeMetadataFile writes the metadata file, if one is wanted.
func (b *buildCommand) writeMetadataFile(metadata map[string]any) error {
	if b.metadataFile == "" {
		return nil
	}
	dt, err := json.MarshalIndent(metadata, "", "  ")
	if err != nil {
		return err
	}
	return errors.Wrap(writeFileAtomic(b.metadataFile, append(dt, '\n')), "--metadata-file")
}

// decodeExporterResponse returns an exporter's answer; values that are JSON in base64 are that JSON, as buildx has it.
func decodeExporterResponse(response map[string]string) map[string]any {
	metadata := map[string]any{}
	for key, value := range response {
		metadata[key] = value
		if dt, err := base64.StdEncoding.DecodeString(value); err == nil && json.Valid(dt) && len(dt) > 0 && dt[0] == '{' {
			metadata[key] = json.RawMessage(dt)
		}
	}
	return metadata
}
