// Package sample is a stand-in for github.com/aws/aws-lambda-base-images and its Git LFS host.
//
// Upstream is three gigabytes behind a public host: force-pushed without notice, rate-limited, and
// never at fault in the way a test needs. This package makes a repository of the same shape on the
// spot: same branches, files, order of layers and sharing of objects; made-up layers of any size.
// Package githost serves it over the real protocols, so that everything above it is tested against git
// and Git LFS as they are and not against a mock of our own understanding, and package faults has that
// server go wrong.
//
// All of it is deterministic: the same options give the same objects and commit ids on every machine.
//
//	Upstream -> []Branch -> Create -> Repository -> githost.New, faults.New -> http.Handler
package sample
