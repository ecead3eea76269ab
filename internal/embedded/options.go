package embedded

import (
	"io"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// rootEnv names the folder of the cache in place of the user's cache folder.
const rootEnv = "LAMBDABASE_ROOT"

// Snapshotters.
const (
	Overlayfs = "overlayfs"
	Native    = "native" // copies every layer: slow, and works everywhere
)

// Options of [Start]. The zero value is good.
type Options struct {
	// Root is the folder of the cache; empty: [DefaultRoot].
	Root string
	// Snapshotter is Overlayfs or Native. Empty: that of the cache, or for a new one Overlayfs where the machine allows it
	// in Root, else Native. A cache of another snapshotter is thrown away.
	Snapshotter string
	// ExternalUsage is what the program keeps beside the cache, in bytes: the collector counts it as the cache's.
	ExternalUsage int64
	// Pruning is for who prunes the cache: it lets that have the room that is kept for it, as the disk may be full.
	Pruning bool
	// Discard is for who prunes all of the cache: where the disk has not even the room that pruning needs, it is removed as a
	// whole, and OnDiscard called with how many bytes that has freed. OnDiscard may be nil.
	Discard   bool
	OnDiscard func(freed int64)
	// ObjectSizes bound what is taken of the servers of objects.
	ObjectSizes *ObjectSizes
	// Runc is the path of runc. Empty: buildkit-runc or runc, looked up in PATH and in the folders of administrators;
	// where there is none, steps that run something fail, and tell to install it.
	Runc string
	// NoProcessSandbox lets steps run where they can't have a process namespace of their own: they see the processes of the
	// user, and may end them. Without it they fail there.
	NoProcessSandbox bool
	// OnWait is called once if another process holds the root: "process 4711 (lambdabase build nodejs20.x), since 12:34:56".
	OnWait func(holder string)
	// OnReset is called if the cache that is there can't be used, and is begun anew: "the cache in /root/.cache/lambdabase is
	// begun anew: it is a copy ...".
	OnReset func(text string)
	// OnLeftOut is called for what an ordinary user can't have of an image: attributes of files that only root can set.
	OnLeftOut func(text string)
	// Log takes BuildKit's own log, which is logrus' global one; nil: it is thrown away.
	Log io.Writer
}

// DefaultRoot returns $LAMBDABASE_ROOT, or lambdabase in the user's cache folder.
func DefaultRoot() (string, error) {
	if root := os.Getenv(rootEnv); root != "" {
		return filepath.Abs(root)
	}
	// As the XDG specification wants it, a relative path counts as none.
	if cache := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(cache) {
		return filepath.Join(cache, "lambdabase"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.Wrapf(err, "folder of the cache (%s names one)", rootEnv)
	}
	return filepath.Join(home, ".cache", "lambdabase"), nil
}
