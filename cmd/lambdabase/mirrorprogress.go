package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/printable"

	"github.com/containerd/console"
	"github.com/docker/go-units"
)

// progressStyle is how the progress is shown.
type progressStyle int

const (
	noProgress   progressStyle = iota
	plainLines                 // a line for each object
	liveProgress               // a line that changes, on a terminal
)

const liveInterval = 200 * time.Millisecond

func (m *mirrorCommand) progressStyle() progressStyle {
	switch m.resolvedProgress() {
	case "quiet", "rawjson":
		return noProgress
	case "plain":
		return plainLines
	case "tty":
		return liveProgress
	}
	if _, err := console.ConsoleFromFile(os.Stderr); err != nil {
		return plainLines
	}
	return liveProgress
}

// mirrorProgress tells how objects get on. From a git repository each has two ways to go: here, and to the mirror.
type mirrorProgress struct {
	w     io.Writer
	style progressStyle
	ways  int64

	mu      sync.Mutex
	objects map[string]*[2]int64 // bytes that went each way, by oid
	total   int64
	arrived int
	start   time.Time
	stop    func()
}

func newMirrorProgress(w io.Writer, style progressStyle, ways int64) *mirrorProgress {
	return &mirrorProgress{w: w, style: style, ways: ways, objects: map[string]*[2]int64{}, stop: func() {}}
}

// Plan is told what is missing.
func (p *mirrorProgress) Plan(missing []lfs.Object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start = time.Now()
	for _, o := range missing {
		p.objects[o.OID] = &[2]int64{}
		p.total += o.Size
	}
	if len(missing) > 0 && p.style == liveProgress {
		p.stop = p.showLive()
	}
}

// showLive writes the line until it is stopped, and then takes it away.
func (p *mirrorProgress) showLive() (stop func()) {
	ticker, stopped, done := time.NewTicker(liveInterval), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
				p.mu.Lock()
				fmt.Fprintf(p.w, "\r\x1b[K%s", p.status())
				p.mu.Unlock()
			}
		}
	}()
	return sync.OnceFunc(func() {
		ticker.Stop()
		close(stopped)
		<-done
		fmt.Fprint(p.w, "\r\x1b[K")
	})
}

// end shows no more.
func (p *mirrorProgress) end() {
	p.mu.Lock()
	stop := p.stop
	p.mu.Unlock()
	stop()
}

// Bytes is told of bytes that went to the mirror.
func (p *mirrorProgress) Bytes(o lfs.Object, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if object := p.objects[o.OID]; object != nil {
		object[1] += n
	}
}

// downloaded is told of bytes that are here.
func (p *mirrorProgress) downloaded(d transfer.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if object := p.objects[d.OID]; object != nil {
		object[0] = d.Bytes
	}
}

// Arrived is told of an object that the mirror has.
func (p *mirrorProgress) Arrived(o lfs.Object, copied bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrived++
	if object := p.objects[o.OID]; object != nil {
		*object = [2]int64{o.Size, o.Size}
	}
	if p.style != plainLines {
		return
	}
	how := ""
	if !copied {
		how = ", which the registry had elsewhere"
	}
	fmt.Fprintf(p.w, "%s (%s)%s: %s\n", printable.Name(o.Path), units.HumanSize(float64(o.Size)), how, p.status())
}

// printLine prints a line of its own.
func (p *mirrorProgress) printLine(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.style == liveProgress {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	fmt.Fprintln(p.w, printable.Text(text))
}

// status is how far all is, and how long the rest takes.
func (p *mirrorProgress) status() string {
	var moved int64
	for _, object := range p.objects {
		if moved += object[1]; p.ways > 1 {
			moved += object[0]
		}
	}
	moved /= p.ways
	text := fmt.Sprintf("%d of %d objects, %s of %s", p.arrived, len(p.objects), units.HumanSize(float64(moved)), units.HumanSize(float64(p.total)))
	return text + timeLeft(moved, p.total, time.Since(p.start))
}

// timeLeft is said once there is something to tell it from.
func timeLeft(moved, total int64, elapsed time.Duration) string {
	if moved <= 0 || moved >= total || elapsed < time.Second {
		return ""
	}
	rate := float64(moved) / elapsed.Seconds()
	left := time.Duration(float64(total-moved) / rate * float64(time.Second))
	return fmt.Sprintf(", %s/s, %s left", units.HumanSize(rate), max(left, time.Second).Round(time.Second))
}
