package frontend

import (
	"cmp"

	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"
	"lambdabase/llb/lambda2llb"
)

// objectSource is where the objects of a repository come from: where the user says, or from the mirror that the user names,
// or where the repository has them.
func (r *request) objectSource(repo remote) lfs.ObjectSource {
	if r.remote.isMirror() {
		repo = r.remote
	}
	return r.ObjectSource.Resolve(repo.url)
}

// originOf chooses where an object comes from: a mirror, or its own URL, if the source has one, or the batch API, which is
// also asked for what the URL refuses where the source says so.
func (r *request) originOf(source lfs.ObjectSource, repo remote, o lfs.Object) lambda2llb.Origin {
	if !source.Mirror.IsZero() {
		return r.mirrorOrigin(source.Mirror, o)
	}
	batch := batchOrigin(source, repo)
	address := source.URL(o)
	switch {
	case address == "":
		return batch
	case source.Fallback():
		return lambda2llb.HTTPOrigin{Address: address, Fallback: batch}
	}
	return lambda2llb.HTTPOrigin{Address: address}
}

// batchOrigin is the batch API of a repository, or of another server. That of a host which the lock file alone names is another
// server, which gets no secret but those that name it: a lock file comes with whatever is built.
func batchOrigin(source lfs.ObjectSource, repo remote) lambda2llb.LFSOrigin {
	batch := lambda2llb.LFSOrigin{Repository: repo.url, Server: source.Server}
	if !repo.locked || repo.isSSH() {
		return batch
	}
	if own, err := lfs.ServerURL(repo.url); err == nil {
		batch = lambda2llb.LFSOrigin{Server: cmp.Or(source.Server, own)}
	}
	return batch
}

// mirrorOrigin is a blob, which any daemon can read that has a source for such. Before, a registry's can be had where that lets
// anybody read.
func (r *request) mirrorOrigin(location mirror.Location, o lfs.Object) lambda2llb.Origin {
	switch {
	case !r.hasBlobSource():
		return lambda2llb.HTTPOrigin{Address: location.BlobURL(o.OID), Mirror: location}
	case location.Layout != "":
		return lambda2llb.BlobOrigin{Mirror: location, Session: r.bc.BuildOpts().SessionID}
	}
	return lambda2llb.BlobOrigin{Mirror: location}
}
