package main

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// env is everything around the build: the far ends, and a daemon.
type env struct {
	server   *githost.Server
	host     *httptest.Server
	images   *httptest.Server
	registry string // of images
	daemon   *exec.Cmd
	addr     string
}

func newEnv(dir string) (*env, error) {
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.02, Branches: []string{"nodejs18.x", runtime}})
	if err != nil {
		return nil, err
	}
	repository, err := sample.Create(filepath.Join(dir, "sample"), branches)
	if err != nil {
		return nil, err
	}
	s := &env{server: githost.New(repository)}
	s.host = httptest.NewServer(s.server)
	s.images = httptest.NewServer(registry.New(registry.Logger(quiet)))
	s.registry = strings.TrimPrefix(s.images.URL, "http://")
	return s, nil
}

// startDaemon starts a buildkitd of the demo's own and waits until it answers.
func (s *env) startDaemon(ctx context.Context, dir string) error {
	log, err := os.Create("bin/demo-buildkitd.log")
	if err != nil {
		return errors.Wrap(err, "log of buildkitd")
	}
	defer log.Close()
	s.addr = "unix://" + filepath.Join(dir, "buildkitd.sock")
	s.daemon = exec.Command("bin/buildkitd", "--root", filepath.Join(dir, "buildkit"), "--addr", s.addr, "--oci-worker-net=host")
	s.daemon.Stdout, s.daemon.Stderr = log, log
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for us to hand on, after the build has ended
	if err := s.daemon.Start(); err != nil {
		return errors.Wrap(err, "buildkitd")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c, err := client.New(ctx, s.addr)
	if err != nil {
		return errors.Wrap(err, "client of buildkitd")
	}
	defer c.Close()
	return errors.Wrapf(c.Wait(ctx), "buildkitd doesn't answer, see %s", log.Name())
}

func (s *env) close() {
	if s.daemon != nil && s.daemon.Process != nil {
		_ = s.daemon.Process.Signal(syscall.SIGTERM)
		_ = s.daemon.Wait()
	}
	s.host.Close()
	s.images.Close()
}
