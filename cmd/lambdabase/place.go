package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"lambdabase/internal/embedded"
	"lambdabase/internal/printable"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/pkg/errors"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// place is where a build runs: in this process, or on a daemon.
type place struct {
	addr, root, snapshotter string
	noProcessSandbox        bool
	freeing                 bool // room, by pruning
	debug                   bool
	warn                    func(string)
	begun                   begun
}

func (p *place) flags(f *pflag.FlagSet) {
	f.StringVar(&p.addr, "addr", os.Getenv("BUILDKIT_HOST"), "address of a running buildkitd (unix://, tcp://, docker-container://NAME, ...) to build on, in place of the one inside (BUILDKIT_HOST)")
	f.StringVar(&p.root, "root", "", "folder of the cache of the BuildKit inside (LAMBDABASE_ROOT; the user's cache folder)")
	f.StringVar(&p.snapshotter, "snapshotter", "", "overlayfs or native, for the BuildKit inside; what the machine allows")
	f.BoolVar(&p.debug, "debug", false, "print the log of the BuildKit inside")
}

// enter runs this process again in namespaces of its own if BuildKit is to run in it, with a standard input. Mounts go with
// them however it ends.
func (p *place) enter(ctx context.Context, stdin io.Reader) error {
	if p.addr == "" {
		isolated, exit, err := embedded.Isolate(ctx, stdin)
		if err == nil && !isolated {
			err = exitError(exit)
		}
		if err != nil {
			return err
		}
	}
	context.AfterFunc(ctx, p.endInTime)
	return nil
}

// endInTime ends a command that is interrupted, if it doesn't by itself: whatever hangs then, like a reader of what it says,
// is not waited for. A cache bears it, as it bears a kill. Only what was begun is removed first.
func (p *place) endInTime() {
	time.Sleep(950 * time.Millisecond)
	say := func(text string) { go fmt.Fprintln(os.Stderr, text) }
	say(interrupted)
	p.dropBegun(say)
	time.Sleep(20 * time.Millisecond)
	os.Exit(exitInterrupted)
}

// slowDrop is how long removing may take without a word.
const slowDrop = 500 * time.Millisecond

func (p *place) dropBegun(say func(string)) {
	dropped := make(chan struct{})
	go func() {
		defer close(dropped)
		p.begun.drop()
	}()
	select {
	case <-dropped:
	case <-time.After(slowDrop):
		say("removing what was written of the output; to leave it there, interrupt once more")
		<-dropped
	}
}

// closeGrace is how long the BuildKit inside of a command that is interrupted may take to end.
const closeGrace = 200 * time.Millisecond

// programs are what the BuildKit inside runs for every build, with the package that has each in Debian. A daemon has its
// own, and says itself what it lacks.
var programs = []struct{ name, pack string }{{"git", "git"}, {"xz", "xz-utils"}}

func (p *place) checkPrograms() error {
	if p.addr != "" {
		return nil
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program.name); err != nil {
			return errors.Errorf("%s is missing, without which nothing can be built here: install package %s", program.name, program.pack)
		}
	}
	return nil
}

// connect gives a client, and what ends it all.
func (p *place) connect(ctx context.Context) (*client.Client, func() error, error) {
	if p.addr != "" {
		c, err := client.New(ctx, p.addr, client.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(addExports)))
		if err != nil {
			return nil, nil, errors.Wrapf(err, "BuildKit at %s", p.addr)
		}
		return c, c.Close, nil
	}
	options, err := p.options()
	if err != nil {
		return nil, nil, err
	}
	b, err := embedded.Start(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	c, err := b.Client(ctx, client.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(addExports)))
	if err != nil {
		b.Close()
		return nil, nil, err
	}
	return c, func() error {
		c.Close()
		if ctx.Err() != nil {
			return b.CloseWithin(closeGrace)
		}
		return b.Close()
	}, nil
}

// reached is an error with the address of a daemon that isn't there.
func (p *place) reached(err error) error {
	if p.addr != "" && grpcerrors.Code(err) == codes.Unavailable {
		return errors.Wrapf(err, "BuildKit at %s doesn't answer", p.addr)
	}
	return err
}

func (p *place) options() (embedded.Options, error) {
	dir, err := p.folder("buildkit")
	if err != nil {
		return embedded.Options{}, err
	}
	beside, err := p.objectsSize()
	if err != nil {
		return embedded.Options{}, err
	}
	var log io.Writer
	if p.debug {
		log = os.Stderr
	}
	return embedded.Options{
		Root: dir, Snapshotter: p.snapshotter, NoProcessSandbox: p.noProcessSandbox, Log: log, Beside: beside, Freeing: p.freeing,
		Waiting: func(holder string) {
			fmt.Fprintf(os.Stderr, "waiting for %s, which uses the cache\n", printable.Name(holder))
		},
		Warn:   p.warn,
		Notice: func(text string) { fmt.Fprintln(os.Stderr, printable.Name(text)) },
	}, nil
}

// folder is a part of the cache: what BuildKit keeps, objects, the sample, lists of runtimes.
func (p *place) folder(part string) (string, error) {
	dir, err := p.path(part)
	if err != nil {
		return "", err
	}
	return dir, errors.Wrap(os.MkdirAll(dir, 0o700), "cache")
}

func (p *place) path(part string) (string, error) {
	root := p.root
	if root == "" {
		var err error
		if root, err = embedded.DefaultRoot(); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(filepath.Join(root, part)) // which git runs elsewhere with
	return dir, errors.Wrap(err, "cache")
}
