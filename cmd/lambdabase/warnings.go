package main

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"lambdabase/frontend"

	"github.com/moby/buildkit/client"
)

// warnings are those of all builds, to be said at the end. The display of BuildKit v0.33.1 shows only those that come before
// their step is done.
type warnings struct {
	mu  sync.Mutex
	all []saidWarning
}

type saidWarning struct {
	text  string
	unmet bool // what is asked for has no effect
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
	w.addOnce(saidWarning{text, warning.Level >= frontend.LevelUnmet})
}

func (w *warnings) addText(text string) { w.addOnce(saidWarning{text: text}) }

func (w *warnings) addOnce(warning saidWarning) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.all, warning) {
		w.all = append(w.all, warning)
	}
}

// print prints what a way to show progress leaves to be said: nothing where all is in its JSON, and of a quiet one only what was asked
// for and has no effect. Buildx says nothing at all then, and whoever left a path out would ship it.
func (w *warnings) print(out io.Writer, progress string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, warning := range w.all {
		if progress == "rawjson" || progress == "quiet" && !warning.unmet {
			continue
		}
		fmt.Fprintln(out, "warning:", warning.text)
	}
}
