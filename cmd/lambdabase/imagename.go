package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/worker/label"
	"github.com/pkg/errors"
)

// BuildKit looks at the names of images only when everything is built, and says nothing of an image that goes nowhere.

// checkImageName finds a name that can't be.
func checkImageName(name string, byDigest bool) error {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return errors.Wrapf(err, "image name %q", name)
	}
	if _, digested := named.(reference.Digested); digested {
		return errors.Errorf("image name %q: the digest isn't known before the image is: leave it out", name)
	}
	if byDigest && !reference.IsNameOnly(named) {
		return errors.Errorf("image name %q: push-by-digest goes with a name that has no tag", name)
	}
	return nil
}

// checkTags looks at --tag by itself: an output may have a name of its own, or none.
func (b *buildCommand) checkTags(runtime string) error {
	for _, tag := range b.tags {
		name := strings.ReplaceAll(tag, runtimePlaceholder, runtime)
		if err := checkImageName(name, false); err != nil {
			if runtime == "" && name != tag {
				err = errors.Wrap(err, "a Dockerfile has no {runtime}")
			}
			return errors.Wrap(err, "--tag")
		}
	}
	return nil
}

// checkImage finds names that can't be, and an image that goes nowhere. Whether a daemon keeps images only that daemon
// knows: see [buildCommand.checkStore].
func (o output) checkImage(hasDaemon bool) error {
	push, err := o.boolAttr("push", false)
	if err != nil {
		return err
	}
	store, err := o.boolAttr("store", true)
	if err != nil {
		return err
	}
	byDigest, err := o.boolAttr("push-by-digest", false)
	if err != nil {
		return err
	}
	for _, name := range o.imageNames() {
		if err := checkImageName(name, push && byDigest); err != nil {
			return err
		}
	}
	switch nameless := len(o.imageNames()) == 0 && o.attrs["dangling-name-prefix"] == ""; {
	case o.exporterType != client.ExporterImage:
		return nil
	case push && nameless:
		return errors.New("an image is pushed under a name: give one with --tag, or name=...")
	case push:
		return nil
	case !hasDaemon:
		return errors.New("type=image is kept nowhere here: push it (push=true, or --push), or write a file (-o FILE, type=docker)")
	case !store:
		return errors.New("type=image with store=false and without push=true goes nowhere")
	case nameless:
		return errors.New("an image is kept under a name: give one with --tag, or name=...")
	}
	return nil
}

// imageNames returns the names that the output gives the image.
func (o output) imageNames() []string {
	if o.attrs["name"] == "" {
		return nil
	}
	return strings.Split(o.attrs["name"], ",")
}

// boolAttr returns an attribute that is true or false, as BuildKit reads it.
func (o output) boolAttr(name string, defaultValue bool) (bool, error) {
	value, given := o.attrs[name]
	switch {
	case !given:
		return defaultValue, nil
	case value == "":
		return true, nil
	}
	is, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.Errorf("%s=%s, want true or false", name, value)
	}
	return is, nil
}

// checkImageStore asks a daemon that is to keep an image whether it keeps any: without containerd it doesn't.
func (b *buildCommand) checkImageStore(ctx context.Context, bk *client.Client, args []string) error {
	needsStore, err := b.needsImageStore(args)
	if err != nil || !needsStore || b.addr == "" {
		return err
	}
	workers, err := bk.ListWorkers(ctx)
	if err != nil {
		return b.wrapUnavailable(err)
	}
	if len(workers) > 0 && workers[0].Labels[label.Executor] == "oci" {
		return &usageError{errors.Errorf("type=image is kept nowhere: BuildKit at %s has no containerd: push it (push=true, or --push), or write a file (-o FILE, type=docker)", b.addr), "lambdabase build"}
	}
	return nil
}

// needsImageStore reports whether a result is an image that only the daemon is to keep.
func (b *buildCommand) needsImageStore(args []string) (bool, error) {
	runtime := ""
	if b.file == "" {
		runtime = args[0]
	}
	outputs, err := b.exporters(runtime)
	return slices.ContainsFunc(outputs, func(o output) bool {
		push, _ := o.boolAttr("push", false)
		return o.exporterType == client.ExporterImage && !push
	}), err
}
