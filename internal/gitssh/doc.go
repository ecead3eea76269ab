// Package gitssh reaches Git remotes over SSH: it knows the keys of their hosts, and asks them where their LFS objects are.
package gitssh
