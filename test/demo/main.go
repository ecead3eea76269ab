// Command demo shows the main job to a newcomer: a base image from a runtime's name, by the command line with BuildKit in
// it, and where a daemon can run by the frontend's image too. Everything runs on this machine; the repository is the sample.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lambdabase/internal/sample/githost"

	"github.com/pkg/errors"
)

const (
	runtime  = "nodejs20.x"
	platform = "linux/amd64"
	image    = "bin/" + runtime + ".tar"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "lambdabase-demo")
	if err != nil {
		return errors.Wrap(err, "folder of the demo")
	}
	defer os.RemoveAll(dir)

	step("a sample of AWS's repository, in the place of github.com")
	env, err := newEnv(dir)
	if err != nil {
		return err
	}
	defer env.close()
	if err := env.byCommand(ctx, dir); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		fmt.Println("== the same on a BuildKit daemon is left out: it needs root")
		return nil
	}
	return env.byDaemon(ctx, dir)
}

// byCommand builds with the BuildKit inside the command.
func (s *env) byCommand(ctx context.Context, dir string) error {
	if err := s.command(ctx, "make", "bin/lambdabase"); err != nil {
		return err
	}
	repository, objects := s.server.URLs(s.host.URL)
	return s.buildTwice(ctx, "bin/lambdabase", "build", runtime, "--platform="+platform,
		"--repository="+repository, "--objects="+objects, "--root="+filepath.Join(dir, "cache"), "--output="+image)
}

// byDaemon builds with the frontend's image, on a daemon of the demo's own.
func (s *env) byDaemon(ctx context.Context, dir string) error {
	step("a BuildKit daemon, and the frontend's image in a registry on this machine")
	if err := setup(ctx, "daemon"); err != nil {
		return err
	}
	if err := s.startDaemon(ctx, dir); err != nil {
		return err
	}
	if err := s.command(ctx, "make", "--old-file=setup/daemon", "image", "PLATFORMS="+platform, "REGISTRY="+s.registry); err != nil {
		return err
	}
	repository, objects := s.server.URLs(s.host.URL)
	return s.buildTwice(ctx, "bin/buildctl", "build", "--frontend=gateway.v0", "--opt=source="+s.registry+"/lambda-frontend",
		"--opt=runtime="+runtime, "--opt=platform="+platform, "--opt=repository="+repository, "--opt=objects="+objects,
		"--output=type=oci,dest="+image)
}

// buildTwice builds, shows the image, and builds again.
func (s *env) buildTwice(ctx context.Context, name string, args ...string) error {
	step("%s %s", filepath.Base(name), strings.Join(args, " "))
	first, err := s.build(ctx, name, args...)
	if err != nil {
		return err
	}
	if err := show(image); err != nil {
		return err
	}
	second, err := s.build(ctx, name, args...)
	if err != nil {
		return err
	}
	fmt.Printf("\n%-14s %s\n%-14s %s\n\n", "first build", first, "second build", second)
	return nil
}

func step(format string, args ...any) { fmt.Printf("== "+format+"\n", args...) }

// buildCost is what a build took.
type buildCost struct {
	time          time.Duration
	objects, size int64
	git           int
}

func (c buildCost) String() string {
	return fmt.Sprintf("%5.2f s, %d objects fetched (%s), %d git requests", c.time.Seconds(), c.objects, humanSize(c.size), c.git)
}

// build builds the image as a user would, and counts at the server.
func (s *env) build(ctx context.Context, name string, args ...string) (buildCost, error) {
	s.server.Reset()
	start := time.Now()
	err := s.command(ctx, name, args...)
	c := buildCost{time: time.Since(start), git: s.server.Total(githost.Git)}
	for _, r := range s.server.Requests() {
		if r.Kind == githost.Object {
			c.objects++
			c.size += r.Bytes
		}
	}
	return c, err
}

// setup brings what a part of the project needs, and says what.
func setup(ctx context.Context, part string) error {
	cmd := exec.CommandContext(ctx, "test/setup", part)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return errors.Wrapf(cmd.Run(), "test/setup %s", part)
}

// command runs a command on the demo's daemon; its output is shown only if it fails.
func (s *env) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "BUILDKIT_HOST="+s.addr)
	out, err := cmd.CombinedOutput()
	return errors.Wrapf(err, "%s: %s", filepath.Base(name), strings.TrimSpace(string(out)))
}
