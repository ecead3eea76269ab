package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/document"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// lock asks for a lock file of what a request is for.
func lock(t *testing.T, d *sandbox.Daemon, req sandbox.Request) string {
	t.Helper()
	req.Attrs["requestid"] = "lambda.lock"
	answer := callSubrequest(t, d, req)
	delete(req.Attrs, "requestid")
	return answer
}

// publish pushes another snapshot of a runtime by force, as AWS does.
func (h *repoServer) publish(t testing.TB, runtime string) { h.publishRelease(t, runtime, 1) }

// publishRelease pushes the nth snapshot that follows the first.
func (h *repoServer) publishRelease(t testing.TB, runtime string, n int) {
	t.Helper()
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{runtime}, Release: n})
	require.NoError(t, err)
	_, err = h.Push(made[0])
	require.NoError(t, err)
}

// withLock gives a request a build context that has a lock file.
func withLock(t testing.TB, req sandbox.Request, text string) sandbox.Request {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, document.LockName), []byte(text), 0o644))
	req.Dirs = map[string]string{"context": dir}
	return req
}

func TestALockedBuildAsksNoGitServer(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	text := lock(t, d, h.request("nodejs20.x"))
	want := oneImage(t, d, h.request("nodejs20.x"))
	h.publish(t, "nodejs20.x")
	require.NotEqual(t, want.Digest, oneImage(t, d, h.request("nodejs20.x")).Digest, "the branch has moved on")

	fresh := sandbox.Start(t)
	h.Reset()
	req := withLock(t, h.request("nodejs20.x"), text)
	result, err := fresh.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Contains(t, result.Progress, "obey lambda.lock.json: nodejs20.x is commit ")
	require.Zero(t, h.Total(githost.Git))
	require.NotZero(t, h.Total(githost.Object))
	require.Equal(t, want.Digest, oneImage(t, fresh, req).Digest)
	h.Reset()
	require.Equal(t, want.Digest, oneImage(t, d, req).Digest)
	require.Empty(t, h.Requests(), "a daemon that has the objects asks nobody")
}

func TestALockHoldsForEveryBaseOfADockerfile(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "provided.al2023", "python3.12")
	files := map[string]string{"Dockerfile": "FROM python3.12 AS test\nFROM provided.al2023 AS other\nFROM nodejs20.x\nCOPY --from=other /etc /other\n"}
	text := lock(t, d, h.functionRequest(t, files))
	require.Equal(t, []string{"nodejs20.x", "provided.al2023", "python3.12"}, must(document.ParseLock("", []byte(text))).Runtimes(), "of all stages: another target is locked too")
	want := oneImage(t, d, h.functionRequest(t, files))
	h.publish(t, "nodejs20.x")
	h.publish(t, "provided.al2023")

	h.Reset()
	files[document.LockName] = text
	require.Equal(t, want.Digest, oneImage(t, d, h.functionRequest(t, files)).Digest)
	require.Empty(t, h.Requests())
	require.NotEqual(t, want.Digest, oneImage(t, d, h.functionRequest(t, files, "lock", "none")).Digest)
}

func TestALockOfADockerfileIsOfThePlatformThatBuildsToo(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "provided.al2023")
	files := map[string]string{"Dockerfile": "FROM --platform=$BUILDPLATFORM nodejs20.x AS tools\nFROM provided.al2023\nCOPY --from=tools /etc /tools\nCOPY --from=nodejs20.x /etc /target\n"}
	files[document.LockName] = lock(t, d, h.functionRequest(t, files, "platform", "linux/arm64"))
	h.Reset()
	oneImage(t, d, h.functionRequest(t, files, "platform", "linux/arm64"))
	require.Zero(t, h.Total(githost.Git))
}

func TestALockIsFoundInAContextThatIsARepository(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	text := lock(t, d, h.request("nodejs20.x"))
	want := oneImage(t, d, h.request("nodejs20.x"))
	h.publish(t, "nodejs20.x")
	image, registry := frontendImage(t, d)
	app := sample.Branch{Name: "app", Date: time.Unix(1, 0).UTC(), Files: map[string][]byte{
		"app/Dockerfile": []byte("FROM nodejs20.x\n"), "app/" + document.LockName: []byte(text),
		"docker-bake.hcl": []byte(`target "default" {
			context = "app"
			tags = ["` + registry + `/app"]
			args = { BUILDKIT_SYNTAX = "` + image + `" }
			attest = ["type=provenance,disabled=true"]
		}`),
	}}
	must(h.Push(app))
	repository, objects := h.URLs(h.URL)
	options := map[string]string{"objects": objects}

	t.Run("URL of git", func(t *testing.T) {
		req := sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: map[string]string{"context": repository + "#app:app", "objects": objects}}
		require.Equal(t, want.Digest, oneImage(t, d, req).Digest)
		req.Attrs["runtime"] = "nodejs20.x"
		require.Equal(t, want.Digest, oneImage(t, d, req).Digest)
	})
	t.Run("bake file of a repository", func(t *testing.T) {
		newBuildx(t, d).run(t, append(append([]string{"bake", "--builder=sandbox", "--push"}, flags(options, "--set=*.args.", buildArg)...), repository+"#app")...)
		require.Equal(t, want.Digest.String(), must(crane.Digest(registry+"/app")))
	})
}

