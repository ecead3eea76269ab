// Package depcheck has no code: its test fails when a package gains a dependency that it must not have.
package depcheck
