// Package store reads and writes mirrors. A registry and an OCI layout are two backends of a [Mirror]; what is above them is
// the same for both: snapshots are read and checked (snapshot.go), written (push.go, objects.go), listed, and dropped
// (keep.go), and the catalog is made of the tags (catalog.go).
//
// The order of writing makes an interruption harmless: objects come first, then the manifest that names them, then tags. What
// has arrived is found by the next run.
package store
