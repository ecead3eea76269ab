// Package transfer downloads Git LFS objects by the batch API and its basic transfer, verified, into a directory that many
// processes may share.
//
// [Client.Fetch] is one session: it asks the server where the objects are, a batch at a time (batch.go, response.go,
// action.go), and downloads each (download.go, get.go) into a part that stands beside the object's place (part.go), so that
// a later attempt, or another process, goes on from there. Each attempt that fails is a failure, which says whether there is
// to be another (retry.go, status.go). No error holds what gives access: what a server says passes by secrets.go and text.go.
package transfer
