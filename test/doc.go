// Package test holds the tests that need a real daemon: base images against the oracle, requests counted at the server,
// and the frontend's image used as users use it. They skip with a reason where that can't be had; make test brings it.
package test
