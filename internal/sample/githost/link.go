package githost

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Link is what lies between a server and who asks it. The zero value is no link at all.
type Link struct {
	BytesPerSecond int           // of all connections together, towards the client
	RoundTrip      time.Duration // what each request waits for its answer, and a new connection once more
}

// linkChunk is sent at a time, so that connections share the link evenly.
const linkChunk = 32 << 10

// Listen puts the link before a listener.
func (l Link) Listen(inner net.Listener) net.Listener {
	if l == (Link{}) {
		return inner
	}
	limit := rate.Inf
	if l.BytesPerSecond > 0 {
		limit = rate.Limit(l.BytesPerSecond)
	}
	return &linkListener{Listener: inner, roundTrip: l.RoundTrip, limiter: rate.NewLimiter(limit, linkChunk)}
}

type linkListener struct {
	net.Listener
	roundTrip time.Duration
	limiter   *rate.Limiter
}

func (l *linkListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &linkConn{Conn: conn, listener: l}
	c.wait.Store(int64(l.roundTrip))
	return c, nil
}

type linkConn struct {
	net.Conn
	listener *linkListener
	wait     atomic.Int64 // a duration, before the next byte is sent
	asked    atomic.Bool  // since a byte was sent
}

// Read notes that the client said something: what answers it comes a round trip later.
func (c *linkConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.asked.Swap(true) {
		c.wait.Add(int64(c.listener.roundTrip))
	}
	return n, err
}

func (c *linkConn) Write(p []byte) (sent int, err error) {
	time.Sleep(time.Duration(c.wait.Swap(0)))
	c.asked.Store(false)
	for sent < len(p) && err == nil {
		chunk := p[sent:min(len(p), sent+linkChunk)]
		if err = c.listener.limiter.WaitN(context.Background(), len(chunk)); err != nil {
			return sent, err
		}
		var n int
		n, err = c.Conn.Write(chunk)
		sent += n
	}
	return sent, err
}
