package main

import (
	"maps"
	"os"

	"lambdabase/frontend"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/pkg/errors"
)

// checkRequest finds what makes no sense in a request for the runtimes, or for a Dockerfile if there are none, before
// anything is begun.
func (r *request) checkRequest(runtimes ...string) error {
	if r.sample && (r.flagSet.Changed("repository") || r.flagSet.Changed("objects")) {
		return errors.New("--sample has a repository and objects of its own: leave out --repository and --objects")
	}
	for _, p := range r.platforms {
		if _, err := platforms.Parse(p); err != nil {
			return errors.Wrap(err, "--platform")
		}
	}
	if _, err := newSecretStore(r.secretFlags); err != nil {
		return err
	}
	if _, _, err := sshAgents(r.sshFlags, "", r.noRun); err != nil {
		return err
	}
	if _, err := progressui.NewDisplay(os.Stderr, progressui.DisplayMode(r.progressMode)); err != nil {
		return errors.Wrap(err, "--progress")
	}
	return r.checkOptions(runtimes)
}

// checkOptions has the frontend look at its options here: on a daemon the same would be a build that failed.
func (r *request) checkOptions(runtimes []string) error {
	attrs, err := r.attrs()
	if err != nil {
		return err
	}
	if len(runtimes) == 0 {
		_, err := frontend.ParseOptions(attrs)
		return err
	}
	for _, name := range runtimes {
		own := maps.Clone(attrs)
		own["runtime"] = name
		if _, err := frontend.ParseOptions(own); err != nil {
			return err
		}
	}
	return nil
}
