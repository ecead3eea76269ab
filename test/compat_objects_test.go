package test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lambdabase/internal/document"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/compat"
	"lambdabase/test/fstree"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func tryLock(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x")
	text := lock(t, now, h.request("nodejs20.x"))
	want, err := now.Tar(t, h.request("nodejs20.x"))
	require.NoError(t, err)
	h.publish(t, "nodejs20.x")
	function := h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n", document.LockName: text})
	for name, req := range map[string]sandbox.Request{"base image": withLock(t, h.request("nodejs20.x"), text), "function": function} {
		h.Reset()
		got, err := d.Tar(t, tr.byImageOf(t, now, req))
		require.NoError(t, err, name)
		require.Empty(t, fstree.Diff(want, got), name)
		require.Zero(t, h.Total(githost.Git), name)
	}
	_, err = d.Solve(t.Context(), t, tr.byImageOf(t, now, h.request("nodejs20.x")))
	require.NoError(t, err)
	require.NotZero(t, h.Total(githost.Git), "no context, no lock")
	return compat.Yes()
}

func tryMirror(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	m := h.mirror(t, now, "nodejs20.x", "go1.x")
	image, _ := frontendImage(t, now)
	wanted, locked := h.request("nodejs20.x"), lock(t, now, h.request("nodejs20.x"))
	_, err := now.Solve(t.Context(), t, wanted) // pinned by the cache, once the server is gone
	require.NoError(t, err)
	wanted.Attrs["commit"] = must(h.Commit("nodejs20.x"))
	h.Close()
	req := byOwnImage(m.request("nodejs20.x"), image)
	tr.requireSame(t, now, wanted, d, req)
	m.asked()
	tr.requireSame(t, now, wanted, d, withLock(t, req, locked))
	require.Empty(t, m.asked(), "of a lock file, with a warm cache")
	_, err = d.Solve(t.Context(), t, byOwnImage(m.request("java21"), image))
	require.ErrorContains(t, err, m.location()+" has no runtime java21: ")
	m.injectObjects(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err = d.Solve(t.Context(), t, byOwnImage(m.request("go1.x"), image))
	require.ErrorContains(t, err, "mirror it again (lambdabase mirror go1.x")
	return compat.Yes()
}

func tryPrivateMirror(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "go1.x")
	m := h.mirror(t, now, "go1.x")
	m.requireTokens("joe", "pa55", 100)
	c := newCLI(t)
	c.setDockerConfig(t, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, m.host, base64.StdEncoding.EncodeToString([]byte("joe:pa55"))))
	got := c.run(t, "build", "go1.x", "--addr="+d.Addr, "--repository="+m.location(), "-o", "type=tar,dest=root.tar")
	if got.code == 0 {
		return compat.Yes()
	}
	readme.Explains(t, got.stderr, "before BuildKit 0.28 reads objects of a registry only where that lets anybody read")
	return compat.No("The snapshot is found with the user's credentials, and then an error says that objects are read only where anybody may")
}

func tryLayout(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "go1.x")
	layout := h.mirrorLayout(t, now, "go1.x")
	h.Close()
	got := newCLI(t).run(t, "build", "go1.x", "--addr="+d.Addr, "--repository=oci-layout:"+layout, "-o", "type=tar,dest=root.tar")
	if got.code == 0 {
		return compat.Yes()
	}
	require.Contains(t, got.stderr, "repository oci-layout:DIR needs BuildKit 0.28 or later: leave out --addr")
	return compat.No("It is refused, with what else can be done: a mirror in a registry, or BuildKit inside the command")
}

