package test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestTheCommandWritesFilesOfTheImage(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	want, err := d.Local(t, h.request("nodejs20.x"))
	require.NoError(t, err)
	args := append(buildArgs(h, "nodejs20.x", "python3.12"), "--progress=quiet")
	c.mustRun(t, append(args, "-o", "type=local,dest={runtime}")...)
	got, err := fstree.FromDir(c.file("nodejs20.x"))
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(want, got))
	require.FileExists(t, c.file("python3.12/lambda-entrypoint.sh"))

	tar := c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "type=tar")...)
	wantTar, err := d.Tar(t, h.request("nodejs20.x"))
	require.NoError(t, err)
	gotTar, err := fstree.FromTar(strings.NewReader(tar))
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(wantTar, gotTar))

	c.mustRun(t, append(args, "-o", "type=oci,tar=false,dest={runtime}.oci", "-o", "type=tar,dest={runtime}.tar")...)
	require.FileExists(t, c.file("nodejs20.x.oci/index.json"))
	require.FileExists(t, c.file("python3.12.tar"))
}

func TestAnOutputIsWrittenAsItIsMeant(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	args := append(buildArgs(h, "nodejs20.x"), "--progress=quiet", "-o")
	c.mustRun(t, append(args, "/dev/null")...)
	info, err := os.Stat("/dev/null")
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeCharDevice, "a device stays one")

	require.NoError(t, os.WriteFile(c.file("file"), []byte("old"), 0o644))
	require.NoError(t, os.Symlink("file", c.file("link")))
	c.mustRun(t, append(args, "link")...)
	link, err := os.Readlink(c.file("link"))
	require.NoError(t, err)
	require.Equal(t, "file", link, "a link stays one")
	_, err = sandbox.ReadOCI(c.file("file"))
	require.NoError(t, err)

	cmd := inShell(c.command(t, append(args, "private.tar")...), `umask 077; "$0" "$@"`)
	require.Zero(t, runToEnd(t, cmd).code)
	info, err = os.Stat(c.file("private.tar"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	// A pipe that nobody reads is no success, and no death by a signal either.
	r, w, err := os.Pipe()
	require.NoError(t, err)
	r.Close()
	cmd = c.command(t, append(args, "-")...)
	cmd.Stdout = w
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.Error(t, cmd.Run())
	w.Close()
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Contains(t, stderr.String(), "broken pipe")
}

// inShell is a command in a script, which has it as "$0" "$@".
func inShell(cmd *exec.Cmd, script string) *exec.Cmd {
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-ec", script}, cmd.Args...)
	return cmd
}

func TestTheCommandPipesIntoDockerLoad(t *testing.T) {
	e := startEngine(t, needs{})
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	cmd := c.command(t, append(buildArgs(h, "nodejs20.x"), "-t", "base:nodejs20.x", "-o", "type=docker")...)
	s := runToEnd(t, inShell(cmd, `"$0" "$@" | `+e.client+` --host=`+e.host+` load`))
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stdout, "Loaded image: base:nodejs20.x")
	id, err := e.run(t, "image", "inspect", "--format={{.Id}}", "base:nodejs20.x")
	require.NoError(t, err, id)
	require.Equal(t, digest.FromBytes(want.Config).String(), strings.TrimSpace(id))
}

// startAuthRegistry is a registry that wants a password.
func startAuthRegistry(t testing.TB, user, password string) (registry string) {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: sandbox.Registry(t)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// setDockerConfig writes Docker's configuration.
func (c *cli) setDockerConfig(t testing.TB, config string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(c.home, ".docker"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(c.home, ".docker", "config.json"), []byte(config), 0o600))
}

