package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"lambdabase/internal/printable"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"

	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type sampleCommand struct {
	dir, addr string
	scale     float64
	runtimes  []string
}

func newSample() *cobra.Command {
	s := &sampleCommand{}
	c := &cobra.Command{
		Use:   "sample",
		Short: "Serve a sample of AWS's repository",
		Long: `Make a sample of AWS's repository, with the same branches, files and sharing of layers but other content, and serve it over
git's and Git LFS's own protocols, as github.com does: to see things work without a network, or to try a mirror's set-up.`,
		Example: `  lambdabase sample
  lambdabase sample --addr 0.0.0.0:8417 --scale 1 --runtime nodejs20.x --dir /var/tmp/sample`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.run(c) },
	}
	f := c.Flags()
	f.StringVar(&s.dir, "dir", "", "folder to keep it in; a temporary one")
	f.StringVar(&s.addr, "addr", "127.0.0.1:8417", "address to serve on")
	f.Float64Var(&s.scale, "scale", sampleScale, "size of the layers; 1 is as large as the real ones")
	f.StringSliceVar(&s.runtimes, "runtime", nil, "runtimes to make; all")
	return c
}

func (s *sampleCommand) run(c *cobra.Command) error {
	if s.dir != "" {
		return s.serve(c, s.dir)
	}
	dir, err := os.MkdirTemp("", "lambdabase-sample")
	if err != nil {
		return errors.Wrap(err, "sample")
	}
	defer os.RemoveAll(dir)
	return s.serve(c, dir)
}

// serve serves the sample in a folder until the command is interrupted, which is how it ends well.
func (s *sampleCommand) serve(c *cobra.Command, dir string) error {
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	repository, err := openOrCreateSample(dir, s.scale, s.runtimes)
	if err != nil {
		return err
	}
	handler := githost.New(repository)
	handler.OnRequest = func(r githost.Request) {
		fmt.Fprintln(c.ErrOrStderr(), r.Status, r.Kind, r.Method, printable.Name(r.Path), r.Bytes)
	}
	url, objects := handler.URLs("http://" + listener.Addr().String())
	fmt.Fprintf(c.OutOrStdout(), "repository  %s\nobjects     %s (or lfs)\n", url, objects)
	server := &http.Server{Handler: handler}
	context.AfterFunc(c.Context(), func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sampleScale makes layers of some hundred kilobytes.
const sampleScale = 0.001

// openOrCreateSample returns the sample in a folder, made if it isn't there.
func openOrCreateSample(dir string, scale float64, runtimes []string) (*sample.Repository, error) {
	dir, err := filepath.Abs(dir) // git runs elsewhere
	if err != nil {
		return nil, errors.Wrap(err, "sample")
	}
	if !isSample(dir) {
		branches, err := sample.Upstream(sample.UpstreamOptions{Scale: scale, Branches: runtimes})
		if err != nil {
			return nil, err
		}
		if err := createSample(dir, branches); err != nil {
			return nil, errors.Wrapf(err, "sample in %s", dir)
		}
	}
	return sample.Open(dir)
}

// createSample makes it beside the folder at first: what a process that is killed has made by half would be taken for the
// whole.
func createSample(dir string, branches []sample.Branch) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir))
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if _, err := sample.Create(temp, branches); err != nil {
		return err
	}
	// os.Rename puts nothing in a folder's place, not even in an empty one's.
	if err := syscall.Rename(temp, dir); err != nil && !isSample(dir) { // another process may have been first
		return err
	}
	return nil
}

func isSample(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "repo.git"))
	return err == nil
}

// serveSample serves the sample for the time of the command.
func (b *backend) serveSample() (stop func() error, repository, objects string, err error) {
	dir, err := b.ensureCacheDir("sample")
	if err != nil {
		return nil, "", "", err
	}
	repo, err := openOrCreateSample(dir, sampleScale, nil)
	if err != nil {
		return nil, "", "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", "", err
	}
	handler := githost.New(repo)
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	repository, objects = handler.URLs("http://" + listener.Addr().String())
	return server.Close, repository, objects, nil
}

// useSample serves the sample, and names it as the repository.
func (r *request) useSample() (stop func() error, err error) {
	stop, repository, objects, err := r.serveSample()
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"repository": repository, "objects": objects} {
		if err := r.flagSet.Set(name, value); err != nil {
			return stop, err
		}
	}
	return stop, nil
}