func tryBatchStep(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	image, _ := frontendImage(t, now)
	req := tr.onHostNetwork(h.byImage(image, "go1.x"))
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.NotZero(t, h.Total(githost.Batch))
	tr.requireSame(t, now, h.request("go1.x"), d, req)
	h.Inject(faults.Target{Kind: githost.Batch}, faults.Message(404, "not here"))
	_, err = d.Solve(t.Context(), t, tr.onHostNetwork(h.byImage(image, "nodejs20.x")))
	require.ErrorContains(t, err, "5 objects failed: not found, or private (404", "one it has from the other runtime")
	h.ClearFaults()
	_, err = d.Solve(t.Context(), t, tr.onHostNetwork(h.byImage(image, "nodejs21.x")))
	require.ErrorContains(t, err, "did you mean nodejs24.x")
	_, err = d.Solve(t.Context(), t, h.byImage(image, "go1.x", "objects", h.URL+"/nowhere/{oid}", "no-cache", ""))
	require.ErrorContains(t, err, "5 objects failed")
	return compat.Yes()
}

func tryBatchCommand(t *testing.T, tr trial) compat.Verdict {
	c, now, d := newCLI(t), sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "go1.x")
	args := append(buildArgs(h, "go1.x"), "--addr="+d.Addr, "--objects=lfs", "-o", "type=tar,dest=root.tar")
	got := c.run(t, args...)
	if got.code == 0 {
		require.NotZero(t, h.Total(githost.Batch))
		return compat.Yes()
	}
	require.Contains(t, got.stderr, "name the image as option source")
	image, _ := frontendImage(t, now)
	if tr.images { // the engine has no network but the host's, which the command can't allow
		c.mustRun(t, append(args, "--opt=source="+image)...)
		require.NotZero(t, h.Total(githost.Batch))
	}
	return compat.No("An error asks for the frontend's image (`--opt source=`), whose step does it")
}

func tryToken(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	h := serveUnique(t)
	objects := h.secondServer(t)
	objects.SetAccess(githost.Access{Accept: []string{"Bearer t0ken"}, PlainURLs: true})
	req := withSecrets(h.request("nodejs20.x", "objects", objects.URL+"/objects/{oid}"), "HTTP_AUTH_TOKEN_127.0.0.1", "t0ken")
	_, err := d.Solve(t.Context(), t, req)
	if err == nil {
		return compat.Yes()
	}
	require.ErrorContains(t, err, "pass what it asks for as the secret HTTP_AUTH_TOKEN_127.0.0.1 or HTTP_AUTH_HEADER_127.0.0.1 (BuildKit 0.21 or later)")
	return compat.No("An error says that it takes BuildKit 0.21 or later")
}

func tryMissingXZ(t *testing.T, tr trial) compat.Verdict {
	h := serveUpstream(t, "go1.x")
	d := tr.start(t, needs{programs: []string{"git", "sed", "uname", "basename", "sh"}})
	for _, layers := range []string{"auto", "chain"} {
		_, err := d.Solve(t.Context(), t, h.request("go1.x", "layers", layers))
		require.Error(t, err)
		require.Regexp(t, "xz fails where buildkitd runs, or is missing|the BuildKit daemon has no xz", err.Error())
		if layers == "chain" && strings.Contains(err.Error(), "BuildKit copies what it can't unpack") {
			return compat.Partly("The error says that xz fails or is missing: BuildKit itself copies the archive, and says nothing")
		}
	}
	return compat.Yes()
}

func tryImpliedParent(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	bare := compress(t, packTar(t, dirEntry("opt/tool", 0o755), file("opt/tool/a", "1")))
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, taskDirs...)), bare)})
	for _, layers := range []string{"auto", "chain"} {
		tree, err := d.Tar(t, h.request("case", "layers", layers))
		if err != nil {
			require.ErrorContains(t, err, "for linux/amd64: this BuildKit can't make a directory whose parent has no header in the archive")
			requireAt(t, err, "Dockerfile.case", 3)
			return compat.No("An error names layer and platform, and says to upgrade to BuildKit v0.32.1 or later")
		}
		require.Contains(t, tree, "/opt/tool/a")
	}
	return compat.Yes()
}
