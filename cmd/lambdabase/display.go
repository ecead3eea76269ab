package main

import (
	"regexp"
	"strings"

	"lambdabase/internal/printable"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// displayCleaner makes what a daemon tells of a build safe to show: BuildKit's own display prints names and logs as they are.
// What a RUN of the user's Dockerfile writes is let through, colours and all.
type displayCleaner struct {
	runs map[digest.Digest]bool
}

func newDisplayCleaner() *displayCleaner { return &displayCleaner{runs: map[digest.Digest]bool{}} }

// runStepRE matches the name that BuildKit's Dockerfile frontend gives a RUN.
var runStepRE = regexp.MustCompile(`^\[[^\]]*\] RUN `)

func (d *displayCleaner) clean(status *client.SolveStatus) {
	for _, v := range status.Vertexes {
		d.runs[v.Digest] = d.runs[v.Digest] || runStepRE.MatchString(v.Name)
		v.Name, v.Error = printable.Text(v.Name), printable.Text(v.Error)
		if group := v.ProgressGroup; group != nil {
			group.Name = printable.Text(group.Name)
		}
	}
	for _, s := range status.Statuses {
		s.ID, s.Name = printable.Text(s.ID), printable.Text(s.Name)
	}
	for _, l := range status.Logs {
		if !d.runs[l.Vertex] {
			l.Data = cleanLog(l.Data)
		}
	}
	for _, w := range status.Warnings {
		cleanWarning(w)
	}
}

func cleanWarning(w *client.VertexWarning) {
	w.Short = []byte(printable.Text(string(w.Short)))
	for i, line := range w.Detail {
		w.Detail[i] = []byte(printable.Text(string(line)))
	}
	if info := w.SourceInfo; info != nil {
		info.Filename, info.Data = printable.Name(info.Filename), []byte(printable.Text(string(info.Data)))
	}
}

// cleanLog leaves carriage returns alone, with which git shows its progress.
func cleanLog(dt []byte) []byte {
	parts := strings.Split(string(dt), "\r")
	for i, part := range parts {
		parts[i] = printable.Text(part)
	}
	return []byte(strings.Join(parts, "\r"))
}
