package embedded

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatCannotBeClosedAfterAPanicIsLeft(t *testing.T) {
	var closed []string
	hangs := make(chan struct{})
	defer close(hangs)
	c := closers{
		func() error { closed = append(closed, "first"); return nil },
		func() error { <-hangs; return nil },
		func() error { panic("a damaged page") },
		func() error { closed = append(closed, "last"); return nil },
	}
	c.closeAfterPanic()
	require.Equal(t, []string{"last", "first"}, closed)
}
