package transfer

import (
	"time"

	"lambdabase/internal/lfs"
)

// reportInterval is how often an object is reported: more often nobody can read.
const reportInterval = 250 * time.Millisecond

// Progress of one object.
type Progress struct {
	lfs.Object
	Bytes    int64   // that are here
	Rate     float64 // bytes a second that came in this call
	Found    bool    // it was here before, or another process fetched it
	Complete bool    // and verified
}

// meter tells how an object comes along.
type meter struct {
	session    *session
	object     lfs.Object
	start      time.Time
	lastReport time.Time
	received   int64
}

func (s *session) newMeter(o lfs.Object) *meter {
	return &meter{session: s, object: o, start: s.clock.Now()}
}

// add reports n new bytes, unless it just reported others.
func (m *meter) add(n int, size int64) {
	m.received += int64(n)
	now := m.session.clock.Now()
	if now.Sub(m.lastReport) < reportInterval {
		return
	}
	m.lastReport = now
	m.session.reportProgress(Progress{Object: m.object, Bytes: size, Rate: m.rate(now)})
}

func (m *meter) complete(found bool) {
	m.session.reportProgress(Progress{
		Object:   m.object,
		Bytes:    m.object.Size,
		Rate:     m.rate(m.session.clock.Now()),
		Found:    found,
		Complete: true,
	})
}

func (m *meter) rate(now time.Time) float64 {
	if elapsed := now.Sub(m.start).Seconds(); elapsed > 0 {
		return float64(m.received) / elapsed
	}
	return 0
}

func (s *session) reportProgress(p Progress) {
	if s.OnProgress == nil {
		return
	}
	s.progressMu.Lock()
	defer s.progressMu.Unlock()
	s.OnProgress(p)
}
