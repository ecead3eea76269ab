package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Option says which daemon a test wants.
type Option func(*settings)

type settings struct {
	binary      string // empty: the buildkitd of the tools
	snapshotter string
	config      string
	args, env   []string
	caBundle    string
}

// WithBinary takes another buildkitd, an older one for example.
func WithBinary(file string) Option {
	return func(s *settings) { s.binary = file }
}

// WithSnapshotter is "overlayfs" or "native"; the daemon chooses by itself without it.
func WithSnapshotter(name string) Option {
	return func(s *settings) { s.snapshotter = name }
}

// WithConfig is put into the daemon's buildkitd.toml. The table [otel] is taken.
func WithConfig(toml string) Option {
	return func(s *settings) { s.config = toml }
}

// WithArgs adds arguments to the daemon's command line, where they win over the sandbox's own.
func WithArgs(args ...string) Option {
	return func(s *settings) { s.args = append(s.args, args...) }
}

// WithEnv adds variables ("NAME=value") to the daemon's environment.
func WithEnv(env ...string) Option {
	return func(s *settings) { s.env = append(s.env, env...) }
}

// WithPath is the daemon's PATH; see [PathOf].
func WithPath(path string) Option {
	return WithEnv("PATH=" + path)
}

// WithCABundle makes the daemon and the git that it runs trust the certificates of a PEM file in place of the host's.
func WithCABundle(file string) Option {
	return func(s *settings) { s.caBundle = file }
}

// wrapCommand is a command line with the daemon's own behind it, in a mount namespace in which the host's certificates are
// the given ones: git is told of no others by BuildKit.
func (s settings) wrapCommand(binary string, args []string) (string, []string) {
	if s.caBundle == "" {
		return binary, args
	}
	const script = `mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"`
	return "unshare", append([]string{"--mount", "sh", "-c", script, s.caBundle, binary}, args...)
}

// PathOf is a PATH with nothing but these programs of the host: PathOf(t, "git") has no xz. runc need not be in it.
func PathOf(t testing.TB, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range programs {
		file, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(file, filepath.Join(dir, name)))
	}
	return dir
}
