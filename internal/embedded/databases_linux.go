package embedded

import (
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/pkg/errors"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Databases of a cache.
const (
	contentDB  = "containerdmeta.db"     // layers and blobs, and what needs them
	metadataDB = "metadata_v2.db"        // what BuildKit knows of each
	solverDB   = "cache.db"              // results of steps
	historyDB  = "history.db"            // empty
	snapshotDB = "snapshots/metadata.db" // how layers follow one another
)

// databaseTimeout is how long to wait for a database that another process has open: with the lock of the root, none has.
const databaseTimeout = 5 * time.Second

// boltOptions are those of the databases opened here. They needn't be synced: what is not on the disk when the machine
// goes down is thrown away, see [cacheState.maybeCorrupt].
func boltOptions() *bolt.Options {
	return &bolt.Options{Timeout: databaseTimeout, NoSync: true, FreelistType: bolt.FreelistMapType}
}

// checkDatabases reads all databases of a cache: a damaged one would make BuildKit panic later.
func checkDatabases(cache string) error {
	for _, name := range []string{contentDB, metadataDB, solverDB, historyDB, snapshotDB} {
		path := filepath.Join(cache, name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := readDatabase(path); err != nil {
			return errors.Wrapf(err, "database %s", name)
		}
	}
	return nil
}

// readDatabase opens a database as BuildKit does, and reads all of it. It is mapped from the file, so that a file that is
// too short is a fault of memory.
func readDatabase(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = corruptError{errors.Errorf("%v", r)}
		}
	}()
	db, err := bolt.Open(path, 0o600, boltOptions())
	if errors.Is(err, berrors.ErrTimeout) {
		return errors.Wrap(err, "another process has it open")
	}
	if errors.As(err, new(syscall.Errno)) { // the machine's, as of too many open files: the database may be whole
		return err
	}
	if err != nil {
		return corruptError{err}
	}
	defer db.Close()
	return db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return readBucket(b) })
	})
}

func readBucket(b *bolt.Bucket) error {
	return b.ForEach(func(key, value []byte) error {
		crc32.ChecksumIEEE(key)
		if value == nil {
			return readBucket(b.Bucket(key))
		}
		crc32.ChecksumIEEE(value)
		return nil
	})
}

// corruptError is an error of a cache that can't be used any more.
type corruptError struct{ error }

func (d corruptError) Unwrap() error { return d.error }
