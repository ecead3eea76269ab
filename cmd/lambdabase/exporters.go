package main

import (
	"cmp"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// runtimePlaceholder stands for the runtime's name in names of images and files.
const runtimePlaceholder = "{runtime}"

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
