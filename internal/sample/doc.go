// Package sample is a stand-in for github.com/aws/aws-lambda-base-images and its Git LFS host.
//
// Upstream is three gigabytes behind a public host: force-pushed without notice, rate-limited, and
// never at fault in the way a test needs. This package makes a repository of the same shape on the
// spot (same branches, files, order of layers and sharing of objects; made-up layers of any size)
// and serves it over the real protocols, so that everything above it is tested against git and Git
// LFS as they are and not against a mock of our own understanding.
//
// All of it is deterministic: the same options give the same objects and commit ids on every machine.
//
//	Upstream -> []Branch -> Create -> Repository -> NewServer -> http.Handler
//
// What the server answers, in the place of three hosts:
//
//	/aws/aws-lambda-base-images[.git]/...                         git smart HTTP          github.com
//	POST /aws/aws-lambda-base-images[.git]/info/lfs/objects/batch LFS batch API           github.com
//	GET  /lfs/<oid>?X-Amz-Signature=...                           what the batch names    GitHub's store
//	GET  /media/aws/aws-lambda-base-images/<commit>/<path>        stable, unsigned URL    media.githubusercontent.com
//	GET  /objects/<oid>, /objects/<oid0>/<oid1>/<oid>             objects by oid          a mirror
//
// Faults are typed values given to Server.Inject, and every request is kept in Server.Requests.
package sample
