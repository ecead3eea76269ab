// Package lfsstore hands LFS objects to a daemon that runs elsewhere, or in this process: as blobs of a content store in
// the client's session. A daemon reads a blob only where it hasn't got what comes of it, and only then is it fetched.
package lfsstore
