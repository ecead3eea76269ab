package test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
)

// frontendDir has the frontend's image as an OCI layout, if a test has made it. TestMain removes it.
var (
	frontendDir  string
	frontendOnce sync.Once
)

// frontendImage is the frontend's image in a registry of the test's own. It is made by make image, once for all tests.
func frontendImage(t *testing.T, d *sandbox.Daemon) (image, registry string) {
	t.Helper()
	frontendOnce.Do(func() {
		dir, err := os.MkdirTemp("", "lambdabase-frontend")
		require.NoError(t, err)
		makeImage(t, d, "PLATFORMS=linux/amd64", "output=type=oci,tar=false,dest="+dir)
		frontendDir = dir
	})
	require.NotEmpty(t, frontendDir, "the frontend's image: an earlier test says why there is none")
	registry = sandbox.Registry(t)
	image = registry + "/lambda-frontend"
	require.NoError(t, crane.Push(layoutImage(t, frontendDir), image))
	return image, registry
}

// pushFrontendImage is frontendImage in a registry that is there already.
func pushFrontendImage(t *testing.T, d *sandbox.Daemon, registry string) (image string) {
	t.Helper()
	_, _ = frontendImage(t, d)
	image = registry + "/lambda-frontend"
	require.NoError(t, crane.Push(layoutImage(t, frontendDir), image))
	return image
}

// BuildKit v0.33.1 waits 10 s for a frontend's first bytes (x/net/http2, prefaceTimeout). Two processors that have 50 to start at
// once may need longer.
func TestAFrontendThatStartsTooLateIsExplained(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image := scriptImage(t, d, "exec /busybox sleep 60")
	_, err := d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: map[string]string{"source": image}})
	require.Error(t, err)
	readme.Explains(t, err.Error(), "frontend grpc server closed unexpectedly")
}

// layoutImage is the only image of an OCI layout.
func layoutImage(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	image, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return image
}

func makeImage(t *testing.T, d *sandbox.Daemon, variables ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"-C", "..", "--old-file=setup/daemon", "image"}, variables...)...)
	cmd.Env = append(os.Environ(), "BUILDKIT_HOST="+d.Addr)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestTheFrontendImageBuildsThroughBuildctl(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	frontend, _ := frontendImage(t, d)
	want := oneImage(t, d, h.request("nodejs20.x"))

	file := filepath.Join(t.TempDir(), "image.tar")
	args := []string{"build", "--frontend=gateway.v0", "--opt=source=" + frontend, "--output=type=oci,dest=" + file}
	args = append(args, flags(h.options("nodejs20.x"), "--opt=", plainName)...)
	out, err := d.Buildctl(t, args...)
	require.NoError(t, err, out)
	requireDigest(t, file, want)

	out, err = d.Buildctl(t, append(args, "--opt=runtme=x")...)
	require.Error(t, err)
	require.Contains(t, out, "unknown option runtme (did you mean runtime?)")
	out, err = d.Buildctl(t, append(args, "--opt=runtime=nodejs21.x")...)
	require.Error(t, err)
	require.Contains(t, out, "no runtime nodejs21.x")
	require.Contains(t, out, "did you mean nodejs24.x")
}

func TestTheFrontendImageIsOfEachArchitecture(t *testing.T) {
	d := sandbox.Start(t)
	registry := sandbox.Registry(t)
	makeImage(t, d, "REGISTRY="+registry)
	for arch, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		image, err := crane.Pull(registry+"/lambda-frontend", crane.WithPlatform(&v1.Platform{OS: "linux", Architecture: arch}))
		require.NoError(t, err)
		binary := fileOf(t, image, "lambda-frontend")
		file, err := elf.NewFile(bytes.NewReader(binary))
		require.NoError(t, err)
		require.Equal(t, want, file.Machine)
		require.Contains(t, string(fileOf(t, image, "etc/ssl/certs/ca-certificates.crt")), "BEGIN CERTIFICATE")
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, "true", config.Config.Labels["moby.buildkit.frontend.network.none"])
		require.Contains(t, config.Config.Labels["moby.buildkit.frontend.caps"], "moby.buildkit.frontend.gitquerystring")
	}
}

// fileOf is a file of an image.
func fileOf(t *testing.T, image v1.Image, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, crane.Export(image, &buf))
	tr := tar.NewReader(&buf)
	for {
		hdr, err := tr.Next()
		require.NoError(t, err, name)
		if hdr.Name == name {
			dt, err := io.ReadAll(tr)
			require.NoError(t, err)
			return dt
		}
	}
}

