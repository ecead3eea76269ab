package test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/containerd/console"
	"github.com/stretchr/testify/require"
)

// colour is an escape code that sets one; the display uses others too.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*3[0-9]m")

// terminal is a command on a pseudo-terminal of its own.
type terminal struct {
	console.Console
	t        testing.TB
	output   chan string
	exitCode chan int
}

// startOnTerminal begins a command, with its standard streams on a pseudo-terminal that is as large as they usually are.
func (c *cli) startOnTerminal(t testing.TB, args ...string) *terminal {
	t.Helper()
	pty, slave, err := console.NewPty()
	require.NoError(t, err)
	t.Cleanup(func() { pty.Close() })
	require.NoError(t, pty.Resize(console.WinSize{Height: 40, Width: 120}))
	tty, err := os.OpenFile(slave, os.O_RDWR, 0)
	require.NoError(t, err)
	cmd := c.command(t, args...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	require.NoError(t, tty.Close())
	term := &terminal{Console: pty, t: t, output: make(chan string, 1), exitCode: make(chan int, 1)}
	go func() {
		var text bytes.Buffer
		_, _ = text.ReadFrom(pty) // which ends with an error when nobody has the other side any more
		term.output <- text.String()
	}()
	go func() {
		_ = cmd.Wait()
		term.exitCode <- cmd.ProcessState.ExitCode()
	}()
	return term
}

// wait waits for the command, which has to end with a code, and gives all that it wrote.
func (term *terminal) wait(code int) string {
	term.t.Helper()
	got, output := <-term.exitCode, <-term.output
	require.Equal(term.t, code, got, output)
	return output
}

func TestOnATerminalTheProgressIsDrawn(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	for _, runtimes := range [][]string{{"nodejs20.x"}, {"nodejs20.x", "python3.12"}} {
		c := newCLI(t)
		args := append(buildArgs(h, runtimes...), "-o", "{runtime}.tar")
		drawn := c.startOnTerminal(t, args...).wait(0)
		require.Regexp(t, colour, drawn)
		require.Contains(t, drawn, "\x1b[1A", "lines are drawn over")
		require.Contains(t, drawn, "[+] Building ")
		require.Contains(t, drawn, "FINISHED")
		require.Regexp(t, `nodejs20.x sha256:\w{64}\r\n`, drawn)

		c.env = []string{"NO_COLOR=1"}
		drawn = c.startOnTerminal(t, append(args, "--no-cache")...).wait(0)
		require.NotRegexp(t, colour, drawn)
		require.Contains(t, drawn, "[+] Building ")

		c.env = nil
		require.NotContains(t, c.startOnTerminal(t, append(args, "--progress=plain")...).wait(0), "\x1b")
	}
}

func TestWithoutATerminalNothingIsDrawn(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar", "--no-cache")
	digest := regexp.MustCompile(`^nodejs20\.x sha256:\w{64}\n$`)

	s := c.run(t, args...)
	require.NotContains(t, s.stderr+s.stdout, "\x1b")
	require.Regexp(t, `(?m)^#\d+ unpack `, s.stderr)
	require.Regexp(t, `(?m)^#\d+ DONE `, s.stderr)

	s = c.run(t, append(args, "--progress=quiet")...)
	require.Regexp(t, digest, s.stderr, "nothing but the result")
	require.Empty(t, s.stdout)
	c.env = []string{"BUILDKIT_PROGRESS=quiet"}
	require.Regexp(t, digest, c.run(t, args...).stderr)
	c.env = []string{"BUILDKIT_PROGRESS=fast"}
	require.Contains(t, c.mustFail(t, 2, args...), "--progress: invalid progress mode fast")

	c.env = nil
	s = c.run(t, append(args, "--progress=rawjson")...)
	lines := strings.Split(strings.TrimSpace(s.stderr), "\n")
	require.Greater(t, len(lines), 6)
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)), line)
	}
	require.Contains(t, c.mustFail(t, 2, append(args, "--progress=tty")...), "--progress: ")
}

func TestWarningsAreSaidAtTheEndToo(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveRunnable(t)
	const warning = "\nwarning: runtime nodejs20.x is past its end of support (2026-04-30)"
	for range 2 { // also if nothing is done any more
		require.Contains(t, c.run(t, buildArgs(h, "nodejs20.x")...).stderr, warning+"\n")
	}
	require.Contains(t, c.startOnTerminal(t, buildArgs(h, "nodejs20.x")...).wait(0), strings.TrimSpace(warning)+"\r\n")
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM scratch AS a\nFROM nodejs20.x\n"})
	require.Contains(t, c.run(t, append([]string{"build", "-f", "Dockerfile"}, h.flags()...)...).stderr, warning+" (Dockerfile:2)\n")
	for _, progress := range []string{"quiet", "rawjson"} {
		require.NotContains(t, c.run(t, append(buildArgs(h, "nodejs20.x"), "--progress="+progress)...).stderr, warning)
	}
}

func TestAnImageIsNotWrittenToATerminal(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	for _, output := range []string{"-", "type=docker", "type=tar,dest=-"} {
		output := c.startOnTerminal(t, append(buildArgs(h, "nodejs20.x"), "-o", output)...).wait(2)
		require.Contains(t, output, "goes to the standard output, which is a terminal: give dest=FILE, or pipe it to something")
	}
	require.Empty(t, h.Requests(), "before anything is begun")
}

// What reads from the terminal within the process that has BuildKit inside would be in the background there.
func TestADockerfileIsTypedOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.writeFiles(t, map[string]string{"a": "x"})
	on := c.startOnTerminal(t, "build", "-f", "-", "-o", "type=local,dest=root")
	_, err := on.Write([]byte("FROM scratch\nCOPY a /\n\x04"))
	require.NoError(t, err)
	on.wait(0)
	require.FileExists(t, c.file("root/a"))

	h := serveUpstream(t, "nodejs20.x")
	c.startOnTerminal(t, append(buildArgs(h, "nodejs20.x"), "--secret=id=GIT_AUTH_TOKEN,src=/dev/tty")...).wait(0) // though it can't be read
}

func TestCtrlCOnATerminalEndsABuild(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Stall: -1})
	on := c.startOnTerminal(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")...)
	sandbox.Wait(t, func() bool { return h.Total(githost.Object) > 0 }, "request for an object")
	_, err := on.Write([]byte{3})
	require.NoError(t, err)
	drawn := on.wait(130) // though the object never comes
	require.Contains(t, drawn, "lambdabase: interrupted")
	require.Equal(t, 1, strings.Count(drawn, "interrupted"))
	require.Equal(t, strings.Count(drawn, "\x1b[?25l") > 0, strings.Count(drawn, "\x1b[?25h") > 0, "a cursor that was hidden is shown again")
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
