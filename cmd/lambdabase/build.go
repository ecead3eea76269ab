package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/staticfs"
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
	input                  *staticfs.FS // the Dockerfile, if it comes from the standard input
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
			b.noRun = b.file == ""
			if err := b.check(args); err != nil {
				return &usageError{err, c.CommandPath()}
			}
			input, err := b.readInput(c.Context())
			if err != nil {
				return err
			}
			if err := b.enter(c.Context(), input); err != nil {
				return err
			}
			return b.run(c.Context(), args)
		},
	}
	f := c.Flags()
	f.StringVarP(&b.file, "file", "f", "", "Dockerfile to build, in place of a runtime; - reads it from the standard input")
	f.StringArrayVarP(&b.outputs, "output", "o", nil, "where the result goes: a file for an OCI archive, or type=oci|docker|image|local|tar,dest=...; {runtime} stands for the runtime's name")
	f.StringArrayVarP(&b.tags, "tag", "t", nil, "name of the image; {runtime} stands for the runtime's name")
	f.BoolVar(&b.push, "push", false, "push the image under the names that --tag gives, with Docker's credentials")
	f.StringArrayVar(&b.args, "build-arg", nil, "build argument NAME=VALUE of the Dockerfile")
	f.StringArrayVar(&b.labels, "label", nil, "label NAME=VALUE of the image")
	f.StringVar(&b.target, "target", "", "stage of the Dockerfile to build")
	f.StringArrayVar(&b.cacheFrom, "cache-from", nil, "cache to import, as in type=registry,ref=... or type=local,src=...")
	f.StringArrayVar(&b.cacheTo, "cache-to", nil, "cache to export to, as in type=registry,ref=...,mode=max, type=local,dest=... or type=inline")
	f.StringVar(&b.metadata, "metadata-file", "", "file to write the digests and names of the results to, as JSON")
	f.BoolVar(&b.noProcessSandbox, "no-process-sandbox", false, "let RUN see your processes, and end them, where the BuildKit inside can't keep them from it: in a container, but as root of the machine")
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
	case b.noProcessSandbox && (b.addr != "" || b.file == ""):
		return errors.New("--no-process-sandbox goes with --file, and not with --addr: it is about RUN by the BuildKit inside")
	case b.push && len(b.tags) == 0:
		return errors.New("--push needs --tag")
	}
	if b.file == "" {
		for _, name := range args {
			if err := checkFolder(name); err != nil {
				return err
			}
		}
	}
	if _, _, err := b.caches(); err != nil {
		return err
	}
	if err := b.checkMetadata(); err != nil {
		return errors.Wrap(err, "--metadata-file")
	}
	if b.file != "" {
		args = nil
	}
	if err := b.request.check(args...); err != nil {
		return err
	}
	return b.checkResults(args)
}

// checkResults finds results that can't be written, or would be written over one another.
func (b *buildCommand) checkResults(runtimes []string) error {
	for _, tag := range b.tags {
		if len(runtimes) > 1 && !strings.Contains(tag, runtimePlace) {
			return severalIn(tag)
		}
	}
	if len(runtimes) == 0 {
		runtimes = []string{""} // a Dockerfile's
	}
	taken := map[string]string{}
	for _, runtime := range runtimes {
		if err := b.checkTags(runtime); err != nil {
			return err
		}
		outputs, err := b.results(runtime)
		if err != nil {
			return err
		}
		for _, o := range outputs {
			if err := cmp.Or(o.check(), o.checkImage(b.addr != "")); err != nil {
				return errors.Wrap(err, "--output")
			}
			for _, place := range o.places() {
				switch owner, is := taken[place]; {
				case is && owner == runtime:
					return errors.Errorf("two results would go to %s", place)
				case is:
					return severalIn(place)
				}
				taken[place] = runtime
			}
		}
	}
	return nil
}

func severalIn(place string) error {
	return errors.Errorf("several runtimes would go to one place, %s: give a name with {runtime} in it", place)
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
	if err := b.readSyntax(); err != nil {
		return err
	}
	a, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := a.close(); err == nil {
			err = cerr
		}
	}()
	if err := b.checkStore(ctx, a.client, args); err != nil {
		return err
	}
	jobs, files, err := b.jobs(args)
	if err != nil {
		return err
	}
	b.begun.add(files...)
	defer func() {
		b.begun.drop()
		for _, j := range jobs {
			j.tell()
		}
	}()
	answers, err := a.ask(ctx, jobs...)
	if err != nil {
		return withHint(err, args)
	}
	for _, f := range files {
		if err := f.keep(); err != nil {
			return err
		}
	}
	return b.tell(args, answers)
}

// jobs are the builds, and the files that their results are written to.
func (b *buildCommand) jobs(args []string) (jobs []job, files []pending, err error) {
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
func (b *buildCommand) finish(j *job) (files []pending, err error) {
	for _, l := range b.labels {
		name, value, _ := strings.Cut(l, "=")
		j.attrs["label:"+name] = value
	}
	if j.imports, j.caches, err = b.caches(); err != nil {
		return nil, err
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
		if dir, is := file.(*existingDir); is && o.kind == client.ExporterLocal {
			j.existing = append(j.existing, dir)
		}
	}
	return files, nil
}
