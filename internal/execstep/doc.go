// Package execstep is what runs inside exec steps of the frontend's own image, where BuildKit has no source of its own: it
// fetches LFS objects by the batch API, and lists branches. Only there are the user's secrets, agent and proxies at hand.
package execstep
