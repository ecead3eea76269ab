package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

const interruptedText = "lambdabase: interrupted"

// interruptSignals returns the signals that end a command, but for those that it was started without: nohup, and background
// jobs of scripts.
func interruptSignals() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}

// exitOnSecondSignal ends this process at the next signal, whatever it still waits for.
func exitOnSecondSignal() {
	again := make(chan os.Signal, 1)
	signal.Notify(again, interruptSignals()...)
	<-again
	os.Exit(exitInterrupted)
}

// exitSoon ends a command that is interrupted, if it doesn't by itself: whatever hangs then, like a reader of what it says,
// is not waited for. A cache bears it, as it bears a kill. Only what was begun is removed first.
func (b *backend) exitSoon() {
	time.Sleep(950 * time.Millisecond)
	printLine := func(text string) { go fmt.Fprintln(os.Stderr, text) }
	printLine(interruptedText)
	b.abortOutputs(printLine)
	time.Sleep(20 * time.Millisecond)
	os.Exit(exitInterrupted)
}

// slowAbort is how long removing may take without a word.
const slowAbort = 500 * time.Millisecond

func (b *backend) abortOutputs(printLine func(string)) {
	aborted := make(chan struct{})
	go func() {
		defer close(aborted)
		b.openOutputs.abort()
	}()
	select {
	case <-aborted:
	case <-time.After(slowAbort):
		printLine("removing what was written of the output; to leave it there, interrupt once more")
		<-aborted
	}
}
