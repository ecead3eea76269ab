package main

import (
	"strings"

	"github.com/pkg/errors"
)

// givenOpts are the options of --opt as they are given; of one that is given twice the last counts.
type givenOpts map[string]string

func (r *request) givenOpts() (givenOpts, error) {
	given := givenOpts{}
	for _, opt := range r.frontendOpts {
		name, value, _ := strings.Cut(opt, "=")
		if name == "" || strings.HasSuffix(name, ":") {
			return nil, errors.Errorf("--opt %s has no name, want key=value", opt)
		}
		given[name] = value
	}
	return given, nil
}

// check refuses an option that a flag gives otherwise: neither is to be ignored in silence.
func (g givenOpts) check(name, value, flag string) error {
	if other, ok := g[name]; ok && other != value {
		return errors.Errorf("--opt %s=... and %s disagree: give one", name, flag)
	}
	return nil
}

// checkOpts finds what --opt says against the flags that all commands have.
func (r *request) checkOpts() error {
	given, err := r.givenOpts()
	if err != nil {
		return err
	}
	if _, ok := given["runtime"]; ok {
		return errors.New("--opt runtime=...: name the runtime as an argument")
	}
	for name, value := range r.optionFlags {
		if r.flagSet.Changed(name) {
			if err := given.check(name, *value, "--"+name); err != nil {
				return err
			}
		}
	}
	if len(r.platforms) > 0 {
		return given.check("platform", strings.Join(r.platforms, ","), "--platform")
	}
	return nil
}

// checkBuildOpts finds what --opt says against the flags of a build, and names that are none.
func (b *buildCommand) checkBuildOpts() error {
	given, err := b.givenOpts()
	if err != nil {
		return err
	}
	if b.target != "" {
		err = given.check("target", b.target, "--target")
	}
	if _, ok := given["filename"]; ok && b.file != "" {
		err = errors.New("--opt filename=... and --file name a Dockerfile: give one")
	}
	if err != nil {
		return err
	}
	for _, flag := range []struct {
		name, prefix string
		values       []string
	}{{"--build-arg", "build-arg:", b.args}, {"--label", "label:", b.labels}} {
		for _, v := range flag.values {
			name, value, hasValue := strings.Cut(v, "=")
			if strings.TrimSpace(name) == "" {
				return errors.Errorf("%s %q has no name, want NAME=VALUE", flag.name, v)
			}
			if !hasValue {
				continue
			}
			if err := given.check(flag.prefix+name, value, flag.name); err != nil {
				return err
			}
		}
	}
	return nil
}
