package main

import (
	"bytes"
	"os"

	"lambdabase/frontend"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// printReport solves for something to read in place of an image, and prints it.
func (r *request) printReport(c *cobra.Command, asJSON bool, attrs map[string]string, build func(frontend.Frontend) gateway.BuildFunc) error {
	r.noRun = attrs["runtime"] != ""
	if err := r.checkRequest(attrs["runtime"]); err != nil {
		return &usageError{err, c.CommandPath()}
	}
	if err := r.reexec(c.Context(), os.Stdin); err != nil {
		return err
	}
	r.repositoryLock = r.lockFile()
	s, err := r.newSession(c.Context())
	if err != nil {
		return err
	}
	defer s.close()
	merged, err := r.attrs()
	if err != nil {
		return err
	}
	for name, value := range attrs {
		merged[name] = value
	}
	var result *gateway.Result
	t := target{attrs: merged, onResult: func(res *gateway.Result) { result = res }, build: build}
	if err := r.addLock(&t); err != nil {
		return err
	}
	if _, err := s.solve(c.Context(), t); err != nil {
		return err
	}
	name := "result.txt"
	if asJSON {
		name = "result.json"
	}
	if result == nil || result.Metadata[name] == nil {
		return errors.New("no answer")
	}
	_, err = os.Stdout.Write(append(bytes.TrimRight(result.Metadata[name], "\n"), '\n'))
	return err
}
