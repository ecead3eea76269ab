// Package embedded is BuildKit without a daemon: its controller in this process, reached over a connection in memory,
// with its cache in a folder of the user.
//
// A program that uses it calls [lambdabase/internal/isolate.Reexec] first, which runs it again in namespaces of its own.
// There it may mount what BuildKit mounts, be the user root or not, and whatever is mounted or started goes with the
// process, however it ends. Then [Start] takes the folder of the cache, waiting for its turn, and gives a BuildKit that any
// client of BuildKit talks to.
//
// What BuildKit itself runs has to be on the machine: git for git sources, xz for .tar.xz archives, runc for RUN. Steps
// of RUN use the network of the machine, as there is no other without CNI plugins. Builds are not kept in a history.
// The cache is kept as small as buildkitd keeps its own: it may use 100 GB or 80 % of the disk, whichever is less, as long
// as 20 % of the disk are free, and always 10 GB or 10 %. The collector runs a second after the start and after every
// build, but no more than once a minute, so that the last build of a process is collected by the next one.
package embedded
