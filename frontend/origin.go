package frontend

import (
	"lambdabase/internal/lfs"
	"lambdabase/llb/lambda2llb"
)

// originOf chooses where an object comes from: its own URL, if the source has one, or the batch API, which is also asked for
// what the URL refuses where the source says so.
func originOf(source lfs.ObjectSource, repo remote, o lfs.Object) lambda2llb.Origin {
	batch := lambda2llb.LFSOrigin{Repository: repo.url, Server: source.Server}
	address := source.URL(o)
	switch {
	case address == "":
		return batch
	case source.Fallback():
		return lambda2llb.HTTPOrigin{Address: address, Fallback: batch}
	}
	return lambda2llb.HTTPOrigin{Address: address}
}
