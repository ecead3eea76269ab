package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client"
	buildctl "github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// runtimePlace stands for the runtime's name in names of images and files.
const runtimePlace = "{runtime}"

type buildCommand struct {
	request
	file, target, metadata string
	outputs, tags, args    []string
	labels                 []string
	cacheFrom, cacheTo     []string
	push                   bool
}

func newBuild() *cobra.Command {
	b := &buildCommand{}
	c := &cobra.Command{
		Use:   "build RUNTIME... | build -f DOCKERFILE [FOLDER]",
		Short: "Build base images of runtimes, or an image on one from a Dockerfile",
		Example: `  lambdabase build nodejs20.x -o nodejs20.x.tar
  lambdabase build nodejs20.x -o type=docker | docker load
  lambdabase build nodejs20.x python3.12 --platform linux/arm64 -t registry.example/base:{runtime} --push
  lambdabase build -f Dockerfile -t registry.example/function --push .
  lambdabase build nodejs20.x --addr docker-container://buildkitd -o type=local,dest=root`,
		ValidArgsFunction: runtimeNames,
		RunE: func(c *cobra.Command, args []string) error {
			if err := b.check(args); err != nil {
				return &usageError{err, c.CommandPath()}
			}
			if err := b.enter(c.Context()); err != nil {
				return err
			}
			return b.run(c.Context(), args)
		},
	}
	f := c.Flags()
	f.StringVarP(&b.file, "file", "f", "", "Dockerfile to build, in place of a runtime")
	f.StringArrayVarP(&b.outputs, "output", "o", nil, "where the result goes: a file for an OCI archive, or type=oci|docker|image|local|tar,dest=...; {runtime} stands for the runtime's name")
	f.StringArrayVarP(&b.tags, "tag", "t", nil, "name of the image; {runtime} stands for the runtime's name")
	f.BoolVar(&b.push, "push", false, "push the image under the names that --tag gives, with Docker's credentials")
	f.StringArrayVar(&b.args, "build-arg", nil, "build argument NAME=VALUE of the Dockerfile")
	f.StringArrayVar(&b.labels, "label", nil, "label NAME=VALUE of the image")
	f.StringVar(&b.target, "target", "", "stage of the Dockerfile to build")
	f.StringArrayVar(&b.cacheFrom, "cache-from", nil, "cache to import, as in type=registry,ref=... or type=local,src=...")
	f.StringArrayVar(&b.cacheTo, "cache-to", nil, "cache to export to, as in type=registry,ref=...,mode=max, type=local,dest=... or type=inline")
	f.StringVar(&b.metadata, "metadata-file", "", "file to write the digests and names of the results to, as JSON")
	b.flags(f, "auto")
	return c
}

// check finds what makes no sense before anything is begun.
func (b *buildCommand) check(args []string) error {
	switch {
	case b.file != "" && len(args) > 1:
		return errors.Errorf("one folder goes with --file, not %d", len(args))
	case b.file == "" && len(args) == 0:
		return errors.New("name a runtime, or a Dockerfile with --file")
	case b.file == "" && (b.target != "" || len(b.args) > 0):
		return errors.New("--target and --build-arg go with --file: a base image has no stages and takes no arguments")
	case b.push && len(b.tags) == 0:
		return errors.New("--push needs --tag")
	}
	_, err := b.results("")
	if err != nil {
		return err
	}
	for _, name := range append(b.outputs, b.tags...) {
		if len(args) > 1 && b.file == "" && !strings.Contains(name, runtimePlace) && name != "-" {
			return errors.Errorf("%d runtimes go to one place, %q: write {runtime} where the name differs", len(args), name)
		}
	}
	return nil
}

// results are all outputs of a runtime.
func (b *buildCommand) results(runtime string) ([]output, error) {
	var all []output
	for _, s := range b.outputs {
		o, err := parseOutput(s)
		if err != nil {
			return nil, errors.Wrapf(err, "--output %s", s)
		}
		all = append(all, o.forRuntime(runtime))
	}
	if b.push {
		all = append(all, output{kind: client.ExporterImage, attrs: map[string]string{"push": "true"}})
	}
	if len(b.tags) == 0 {
		return all, nil
	}
	names := strings.ReplaceAll(strings.Join(b.tags, ","), runtimePlace, runtime)
	for _, o := range all {
		if o.attrs["name"] == "" && o.kind != client.ExporterLocal && o.kind != client.ExporterTar {
			o.attrs["name"] = names
		}
	}
	return all, nil
}

func (b *buildCommand) run(ctx context.Context, args []string) (err error) {
	a, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := a.close(); err == nil {
			err = cerr
		}
	}()
	jobs, files, err := b.jobs(args)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			f.drop()
		}
	}()
	answers, err := a.ask(ctx, jobs...)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := f.keep(); err != nil {
			return err
		}
	}
	return b.tell(args, answers)
}

// jobs are the builds, and the files that their results are written to.
func (b *buildCommand) jobs(args []string) (jobs []job, files []*pending, err error) {
	if b.file != "" {
		j, err := b.dockerfile(args)
		if err != nil {
			return nil, nil, err
		}
		jobs = append(jobs, j)
	} else {
		for _, runtime := range args {
			j := job{name: runtime, build: plainly}
			if j.attrs, err = b.attrs(); err != nil {
				return nil, nil, err
			}
			j.attrs["runtime"] = runtime
			jobs = append(jobs, j)
		}
	}
	for i := range jobs {
		own, err := b.finish(&jobs[i])
		if err != nil {
			return nil, nil, err
		}
		files = append(files, own...)
	}
	if len(jobs) == 1 {
		jobs[0].name = ""
	}
	return jobs, files, nil
}

// finish adds what every build has.
func (b *buildCommand) finish(j *job) (files []*pending, err error) {
	for _, l := range b.labels {
		name, value, _ := strings.Cut(l, "=")
		j.attrs["label:"+name] = value
	}
	if j.imports, err = buildctl.ParseImportCache(b.cacheFrom); err != nil {
		return nil, errors.Wrap(err, "--cache-from")
	}
	if j.caches, err = buildctl.ParseExportCache(b.cacheTo); err != nil {
		return nil, errors.Wrap(err, "--cache-to")
	}
	results, err := b.results(j.name)
	if err != nil {
		return nil, err
	}
	for _, o := range results {
		entry, file, err := o.export()
		if err != nil {
			return nil, err
		}
		j.exports = append(j.exports, entry)
		if file != nil {
			files = append(files, file)
		}
	}
	return files, nil
}

// dockerfile builds a Dockerfile in a folder.
func (b *buildCommand) dockerfile(args []string) (job, error) {
	folder := "."
	if len(args) == 1 {
		folder = args[0]
	}
	attrs, err := b.attrs()
	if err != nil {
		return job{}, err
	}
	attrs["filename"] = filepath.Base(b.file)
	if b.target != "" {
		attrs["target"] = b.target
	}
	for _, arg := range b.args {
		name, value, given := strings.Cut(arg, "=")
		if !given {
			value = os.Getenv(name)
		}
		attrs["build-arg:"+name] = value
	}
	return job{attrs: attrs, build: plainly, dirs: map[string]string{"context": folder, "dockerfile": filepath.Dir(b.file)}}, nil
}

// tell writes what came out: the digests, and everything else into the metadata file.
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
	if b.metadata == "" {
		return nil
	}
	dt, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return errors.Wrap(os.WriteFile(b.metadata, append(dt, '\n'), 0o644), "--metadata-file")
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
