package embedded

import (
	"net/url"
	"sync"
)

// ObjectSizes are how many bytes objects have, by the URLs that they are asked for. BuildKit knows no more of an object than
// its sha256, and would take from a server whatever it sends until the disk is full. The zero value is ready to use.
type ObjectSizes struct {
	mu    sync.Mutex
	byURL map[string]int64
}

// Add makes an object's size known before it is asked for.
func (s *ObjectSizes) Add(address string, size int64) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byURL == nil {
		s.byURL = map[string]int64{}
	}
	s.byURL[u.String()] = size
}

func (s *ObjectSizes) lookup(u *url.URL) (size int64, known bool) {
	if s == nil {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size, known = s.byURL[u.String()]
	return size, known
}