func TestTheCommandPushesWithDockersCredentials(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	registry := startAuthRegistry(t, "joe", "pa55")
	args := append(buildArgs(h, "nodejs20.x", "python3.12"), "-t", registry+"/base:{runtime}", "--push", "--metadata-file=metadata.json")
	require.Contains(t, c.mustFail(t, 1, args...), "401 Unauthorized")
	require.NoFileExists(t, c.file("metadata.json"))

	auth := base64.StdEncoding.EncodeToString([]byte("joe:pa55"))
	helper := "#!/bin/sh\nread server\necho '{\"ServerURL\":\"'$server'\",\"Username\":\"joe\",\"Secret\":\"pa55\"}'\n"
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-test"), []byte(helper), 0o755))
	c.path = bin + ":" + c.path
	for name, config := range map[string]string{
		"file":   fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth),
		"helper": fmt.Sprintf(`{"credHelpers":{%q:"test"}}`, registry),
	} {
		t.Run(name, func(t *testing.T) {
			c.setDockerConfig(t, config)
			c.mustRun(t, args...)
			var metadata map[string]struct {
				Digest string         `json:"containerimage.digest"`
				Name   string         `json:"image.name"`
				Desc   map[string]any `json:"containerimage.descriptor"`
			}
			text, err := os.ReadFile(c.file("metadata.json"))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &metadata))
			for _, runtime := range []string{"nodejs20.x", "python3.12"} {
				image := registry + "/base:" + runtime
				pushed, err := crane.Digest(image, crane.WithAuth(&authn.Basic{Username: "joe", Password: "pa55"}))
				require.NoError(t, err)
				require.Equal(t, oneImage(t, d, h.request(runtime)).Digest.String(), pushed)
				require.Equal(t, pushed, metadata[runtime].Digest)
				require.Equal(t, pushed, metadata[runtime].Desc["digest"])
				require.Equal(t, image, metadata[runtime].Name)
			}
			require.NoError(t, os.Remove(c.file("metadata.json")))
		})
	}
}

func TestTheMetadataOfOneRuntimeIsThatOfBuildx(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar", "-t", "base", "--label=a=b", "--metadata-file=metadata.json")...)
	text, err := os.ReadFile(c.file("metadata.json"))
	require.NoError(t, err)
	var metadata map[string]any
	require.NoError(t, json.Unmarshal(text, &metadata))
	images, err := sandbox.ReadOCI(c.file("image.tar"))
	require.NoError(t, err)
	require.Equal(t, images[0].Digest.String(), metadata["containerimage.digest"])
	require.Equal(t, digest.FromBytes(images[0].Config).String(), metadata["containerimage.config.digest"])
	require.Equal(t, "b", imageConfig(t, images[0]).Config.Labels["a"])
}

func TestACacheIsExportedAndImported(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	registry := sandbox.Registry(t)
	for to, from := range map[string]string{
		"type=local,dest=CACHE,mode=max":                    "type=local,src=CACHE",
		"type=registry,ref=" + registry + "/cache,mode=max": "type=registry,ref=" + registry + "/cache",
	} {
		for _, objects := range []string{"--objects=" + h.options("")["objects"], "--objects=lfs"} {
			dir := t.TempDir()
			args := append(buildArgs(h, "nodejs20.x"), objects, "-o", "image.tar")
			first, second := newCLI(t), newCLI(t)
			first.mustRun(t, append(args, "--cache-to", strings.ReplaceAll(to, "CACHE", dir))...)
			want, err := sandbox.ReadOCI(first.file("image.tar"))
			require.NoError(t, err)
			h.Reset()
			second.mustRun(t, append(args, "--cache-from", strings.ReplaceAll(from, "CACHE", dir))...)
			requireDigest(t, second.file("image.tar"), want[0])
			require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "what is imported isn't fetched: %s %s", from, objects)
		}
	}
}

// BuildKit keeps the compression that a layer was first exported with.
func TestTheCompressionIsTheOneThatIsSaid(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x", "python3.12")
		want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
		args := append(buildArgs(h, "nodejs20.x"), where...)
		compressions := func(output string) []string {
			c.mustRun(t, append(args, "-o", "dest=image.tar,"+output)...)
			images, err := sandbox.ReadOCI(c.file("image.tar"))
			require.NoError(t, err)
			var types []string
			for _, l := range images[0].Layers {
				types = append(types, l.Descriptor.MediaType)
			}
			return slices.Compact(types)
		}
		// What a cache is exported with counts too.
		c.mustRun(t, append(append(buildArgs(h, "python3.12"), where...), "--cache-to=type=local,mode=max,compression=zstd,dest="+t.TempDir())...)
		require.Equal(t, []string{ocispecs.MediaTypeImageLayerZstd}, compressions("type=oci,compression=zstd"))
		require.Equal(t, []string{ocispecs.MediaTypeImageLayerGzip}, compressions("type=oci"))
		requireDigest(t, c.file("image.tar"), want)
		require.Equal(t, []string{ocispecs.MediaTypeImageLayerZstd}, compressions("type=oci,compression=zstd"))

		ref := sandbox.Registry(t) + "/base:1"
		stderr := c.run(t, append(args, "--push", "-t", ref)...)
		require.Zero(t, stderr.code, stderr.stderr)
		require.Contains(t, stderr.stderr, want.Digest.String())
	})
}
