package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// enoughUnpacked is how many bytes tell that xz does what it should: a block of a tar.
const enoughUnpacked = 512

// xz is what asks xz why it fails, where BuildKit runs in this process; nil where a daemon does.
func (r *request) xz() func(context.Context, []byte) string {
	if r.addr != "" {
		return nil
	}
	return xzFailure
}

// xzFailure has xz unpack the beginning of an archive as BuildKit does (compression.go of go-archive v0.2.0), and gives its
// own words if it can't; empty if it can.
func xzFailure(ctx context.Context, archive []byte) string {
	cmd := exec.CommandContext(ctx, "xz", "-d", "-c", "-q")
	var unpacked counter
	var words bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(archive), &unpacked, &words
	err := cmd.Run()
	if err == nil || unpacked >= enoughUnpacked {
		return ""
	}
	text := strings.ToValidUTF8(strings.Join(strings.Fields(words.String()), " "), "?")
	if text == "" {
		return err.Error()
	}
	return fmt.Sprintf("%.200s (%v)", text, err)
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
