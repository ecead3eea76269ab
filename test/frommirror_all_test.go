package test

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"lambdabase/internal/catalog"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What upstream gives is asked for with its servers; then they are closed, and what the command has mirrored gives the same.
func TestEveryImageComesFromWhatTheCommandMirrored(t *testing.T) {
	t.Parallel()
	runtimes := []string{"nodejs20.x", "java8", "provided.al2023"}
	if os.Getenv(slowEnv) != "" {
		runtimes = nil // all
	}
	h := serveUpstream(t, runtimes...)
	c, upstream := newCLI(t), sandbox.Start(t)
	registry := serveCountedRegistry(t)
	c.mustRun(t, append([]string{"mirror", "--all", "--to=" + registry.location(), "--progress=plain"}, h.flags()...)...)
	c.mustRun(t, "mirror", "--all", "--from="+registry.location(), "--to=oci-layout:carried", "--progress=plain")
	var list []catalog.Runtime
	require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, "list", "--json", "--repository="+registry.location())), &list))
	locked := lock(t, upstream, h.request("nodejs20.x"))
	want := imageDigests(t, upstream, list, func(runtime string) sandbox.Request { return h.request(runtime) })
	if runtimes == nil {
		require.Len(t, want, 56)
	}
	h.Close()

	air := sandbox.Start(t)
	mirror := &mirrorServer{countedRegistry: registry, name: "lambda"}
	require.Equal(t, want, imageDigests(t, air, list, func(runtime string) sandbox.Request { return mirror.request(runtime) }))
	require.Equal(t, want["nodejs20.x linux/amd64"], oneImage(t, sandbox.Start(t), withLock(t, mirror.request("nodejs20.x"), locked)).Digest.String())

	carried := sandbox.Start(t)
	args := []string{"build", "--addr=" + carried.Addr, "--repository=oci-layout:carried", "--platform=linux/amd64", "-o", "{runtime}.tar"}
	for _, r := range list {
		args = append(args, r.Name)
	}
	c.mustRun(t, args...)
	for _, r := range list {
		images, err := sandbox.ReadOCI(c.file(r.Name + ".tar"))
		require.NoError(t, err)
		require.Equal(t, want[r.Name+" linux/amd64"], images[0].Digest.String(), r.Name)
	}
}

// imageDigests builds the runtimes for each of their platforms, some at once.
func imageDigests(t *testing.T, d *sandbox.Daemon, list []catalog.Runtime, request func(runtime string) sandbox.Request) map[string]string {
	t.Helper()
	digests, room := map[string]string{}, make(chan struct{}, 4)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, r := range list {
		for _, platform := range r.Platforms {
			room <- struct{}{}
			wg.Go(func() {
				defer func() { <-room }()
				req := request(r.Name)
				req.Attrs["platform"] = platform
				images, err := d.OCI(t, req)
				if !assert.NoError(t, err, r.Name) || !assert.Len(t, images, 1) {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				digests[r.Name+" "+platform] = images[0].Digest.String()
			})
		}
	}
	wg.Wait()
	require.False(t, t.Failed())
	return digests
}
