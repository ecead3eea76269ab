// Package bench measures builds of base images of real size, each in several ways, against each other: make bench runs it and
// writes docs/performance.json, and of that, by package report, the tables and the chart of docs/performance.md.
//
//	groups_test.go    what is measured: a table
//	ways_test.go      the ways to come by an image, as commands
//	stage_test.go     one measured build, on a root of its own
//	env_test.go       what all builds share: a tmpfs, the sample's server, a registry
package bench
