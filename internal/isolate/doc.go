// Package isolate runs a program again in namespaces of its own, where it may mount what it needs, be its user root or not:
// whatever it mounts or starts goes with it, however it ends. It is what rootlesskit is to a daemon, without its network.
//
// [Reexec] starts the child and forwards signals to it. For an ordinary user it maps the subordinate ids that the machine
// gives to that one, by newuidmap and newgidmap. What a kernel or a distribution refuses comes with what to do about it, and
// so does an id that is missing once the program has failed for it ([IDHint]).
package isolate
