package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// minUnpacked is how many bytes tell that xz does what it should: a block of a tar.
const minUnpacked = 512

// xzDiagnoser returns what asks xz why it fails, where BuildKit runs in this process; nil where a daemon does.
func (r *request) xzDiagnoser() func(context.Context, []byte) string {
	if r.addr != "" {
		return nil
	}
	return diagnoseXZ
}

// diagnoseXZ has xz unpack the beginning of an archive as BuildKit does (compression.go of go-archive v0.2.0), and gives its
// own words if it can't; empty if it can.
func diagnoseXZ(ctx context.Context, archive []byte) string {
	cmd := exec.CommandContext(ctx, "xz", "-d", "-c", "-q")
	var unpacked byteCounter
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(archive), &unpacked, &stderr
	err := cmd.Run()
	if err == nil || unpacked >= minUnpacked {
		return ""
	}
	text := strings.ToValidUTF8(strings.Join(strings.Fields(stderr.String()), " "), "?")
	if text == "" {
		return err.Error()
	}
	return fmt.Sprintf("%.200s (%v)", text, err)
}

// byteCounter counts what is written to it.
type byteCounter int

func (c *byteCounter) Write(p []byte) (int, error) {
	*c += byteCounter(len(p))
	return len(p), nil
}