func TestWhatIsAgainstALockIsAnError(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	text := lock(t, d, h.request("nodejs20.x"))
	commit := must(h.Commit("nodejs20.x"))
	h.publish(t, "nodejs20.x")
	later := must(h.Commit("nodejs20.x"))
	var tampered map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &tampered))
	tampered["snapshots"].([]any)[0].(map[string]any)["commit"] = "main"
	changed := must(json.Marshal(tampered))

	for name, tc := range map[string]struct {
		req  sandbox.Request
		want string
	}{
		"another commit":   {withLock(t, h.request("nodejs20.x", "commit", later), text), "lambda.lock.json: snapshots[0].commit: runtime nodejs20.x is locked to commit " + commit + ", and " + later + " is asked for"},
		"another tag":      {h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x:" + later + "\n", document.LockName: text}), "snapshots[0].commit: runtime nodejs20.x is locked"},
		"another runtime":  {withLock(t, h.request("go1.x"), text), "lambda.lock.json has no runtime go1.x, it has nodejs20.x: add it (lambdabase lock --update go1.x), or give lock=none"},
		"a base outside":   {h.functionRequest(t, map[string]string{"Dockerfile": "FROM go1.x\n", document.LockName: text}), "go1.x: lambda.lock.json has no runtime go1.x"},
		"another platform": {withLock(t, h.request("nodejs20.x", "platform", "linux/s390x"), text), "lambda.lock.json has no platform linux/s390x of runtime nodejs20.x, it has linux/amd64, linux/arm64"},
		"another form":     {withLock(t, h.request("nodejs20.x"), string(changed)), `lambda.lock.json: snapshots[0].commit: "main" is no full commit id`},
		"no JSON":          {withLock(t, h.request("nodejs20.x"), "version: 1\n"), "lambda.lock.json:1: "},
		"no file":          {withLock(t, h.request("nodejs20.x", "lock", "locks/a.json"), text), "lock file locks/a.json: it isn't in the build context"},
		"no context":       {h.request("nodejs20.x", "lock", "locks/a.json"), "lock file locks/a.json: there is no build context"},
	} {
		t.Run(name, func(t *testing.T) {
			h.Reset()
			result, err := d.Solve(t.Context(), t, tc.req)
			require.Error(t, err)
			require.Contains(t, err.Error()+result.Progress, tc.want)
			switch name {
			case "another commit":
				readme.Explains(t, err.Error(), "runtime ... is locked to commit ..., and ... is asked for")
			case "another runtime":
				readme.Explains(t, err.Error(), "lambda.lock.json has no runtime ...")
			}
			require.Zero(t, h.Total(githost.Object))
		})
	}
}

func TestALockedCommitThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	text := lock(t, d, h.request("nodejs20.x"))
	commit := must(h.Commit("nodejs20.x"))
	h.publish(t, "nodejs20.x")
	_, err := d.Solve(t.Context(), t, withLock(t, h.request("nodejs20.x"), text))
	require.NoError(t, err, "as long as the host serves it")
	d.Prune(t)
	require.NoError(t, h.CollectGarbage())
	_, err = d.Solve(t.Context(), t, withLock(t, h.request("nodejs20.x"), text))
	require.ErrorContains(t, err, "lambda.lock.json locks nodejs20.x to commit "+commit+", which the repository may have dropped: build from a mirror that kept it (repository=oci://...)")
	readme.Explains(t, err.Error(), "... locks ... to commit ..., which the repository may have dropped")
}

// A lock file comes with whatever is built: it must not say where a secret goes that was meant for another host.
func TestASecretThatNamesNoHostIsNotForOneThatALockNames(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUnique(t).withStoreHost(t)
	image, _ := frontendImage(t, d)
	text := lock(t, d, h.request("nodejs20.x"))
	h.SetAccess(canaryAccess)
	req := withLock(t, h.byImage(image, "nodejs20.x"), text)
	delete(req.Attrs, "repository")

	_, err := d.Solve(t.Context(), t, withSecrets(req, "GIT_AUTH_TOKEN", canaryToken))
	require.ErrorContains(t, err, "pass a token as the secret GIT_AUTH_TOKEN."+h.hostPort())
	require.NotEmpty(t, h.authorizations(githost.Batch))
	require.Equal(t, []string{""}, slices.Compact(h.authorizations(githost.Batch)))
	_, err = d.Solve(t.Context(), t, withSecrets(req, "GIT_AUTH_TOKEN."+h.hostPort(), canaryToken))
	require.NoError(t, err)
	h.Reset()
	d.Prune(t)
	repository, _ := h.URLs(h.URL)
	req.Attrs["repository"] = repository
	_, err = d.Solve(t.Context(), t, withSecrets(req, "GIT_AUTH_TOKEN", canaryToken))
	require.NoError(t, err, "the user names the host")
}

func TestACheckoutIsHeldAgainstALock(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	text := lock(t, d, h.request("go1.x"))
	req := h.checkoutRequest(t, "go1.x", "")
	file := filepath.Join(req.Dirs["context"], document.LockName)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)

	h.publish(t, "go1.x")
	require.NoError(t, os.WriteFile(file, []byte(lock(t, d, h.request("go1.x"))), 0o644))
	_, err = d.Solve(t.Context(), t, req)
	require.ErrorContains(t, err, " is against lambda.lock.json, which locks go1.x to commit "+must(h.Commit("go1.x")))
	requireAt(t, err, "Dockerfile.go1.x", 4) // the system stays
	req.Attrs["lock"], req.Attrs["objects"] = "none", h.URL+"/objects/{oid}"
	_, err = d.Solve(t.Context(), t, req)
	require.NoError(t, err)
}
