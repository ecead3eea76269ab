// Package recipe reads the Dockerfile of a runtime, Dockerfile.<runtime>: which tarballs make up the root filesystem,
// in which order, and the image config. It is an allow-list on BuildKit's own parser: what isn't known to be reproduced
// exactly is an error, never ignored.
package recipe