func TestErrorsOfTheFrontendImageReachTheUserWhole(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	frontend, _ := frontendImage(t, d)
	bad := newBranch("case", compress(t, packTar(t, taskDirs...)))
	bad.Files["Dockerfile.case"] = append(bad.Files["Dockerfile.case"], "RUN true\n"...)
	h := serve(t, []sample.Branch{bad, newBranch("pointer", []byte("version https://git-lfs.github.com/spec/v1\n"))})
	for runtime, want := range map[string]string{
		"case":    "Dockerfile.case:6: RUN: unknown in a recipe",
		"pointer": "was not unpacked: it is a Git LFS pointer itself",
	} {
		args := []string{"build", "--frontend=gateway.v0", "--opt=source=" + frontend}
		args = append(args, flags(h.options(runtime), "--opt=", plainName)...)
		out, err := d.Buildctl(t, args...)
		require.Error(t, err)
		require.Contains(t, out, want)
		require.Contains(t, out, ">>> ", "the line of the recipe is shown")
	}
	out, err := d.Buildctl(t, "build", "--frontend=gateway.v0", "--opt=source="+frontend, "--opt=runtime=case",
		"--opt=repository="+h.URL+"/aws/aws-lambda-base-images.git", "--opt=objects="+h.URL+"/nowhere/{oid}", "--opt=commit="+strings.Repeat("0", 40))
	require.Error(t, err)
	require.Contains(t, out, "leave out the commit")
}

func TestTheFrontendImageBuildsThroughBuildxAndBake(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	frontend, registry := frontendImage(t, d)
	x := newBuildx(t, d)

	file := filepath.Join(t.TempDir(), "image.tar")
	args := []string{"build", "--builder=sandbox", "--provenance=false", "--build-arg=BUILDKIT_SYNTAX=" + frontend, "--output=type=oci,dest=" + file}
	args = append(args, flags(h.options("nodejs20.x"), "--build-arg=", buildArg)...)
	x.run(t, append(args, t.TempDir())...)
	requireDigest(t, file, oneImage(t, d, h.request("nodejs20.x")))

	repository, objects := h.URLs(h.URL)
	x.env = []string{"REGISTRY=" + registry, "PLATFORMS=linux/amd64"}
	x.run(t, "bake", "--builder=sandbox", "--file=docker-bake.hcl", "base",
		"--set=*.args.LAMBDABASE_REPOSITORY="+repository, "--set=*.args.LAMBDABASE_OBJECTS="+objects,
		"--push")
	for _, runtime := range []string{"nodejs20.x", "python3.12"} {
		pushed, err := crane.Digest(registry + "/base:" + runtime)
		require.NoError(t, err)
		require.Equal(t, oneImage(t, d, h.request(runtime)).Digest.String(), pushed)
	}
}

func TestTheSyntaxLineBuildsThroughBuildctlAndBuildx(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	image, _ := frontendImage(t, d)
	files := map[string]string{"Dockerfile": "# syntax=" + image + "\nFROM nodejs20.x\nCMD [\"app.handler\"]\n"}
	inside := h.functionRequest(t, files)
	dir := inside.Dirs["context"]
	want := oneImage(t, d, inside)
	ctlArgs, xArgs := flags(inside.Attrs, "--opt=build-arg:", buildArg), flags(inside.Attrs, "--build-arg=", buildArg)

	file := filepath.Join(t.TempDir(), "buildctl.tar")
	out, err := d.Buildctl(t, append([]string{"build", "--frontend=dockerfile.v0", "--local=context=" + dir, "--local=dockerfile=" + dir, "--output=type=oci,dest=" + file}, ctlArgs...)...)
	require.NoError(t, err, out)
	requireDigest(t, file, want)

	x := newBuildx(t, d)
	file = filepath.Join(t.TempDir(), "buildx.tar")
	x.run(t, append(append([]string{"build", "--builder=sandbox", "--provenance=false", "--output=type=oci,dest=" + file}, xArgs...), dir)...)
	requireDigest(t, file, want)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("# syntax="+image+"\nFROM scratch\nFROM nodejs21.x\n"), 0o644))
	out, err = d.Buildctl(t, append([]string{"build", "--frontend=dockerfile.v0", "--local=context=" + dir, "--local=dockerfile=" + dir}, ctlArgs...)...)
	require.Error(t, err)
	require.Contains(t, out, "Dockerfile:3")
	require.Contains(t, out, ">>> FROM nodejs21.x")
	require.Contains(t, out, "did you mean nodejs24.x")
}

// requireDigest wants the one image of an archive to be another's, to the byte.
func requireDigest(t *testing.T, file string, want sandbox.Image) {
	t.Helper()
	images, err := sandbox.ReadOCI(file)
	require.NoError(t, err)
	require.Len(t, images, 1)
	require.Equal(t, want.Digest, images[0].Digest)
}

// buildx is the command of that name, with a configuration of its own.
type buildx struct {
	bin, config string
	dir         string // where it runs; default: the module, which has a docker-bake.hcl
	env         []string
}

// newBuildx has the daemon as its builder "sandbox".
func newBuildx(t *testing.T, d *sandbox.Daemon) buildx {
	t.Helper()
	x := buildx{bin: sandbox.Tool(t, "buildx"), config: t.TempDir()}
	x.run(t, "create", "--name=sandbox", "--driver=remote", d.Addr)
	return x
}

func (x buildx) run(t *testing.T, args ...string) (output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), x.bin, args...)
	cmd.Dir = cmp.Or(x.dir, "..")
	cmd.Env = append(append(os.Environ(), "BUILDX_CONFIG="+x.config, "DOCKER_CONFIG="+x.config), x.env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}
