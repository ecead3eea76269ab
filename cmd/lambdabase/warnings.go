package main

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/moby/buildkit/client"
)

// warnings are those of all builds, to be said at the end. The display of BuildKit v0.33.1 shows only those that come before
// their step is done.
type warnings struct {
	mu  sync.Mutex
	all []string
}

// watch hands statuses on until they end.
func (w *warnings) watch(from <-chan *client.SolveStatus, to chan<- *client.SolveStatus) {
	defer close(to)
	display := newDisplayCleaner()
	for status := range from {
		display.clean(status)
		for _, warning := range status.Warnings {
			w.add(warning)
		}
		to <- status
	}
}

func (w *warnings) add(warning *client.VertexWarning) {
	text := string(warning.Short)
	if warning.SourceInfo != nil && len(warning.Range) > 0 && warning.Range[0].Start != nil {
		text += fmt.Sprintf(" (%s:%d)", warning.SourceInfo.Filename, warning.Range[0].Start.Line)
	}
	w.addText(text)
}

func (w *warnings) addText(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.all, text) {
		w.all = append(w.all, text)
	}
}

func (w *warnings) print(out io.Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.all {
		fmt.Fprintln(out, "warning:", text)
	}
}
