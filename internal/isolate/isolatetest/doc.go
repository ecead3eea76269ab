// Package isolatetest runs tests, and processes that tests start, isolated: as root, as an ordinary user, and as root of a
// container.
package isolatetest
