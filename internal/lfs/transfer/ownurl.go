package transfer

import (
	"net/http"

	"lambdabase/internal/lfs"
	"lambdabase/internal/weburl"
)

// ownURLs are the transfers of objects that have URLs of their own, as a server would have said them.
func (s *session) ownURLs(objects []lfs.Object) map[string]transfer {
	transfers := make(map[string]transfer, len(objects))
	for _, o := range objects {
		u, err := weburl.Parse(s.ObjectURL(o))
		srv := &server{batchURL: u}
		if u != nil {
			srv.namedHost = u.Hostname()
		}
		transfers[o.OID] = transfer{action: action{url: u, header: http.Header{}}, err: err, server: srv}
	}
	return transfers
}
