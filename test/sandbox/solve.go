package sandbox

import (
	"bytes"
	"context"
	"maps"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
)

// solveTimeout bounds every build of a test.
const solveTimeout = 5 * time.Minute

// Request is a build.
type Request struct {
	Frontend     string            // "dockerfile.v0", "gateway.v0"
	Func         gateway.BuildFunc // in place of Frontend: a frontend that runs inside the test, without an image
	Attrs        map[string]string // options of the frontend
	Dirs         map[string]string // local mounts: name to folder
	Export       map[string]string // attributes of the exporter
	CacheImports []client.CacheOptionsEntry
	CacheExports []client.CacheOptionsEntry
	Session      []session.Attachable // secrets, SSH, registry credentials
	Entitlements []string             // what is allowed: "network.host"
}

// Result is what is known of a build, a failed one too.
type Result struct {
	Progress string                 // as `--progress=plain` shows it
	Warnings []client.VertexWarning // given by the frontend
	Response map[string]string      // of the exporters and the frontend
}

// Solve runs a build; without exports its result is made and thrown away. The progress is in the log of a failed test.
func (d *Daemon) Solve(ctx context.Context, t testing.TB, req Request, exports ...client.ExportEntry) (*Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, solveTimeout)
	defer cancel()
	c, err := client.New(ctx, d.Addr)
	if err != nil {
		return nil, errors.Wrap(err, "client")
	}
	defer c.Close()
	opt, err := req.solveOpt(exports)
	if err != nil {
		return nil, err
	}
	result, err := req.run(ctx, c, opt)
	if err != nil {
		t.Logf("failed build:\n%s%v", result.Progress, err)
	}
	return result, err
}

func (req Request) solveOpt(exports []client.ExportEntry) (client.SolveOpt, error) {
	opt := client.SolveOpt{
		Frontend:      req.Frontend,
		FrontendAttrs: map[string]string{}, // a copy: the client writes into it
		LocalMounts:   map[string]fsutil.FS{},
		Exports:       exports,
		CacheImports:  req.CacheImports,
		CacheExports:  req.CacheExports,
		Session:       req.Session,

		AllowedEntitlements: req.Entitlements,
	}
	maps.Copy(opt.FrontendAttrs, req.Attrs)
	for name, dir := range req.Dirs {
		mount, err := fsutil.NewFS(dir)
		if err != nil {
			return opt, errors.Wrapf(err, "local mount %s", name)
		}
		opt.LocalMounts[name] = mount
	}
	return opt, nil
}

func (req Request) run(ctx context.Context, c *client.Client, opt client.SolveOpt) (*Result, error) {
	statuses, shown := make(chan *client.SolveStatus), make(chan *Result, 1)
	go func() { shown <- showProgress(statuses) }()
	response, err := req.send(ctx, c, opt, statuses)
	result := <-shown
	if response != nil {
		result.Response = response.ExporterResponse
	}
	return result, err
}

func (req Request) send(ctx context.Context, c *client.Client, opt client.SolveOpt, statuses chan *client.SolveStatus) (*client.SolveResponse, error) {
	if req.Func != nil {
		return c.Build(ctx, opt, "", req.Func, statuses)
	}
	return c.Solve(ctx, nil, opt, statuses)
}

// showProgress has no context: the client closes the channel in every case, and blocks if nobody reads it.
func showProgress(statuses chan *client.SolveStatus) *Result {
	var text bytes.Buffer
	display, err := progressui.NewDisplay(&text, progressui.PlainMode)
	if err != nil {
		for range statuses {
		}
		return &Result{Progress: err.Error()}
	}
	warnings, err := display.UpdateFrom(context.Background(), statuses)
	if err != nil {
		text.WriteString(err.Error())
	}
	return &Result{Progress: text.String(), Warnings: warnings}
}
