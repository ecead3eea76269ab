package catalog

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesAreSortedAndUnique(t *testing.T) {
	require.True(t, slices.IsSorted(Names()))
	require.Len(t, slices.Compact(Names()), len(Names()))
}

func TestNearestSaysWhatMayHaveBeenMeant(t *testing.T) {
	for name, want := range map[string][]string{
		"nodejs21.x":      {"nodejs24.x", "nodejs22.x", "nodejs20.x"},
		"nodejs20":        {"nodejs20.x", "nodejs24.x", "nodejs22.x"},
		"Python3.12":      {"python3.12", "python3.13", "python3.14"},
		"python312":       {"python3.12", "python3.13", "python3.14"},
		"provided.al2024": {"provided.al2023", "provided.al2"},
		"java8al2":        {"java8.al2", "java8", "java21"},
		"node20":          {"nodejs20.x", "nodejs24.x", "nodejs22.x"},
		"rust1.80":        nil,
		"":                nil,
	} {
		require.Equal(t, want, Nearest(name), name)
	}
}
