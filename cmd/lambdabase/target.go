package main

import (
	"context"
	"strings"

	"lambdabase/frontend"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/tonistiigi/fsutil"
)

// target is one thing to solve.
type target struct {
	name         string // before its steps in the progress; empty if it is the only one
	attrs        map[string]string
	mounts       map[string]fsutil.FS
	exports      []client.ExportEntry
	existingDirs []*existingDir // that files are written into
	cacheImports []client.CacheOptionsEntry
	cacheExports []client.CacheOptionsEntry
	stores       map[string]content.Store // of images, by the id that the frontend names
	onResult     func(*gateway.Result)    // of the frontend, if anybody wants it
	build        func(frontend.Frontend) gateway.BuildFunc
}

// markDirsWritten marks dirs that are written into.
func (t target) markDirsWritten() {
	for _, dir := range t.existingDirs {
		dir.written.Store(true)
	}
}

// warnPartialDirs says of dirs that were there that they may have a part of the result.
func (t target) warnPartialDirs() {
	for _, dir := range t.existingDirs {
		dir.warnIfPartial()
	}
}

// buildFunc returns what a frontend does if nothing else is asked of it.
func buildFunc(f frontend.Frontend) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) { return f.Build(ctx, c) }
}

// newTargets returns the builds, and the files that their results are written to.
func (b *buildCommand) newTargets(args []string) (targets []target, files []atomicOutput, err error) {
	if b.file != "" {
		t, err := b.dockerfileTarget(args)
		if err != nil {
			return nil, nil, err
		}
		targets = append(targets, t)
	} else {
		for _, runtime := range args {
			t := target{name: runtime, build: buildFunc}
			if t.attrs, err = b.attrs(); err != nil {
				return nil, nil, err
			}
			t.attrs["runtime"] = runtime
			if err := b.addLock(&t); err != nil {
				return nil, nil, err
			}
			targets = append(targets, t)
		}
	}
	for i := range targets {
		targetFiles, err := b.addCommon(&targets[i])
		if err != nil {
			return nil, nil, err
		}
		files = append(files, targetFiles...)
	}
	if len(targets) == 1 {
		targets[0].name = ""
	}
	return targets, files, nil
}

// addCommon adds what every build has.
func (b *buildCommand) addCommon(t *target) (files []atomicOutput, err error) {
	for _, l := range b.labels {
		name, value, _ := strings.Cut(l, "=")
		t.attrs["label:"+name] = value
	}
	if t.cacheImports, t.cacheExports, err = b.parseCaches(); err != nil {
		return nil, err
	}
	outputs, err := b.exporters(t.name)
	if err != nil {
		return nil, err
	}
	for _, o := range outputs {
		entry, file, err := o.exportEntry()
		if err != nil {
			return nil, err
		}
		t.exports = append(t.exports, entry)
		if file != nil {
			files = append(files, file)
		}
		if dir, is := file.(*existingDir); is && o.exporterType == client.ExporterLocal {
			t.existingDirs = append(t.existingDirs, dir)
		}
	}
	return files, nil
}
