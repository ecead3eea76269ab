package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"lambdabase/internal/embedded"
	"lambdabase/internal/isolate"
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

// backend is where a build runs: in this process, or on a daemon.
type backend struct {
	addr, root, snapshotter string
	noProcessSandbox        bool
	pruning, discarding     bool  // room, by pruning; all of the cache
	discarded               int64 // bytes of a cache that was removed as a whole
	objectSizes             embedded.ObjectSizes
	debug                   bool
	warn                    func(string)
	openOutputs             openOutputs
}

func (b *backend) addBackendFlags(f *pflag.FlagSet) {
	f.StringVar(&b.addr, "addr", os.Getenv("BUILDKIT_HOST"), "address of a running buildkitd (unix://, tcp://, docker-container://NAME, ...) to build on, in place of the one inside (BUILDKIT_HOST)")
	f.StringVar(&b.root, "root", "", "folder of the cache of the BuildKit inside (LAMBDABASE_ROOT; the user's cache folder)")
	f.StringVar(&b.snapshotter, "snapshotter", "", "overlayfs or native, for the BuildKit inside; what the machine allows")
	f.BoolVar(&b.debug, "debug", false, "print the log of the BuildKit inside")
}

// reexec runs this process again in namespaces of its own if BuildKit is to run in it, with a standard input. Mounts go with
// them however it ends.
func (b *backend) reexec(ctx context.Context, stdin io.Reader) error {
	if b.addr == "" {
		isolated, exit, err := isolate.Reexec(ctx, stdin)
		if err == nil && !isolated {
			err = exitCodeError(exit)
		}
		if err != nil {
			return err
		}
	}
	context.AfterFunc(ctx, b.exitSoon)
	return nil
}

// interruptedCloseGrace is how long the BuildKit inside of a command that is interrupted may take to end.
const interruptedCloseGrace = 200 * time.Millisecond

// requiredPrograms are what the BuildKit inside runs for every build, with the package that has each in Debian. A daemon has
// its own, and says itself what it lacks.
var requiredPrograms = []struct{ name, pack string }{{"git", "git"}, {"xz", "xz-utils"}}

func (b *backend) checkPrograms() error {
	if b.addr != "" {
		return nil
	}
	for _, program := range requiredPrograms {
		if _, err := exec.LookPath(program.name); err != nil {
			return errors.Errorf("%s is missing, without which nothing can be built here: install package %s", program.name, program.pack)
		}
	}
	return nil
}

// connect returns a client, and what ends it all.
func (b *backend) connect(ctx context.Context) (*client.Client, func() error, error) {
	if b.addr != "" {
		c, err := client.New(ctx, b.addr, client.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(addExports)))
		if err != nil {
			return nil, nil, errors.Wrapf(err, "BuildKit at %s", b.addr)
		}
		return c, c.Close, nil
	}
	options, err := b.embeddedOptions()
	if err != nil {
		return nil, nil, err
	}
	bk, err := embedded.Start(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	c, err := bk.Client(ctx, client.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(addExports)))
	if err != nil {
		bk.Close()
		return nil, nil, err
	}
	return c, func() error {
		c.Close()
		if ctx.Err() != nil {
			return bk.CloseWithin(interruptedCloseGrace)
		}
		return bk.Close()
	}, nil
}

// wrapUnavailable adds to the error the address of a daemon that isn't there.
func (b *backend) wrapUnavailable(err error) error {
	if b.addr != "" && grpcerrors.Code(err) == codes.Unavailable {
		return errors.Wrapf(err, "BuildKit at %s doesn't answer", b.addr)
	}
	return err
}

// gitActivity returns what looks at BuildKit's git, where that runs in this process; nil where a daemon does.
func (b *backend) gitActivity() func(host string) (silent, worked time.Duration, known bool) {
	if b.addr != "" {
		return nil
	}
	return embedded.GitActivity
}

func (b *backend) embeddedOptions() (embedded.Options, error) {
	dir, err := b.ensureCacheDir("buildkit")
	if err != nil {
		return embedded.Options{}, err
	}
	lfsBytes, err := b.objectsSize()
	if err != nil {
		return embedded.Options{}, err
	}
	var log io.Writer
	if b.debug {
		log = os.Stderr
	}
	return embedded.Options{
		Root: dir, Snapshotter: b.snapshotter, NoProcessSandbox: b.noProcessSandbox, Log: log, ExternalUsage: lfsBytes, Pruning: b.pruning,
		Discard: b.discarding, OnDiscard: func(freed int64) { b.discarded = freed }, ObjectSizes: &b.objectSizes,
		OnWait: func(holder string) {
			fmt.Fprintf(os.Stderr, "waiting for %s, which uses the cache\n", printable.Name(holder))
		},
		OnLeftOut: b.warn,
		OnReset:   func(text string) { fmt.Fprintln(os.Stderr, printable.Name(text)) },
	}, nil
}

// withClient calls do with a client of BuildKit.
func (b *backend) withClient(ctx context.Context, do func(*client.Client) error) error {
	if err := b.reexec(ctx, os.Stdin); err != nil {
		return err
	}
	c, end, err := b.connect(ctx)
	if err != nil {
		return err
	}
	err = b.wrapUnavailable(do(c))
	if closeErr := end(); err == nil {
		err = closeErr
	}
	return err
}
