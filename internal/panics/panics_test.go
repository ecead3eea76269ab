package panics

import (
	"context"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestAPanicIsAnError(t *testing.T) {
	var none []int
	_, err := Recover(func() (int, error) { return none[3], nil })
	require.EqualError(t, err, "internal error: runtime error: index out of range [3] with length 0, please report it")
	n, err := Recover(func() (int, error) { return 1, errors.New("x") })
	require.EqualError(t, err, "x")
	require.Equal(t, 1, n)
}

func TestAPanicInAGroupEndsTheGroup(t *testing.T) {
	g, ctx := WithContext(context.Background())
	g.SetLimit(2)
	g.Go(func() error { panic("x") })
	g.Go(func() error {
		<-ctx.Done()
		return nil
	})
	require.EqualError(t, g.Wait(), "internal error: x, please report it")
	all := NewGroup()
	all.Go(func() error { panic("y") })
	require.Error(t, all.Wait())
}
