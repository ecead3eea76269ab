package catalog

import "time"

// Runtime is what is known of one, from its branch and from this catalog.
type Runtime struct {
	Name      string   `json:"name"`
	Platforms []string `json:"platforms"`
	Commit    string   `json:"commit,omitempty"`

	Date time.Time `json:"date,omitzero"`  // of the commit
	Size int64     `json:"size,omitempty"` // of the layers of its largest platform, packed, in bytes

	EndOfSupport string `json:"endOfSupport,omitempty"` // a day, 2006-01-02
	FromCatalog  bool   `json:"catalogue,omitempty"`    // from the catalog, which knows names only: the repository wasn't asked
}

// MaxYear is the last year that JSON and an image config can say (RFC 3339).
const MaxYear = 9999

// WithEndOfSupport returns the runtimes with the day on which AWS ends the support of those that the catalog knows.
func WithEndOfSupport(runtimes []Runtime) []Runtime {
	all := make([]Runtime, 0, len(runtimes))
	for _, r := range runtimes {
		r.EndOfSupport = "" // of whoever wrote a mirror
		if end, ok := EndOfSupport(r.Name); ok {
			r.EndOfSupport = end.Format(time.DateOnly)
		}
		all = append(all, r)
	}
	return all
}
