// Package frontend is the BuildKit frontend: it answers a gateway request. The way of the data is from options and commit to
// tree, plan and layers, and to the result that BuildKit exports.
//
// A file uses only those above it in this list, which a test keeps so:
//
//	errors.go        what an error says, and the lines of a file that it points at
//	tree.go          files of a commit, found by listing
//	dockerignore.go  what a branch keeps out of the build context
//	options.go       the table of options
//	optionparse.go   options read from a request
//	session.go       what is known of the client's session
//	remote.go        a git repository and its host keys
//	request.go       a Frontend, and one call of it
//	solve.go         definitions to the daemon, and its errors back
//	timeout.go       time limits that the daemon isn't told of
//	warnings.go      warnings
//	show.go          what a user sees of the frontend's own
//	registry.go      what a registry says against a request
//	exclude.go       paths to be left out, looked for in a layer
//	step.go          a step of the frontend's own image
//	assembler.go     the state of one image whose layers are put together
//	fetcherror.go    why an object didn't arrive
//	fetch.go         an object fetched: how long it may take, and another try
//	size.go          an object's size against its pointer's
//	archive.go       an archive that BuildKit copied and didn't unpack
//	parents.go       whether a daemon makes directories that an archive has no header for
//	unpack.go        an archive that BuildKit couldn't unpack
//	overlap.go       layers that are looked at for conflicts
//	listed.go        directories of a layer, each listed once
//	layer.go         each layer on its own
//	known.go         layers that an earlier build looked at
//	excludemerge.go  what is left out of layers that are merged
//	excludechain.go  what is left out of layers that are chained
//	chain.go         each layer onto the one before
//	gate.go          layers checked by a step, whose result a cache has
//	layers.go        layers merged or chained
//	liveness.go      whether a git server is there
//	commit.go        a branch's commit, and what git says against it
//	date.go          a commit's date
//	lfsconfig.go     another LFS server than the one that is asked
//	origin.go        where an object comes from
//	contents.go      what a commit says of a platform, by its tree or by a document
//	mirror.go        a snapshot of a mirror
//	lock.go          the lock file of the build context
//	snapshot.go      a commit, and the plan of a platform
//	link.go          an attestation of what base images were made of
//	annotations.go   what a manifest says of where its image comes from
//	history.go       a base's history, once it is known
//	bases.go         base images that a Dockerfile names
//	image.go         an image for each platform
//	subrequests.go   lambda.plan and lambda.runtimes
//	syntax.go        a "# syntax=" line that no daemon has read
//	gitcontext.go    a build context that is a URL of git
//	buildcontext.go  what a recipe adds of a build context
//	checkout.go      a build context with a recipe and pointers
//	convertllb.go    the answer to "--call=convertllb"
//	dockerfile.go    a Dockerfile, with BuildKit's own frontend
//	relock.go        lambda.lock: a lock file made anew
//	build.go         Build: which of these is asked for
//	inspect.go       Inspect: a base image to look into
//	compare.go       Compare: two images to look into, as far as they may differ
package frontend
