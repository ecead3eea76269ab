// Package catalog knows Lambda's runtimes by name. The branches of the repository are the truth; the catalog helps
// where they can't be asked: which names in a Dockerfile mean a runtime, which one may have been meant, and until when
// AWS supports it.
package catalog
