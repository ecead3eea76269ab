package embedded

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// capability is CAP_NET_BIND_SERVICE, as setcap writes it.
const capability = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

var epoch = time.Unix(1700000000, 0).UTC()

// build is of an image from archives that a server has, each unpacked by itself and then merged.
type build struct {
	Server string
	Layers []digest.Digest
	Git    string // a repository
	Commit string // in it; none: that of main
	Run    string // a command line of busybox, which is then the base
	Net    pb.NetMode
	Out    string // an OCI archive; none: /dev/null
}

// run gives the digest of the image.
func (b *build) run(ctx context.Context, bk *BuildKit) (string, error) {
	c, err := bk.Client(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	out := b.Out
	if out == "" {
		out = os.DevNull
	}
	opt := client.SolveOpt{Exports: []client.ExportEntry{{
		Type:   client.ExporterOCI,
		Attrs:  map[string]string{"source-date-epoch": strconv.FormatInt(epoch.Unix(), 10)},
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(out) },
	}}}
	return solve(ctx, c, opt, b.frontend)
}

func solve(ctx context.Context, c *client.Client, opt client.SolveOpt, f gateway.BuildFunc) (string, error) {
	opt.FrontendAttrs = map[string]string{} // which the client writes into
	statuses := make(chan *client.SolveStatus)
	go func() {
		for s := range statuses {
			for _, l := range s.Logs {
				fmt.Printf("log %s", l.Data)
			}
		}
	}()
	res, err := c.Build(ctx, opt, "", f, statuses)
	if err != nil {
		return "", err
	}
	return res.ExporterResponse[exptypes.ExporterImageDigestKey], nil
}

func (b *build) frontend(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	st, err := b.state(ctx, c)
	if err != nil {
		return nil, err
	}
	res, err := evaluate(ctx, c, st)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(ocispecs.Image{Created: &epoch, Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	res.AddMeta(exptypes.ExporterImageConfigKey, config)
	return res, err
}

func (b *build) state(ctx context.Context, c gateway.Client) (llb.State, error) {
	layers := []llb.State{llb.Scratch().File(llb.Mkfile("/file", 0o640, []byte("hi"), llb.WithCreatedTime(epoch)))}
	for _, d := range b.Layers {
		tarball := llb.HTTP(b.Server+"/"+d.Encoded(), llb.Checksum(d), llb.Filename(d.Encoded()))
		layer := llb.Scratch().File(llb.Copy(tarball, d.Encoded(), "/", &llb.CopyInfo{AttemptUnpack: true, CreateDestPath: true}))
		if _, err := evaluate(ctx, c, layer); err != nil {
			return llb.State{}, err
		}
		layers = append(layers, layer)
	}
	if b.Git != "" {
		layers = append(layers, llb.Scratch().File(llb.Copy(llb.Git(b.Git, cmp.Or(b.Commit, "main")), "/", "/", llb.WithCreatedTime(epoch))))
	}
	st := llb.Merge(layers)
	if b.Run != "" {
		st = st.Network(b.Net).Run(llb.Shlex(b.Run)).Root()
	}
	return st, nil
}

func evaluate(ctx context.Context, c gateway.Client, st llb.State) (*gateway.Result, error) {
	def, err := st.Marshal(ctx, llb.LinuxAmd64)
	if err != nil {
		return nil, err
	}
	req := gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true}
	if imports := c.BuildOpts().Opts["cache-imports"]; imports != "" {
		if err := json.Unmarshal([]byte(imports), &req.CacheImports); err != nil {
			return nil, err
		}
	}
	return c.Solve(ctx, req)
}

// server has archives under their digests.
type server map[string][]byte

func serve(t testing.TB, archives ...[]byte) *build {
	t.Helper()
	s, b := server{}, &build{}
	for _, a := range archives {
		d := digest.FromBytes(a)
		s["/"+d.Encoded()] = a
		b.Layers = append(b.Layers, d)
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(s[r.URL.Path]) }))
	t.Cleanup(h.Close)
	b.Server = h.URL
	return b
}

// archive is a compressed tarball of these entries; contents are as many bytes as they say, if they are not given.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	return archiveOf(t, nil, entries...)
}

func archiveOf(t testing.TB, contents map[string][]byte, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	tw := tar.NewWriter(gz)
	for _, hdr := range entries {
		hdr.ModTime, hdr.Format = epoch, tar.FormatPAX
		if hdr.Mode == 0 {
			hdr.Mode = 0o755
		}
		content, given := contents[hdr.Name]
		if !given {
			content = make([]byte, hdr.Size)
			_, _ = rand.NewChaCha8([32]byte{byte(hdr.Size)}).Read(content)
		}
		hdr.Size = int64(len(content))
		require.NoError(t, tw.WriteHeader(&hdr))
		_, err := tw.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	require.NoError(t, gz.Close())
	return buf.Bytes()
}

// archives are two layers of many files, with a few that are odd.
func archives(t testing.TB) [][]byte {
	t.Helper()
	usr := []tar.Header{{Typeflag: tar.TypeDir, Name: "usr/"}, {Typeflag: tar.TypeDir, Name: "usr/lib/"}}
	task := []tar.Header{{Typeflag: tar.TypeDir, Name: "var/"}, {Typeflag: tar.TypeDir, Name: "var/task/", Uid: 993, Gid: 990}}
	for i := range 400 {
		usr = append(usr, tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr/lib/%d", i), Size: int64(100 * i)})
		task = append(task, tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("var/task/%d", i), Size: int64(10 * i), Uid: 1000 + i})
	}
	usr = append(usr, tar.Header{Typeflag: tar.TypeReg, Name: "usr/su", Mode: 0o4755, Size: 3},
		tar.Header{Typeflag: tar.TypeLink, Name: "usr/sudo", Linkname: "usr/su", Mode: 0o4755},
		tar.Header{Typeflag: tar.TypeReg, Name: "usr/ping", Size: 3, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": capability}},
		tar.Header{Typeflag: tar.TypeFifo, Name: "usr/queue", Mode: 0o600, Gid: 12},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "lib", Linkname: "usr/lib"})
	return [][]byte{archive(t, usr...), archive(t, task...)}
}

// busybox is a layer in which programs can be run.
func busybox(t testing.TB) []byte {
	t.Helper()
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		sandbox.Missing(t, err)
	}
	return archiveOf(t, map[string][]byte{"bin/busybox": program},
		tar.Header{Typeflag: tar.TypeDir, Name: "bin/"},
		tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/sh", Linkname: "busybox"})
}

// gitRepository is the URL of a repository with some big files in its branch main.
func gitRepository(t testing.TB) string {
	t.Helper()
	url, _ := serveGit(t, 20)
	return url
}

// serveGit also gives where it is.
func serveGit(t testing.TB, files int) (url, dir string) {
	t.Helper()
	dir = t.TempDir()
	for i := range files {
		content := make([]byte, 200_000)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(content)
		require.NoError(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), content, 0o600))
	}
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "config", "http.receivepack", "false")
	commit(t, dir)
	path, err := exec.LookPath("git")
	require.NoError(t, err)
	s := httptest.NewServer(&cgi.Handler{Path: path, Args: []string{"http-backend"}, Env: []string{
		"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}, Stderr: io.Discard})
	t.Cleanup(s.Close)
	return s.URL + "/.git", dir
}

// commit gives the id.
func commit(t testing.TB, dir string) string {
	t.Helper()
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "m")
	return git(t, dir, "rev-parse", "HEAD")
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		sandbox.Missing(t, err)
	}
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}
