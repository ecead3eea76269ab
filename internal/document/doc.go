// Package document has the documents that outlive a commit: what it says of a runtime (docs/snapshot.schema.json), and the
// lock file, which is a list of such. Both are read as what anybody may have written: what can't be is refused, with the
// field that it is in.
package document
