// Package branches lists the runtimes of a repository: its branches, and for which platforms each has a recipe. No source
// of BuildKit can do that, so it runs in a step of its own, and on a user's machine.
package branches
