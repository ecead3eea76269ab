// Package lfs knows Git LFS: the pointers that stand in git for objects, and the URLs that objects are served at.
package lfs
