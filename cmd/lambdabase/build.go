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

// runtimePlaceholder stands for the runtime's name in names of images and files.
const runtimePlaceholder = "{runtime}"

type buildCommand struct {
	request
	file, target, metadataFile string
	outputs, tags, args        []string
	labels                     []string
	cacheFrom, cacheTo         []string
	push                       bool
	stdinDockerfile            *staticfs.FS // the Dockerfile, if it comes from the standard input
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
		ValidArgsFunction: completeRuntimes,
		RunE: func(c *cobra.Command, args []string) error {
			b.noRun = b.file == ""
			if err := b.checkArgs(args); err != nil {
				return &usageError{err, c.CommandPath()}
			}
			input, err := b.readStdin(c.Context())
			if err != nil {
				return err
			}
			if err := b.reexec(c.Context(), input); err != nil {
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
	f.StringVar(&b.metadataFile, "metadata-file", "", "file to write the digests and names of the results to, as JSON")
	f.BoolVar(&b.noProcessSandbox, "no-process-sandbox", false, "let RUN see your processes, and end them, where the BuildKit inside can't keep them from it: in a container, but as root of the machine")
	b.addFlags(f, "auto")
	return c
}

// checkArgs finds what makes no sense before anything is begun.
func (b *buildCommand) checkArgs(args []string) error {
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
			if err := checkNotPath(name); err != nil {
				return err
			}
		}
	}
	if _, _, err := b.parseCaches(); err != nil {
		return err
	}
	if err := b.checkMetadataFile(); err != nil {
		return errors.Wrap(err, "--metadata-file")
	}
	if b.file != "" {
		args = nil
	}
	if err := b.request.checkRequest(args...); err != nil {
		return err
	}
	return b.checkOutputs(args)
}

// checkOutputs finds results that can't be written, or would be written over one another.
func (b *buildCommand) checkOutputs(runtimes []string) error {
	for _, tag := range b.tags {
		if len(runtimes) > 1 && !strings.Contains(tag, runtimePlaceholder) {
			return sharedDestinationError(tag)
		}
	}
	if len(runtimes) == 0 {
		runtimes = []string{""} // a Dockerfile's
	}
	owners := map[string]string{}
	for _, runtime := range runtimes {
		if err := b.checkTags(runtime); err != nil {
			return err
		}
		outputs, err := b.exporters(runtime)
		if err != nil {
			return err
		}
		for _, o := range outputs {
			if err := cmp.Or(o.check(), o.checkImage(b.addr != "")); err != nil {
				return errors.Wrap(err, "--output")
			}
			for _, dest := range o.destinations() {
				switch owner, is := owners[dest]; {
				case is && owner == runtime:
					return errors.Errorf("two results would go to %s", dest)
				case is:
					return sharedDestinationError(dest)
				}
				owners[dest] = runtime
			}
		}
	}
	return nil
}

func sharedDestinationError(dest string) error {
	return errors.Errorf("several runtimes would go to one place, %s: give a name with {runtime} in it", dest)
}

// exporters returns all outputs of a runtime.
func (b *buildCommand) exporters(runtime string) ([]output, error) {
	var all []output
	for _, s := range b.outputs {
		o, err := parseOutput(s)
		if err != nil {
			return nil, errors.Wrapf(err, "--output %s", s)
		}
		all = append(all, o.expandRuntime(runtime))
	}
	if b.push {
		all = append(all, output{exporterType: client.ExporterImage, attrs: map[string]string{"push": "true"}})
	}
	if len(b.tags) == 0 {
		return all, nil
	}
	names := strings.ReplaceAll(strings.Join(b.tags, ","), runtimePlaceholder, runtime)
	for _, o := range all {
		if o.attrs["name"] == "" && o.exporterType != client.ExporterLocal && o.exporterType != client.ExporterTar {
			o.attrs["name"] = names
		}
	}
	return all, nil
}

func (b *buildCommand) run(ctx context.Context, args []string) (err error) {
	if err := b.readSyntaxLine(); err != nil {
		return err
	}
	s, err := b.newSession(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr
		}
	}()
	if err := b.checkImageStore(ctx, s.client, args); err != nil {
		return err
	}
	targets, files, err := b.newTargets(args)
	if err != nil {
		return err
	}
	b.openOutputs.add(files...)
	defer func() {
		b.openOutputs.abort()
		for _, t := range targets {
			t.warnPartialDirs()
		}
	}()
	responses, err := s.solve(ctx, targets...)
	if err != nil {
		return withDockerfileHint(err, args)
	}
	for _, f := range files {
		if err := f.commit(); err != nil {
			return err
		}
	}
	return b.printResults(args, responses)
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
