package main

import (
	"cmp"
	"context"

	"github.com/moby/buildkit/util/staticfs"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type buildCommand struct {
	request
	file, target, metadataFile string
	outputs, tags, args        []string
	labels                     []string
	cacheFrom, cacheTo         []string
	push, check                bool
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
	f.BoolVar(&b.check, "check", false, "check what was written or pushed by the rules of AWS Lambda, as lambdabase check does, and fail where it takes no such image")
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
	if err := b.checkFile(); err != nil {
		return errors.Wrapf(err, "--file %s", b.file)
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
	if err := b.checkBuildOpts(); err != nil {
		return err
	}
	if b.file != "" {
		args = nil
	}
	if err := b.request.checkRequest(args...); err != nil {
		return err
	}
	return cmp.Or(b.checkOutputs(args), b.checkCheckable(args))
}

func (b *buildCommand) run(ctx context.Context, args []string) (err error) {
	if err := b.readSyntaxLine(); err != nil {
		return err
	}
	if b.repositoryLock, err = b.lockOf(args); err != nil {
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
	if err := b.printResults(args, responses); err != nil {
		return err
	}
	return b.checkResults(ctx, s, args, responses)
}
