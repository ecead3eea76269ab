package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/printable"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/session/auth"
	"github.com/moby/buildkit/session/auth/authprovider"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func FuzzArchive(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range []struct{ name, content string }{
		{"index.json", `{"manifests":[{"digest":"sha256:../x"}]}`}, {"blobs/sha256/" + strings.Repeat("a", 64), "x"}, {"../blobs/sha256/" + strings.Repeat("b", 64), "x"},
	} {
		require.NoError(f, w.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.content)), Typeflag: tar.TypeReg}))
		_, err := io.WriteString(w, e.content)
		require.NoError(f, err)
	}
	require.NoError(f, w.Close())
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Fuzz(func(t *testing.T, dt []byte) {
		file := filepath.Join(t.TempDir(), "image.tar")
		require.NoError(t, os.WriteFile(file, dt, 0o600))
		archive, root, err := openArchive(file)
		if err != nil {
			return
		}
		defer archive.Close()
		if r, err := archive.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: root}); err == nil {
			content, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
			require.NoError(t, err)
			require.LessOrEqual(t, len(content), len(dt))
		}
	})
}

func FuzzReports(f *testing.F) {
	f.Add([]byte(`{"path":"/x","entries":[{"mode":"d","layers":[]},{"mode":"","layers":[1,2]}],"packages":[{"name":"\u001b[31m"}]}`))
	f.Add([]byte(`{"files":[{"change":"changed","old":null,"new":null},{"old":{"mode":""}}],"packages":[{}],"totals":null,"layers":{"added":[{"size":-1}]}}`))
	f.Add([]byte(`{"runtime":"\u009b","commit":"\u202e","layers":[{"file":"\u001b","size":1}],"release":"\u001b"}`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		for _, show := range []func([]byte, io.Writer) error{printImage, printDiff} {
			_ = show(dt, io.Discard)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add("containerimage.config", "eyJhIjoxfQ==")
	f.Add("x", "ew==")
	f.Fuzz(func(t *testing.T, key, value string) {
		_, err := json.Marshal(decodeExporterResponse(map[string]string{key: value}))
		require.NoError(t, err)
	})
}

func FuzzOutput(f *testing.F) {
	for _, s := range []string{"a.tar", "type=oci,dest=-", "type=image,name=a,push=true", "type=local,\"dest=a,b\"", "-", "=", "type=tar,dest={runtime}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parseOutput(s)
		if err != nil {
			return
		}
		require.Contains(t, exporterTypes, o.exporterType)
		require.NotPanics(t, func() { _ = o.expandRuntime("nodejs20.x").destinations() })
	})
}

// Docker's own files are read by Docker's library; a broken one must not end the command.
func FuzzDockerConfig(f *testing.F) {
	f.Add([]byte(`{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"reg.example":{"auth":"!"}},"credHelpers":{"x":""}}`), "reg.example")
	f.Add([]byte(`{"auths":{"reg.example":{"auth":"dQ==","identitytoken":"x"}}}`), "https://reg.example/v1/")
	f.Fuzz(func(t *testing.T, dt []byte, host string) {
		if strings.Contains(strings.ToLower(string(dt)), "cred") {
			t.Skip("which would run a program")
		}
		c, err := config.LoadFromReader(bytes.NewReader(dt))
		if err != nil {
			return
		}
		provider, ok := authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{AuthConfigProvider: authprovider.LoadAuthConfig(c)}).(auth.AuthServer)
		require.True(t, ok)
		_, _ = provider.Credentials(t.Context(), &auth.CredentialsRequest{Host: host})
	})
}

func FuzzErrorText(f *testing.F) {
	f.Add("failed to solve: \x1b[31m https://u:p@h/x?token=y \xff")
	f.Add(strings.Repeat("https://h/?a=", 200))
	f.Fuzz(func(t *testing.T, s string) {
		text := errorText(textError(s))
		require.Equal(t, text, printable.Text(text))
	})
}

type textError string

func (e textError) Error() string { return string(e) }
