package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARuntimesNameStandsInPlacesAndNames(t *testing.T) {
	b := &buildCommand{outputs: []string{"{runtime}/{runtime}.tar", "type=image,name=r/{runtime}:1", "type=local,dest=out-{runtime}", "type=tar"}, tags: []string{"a:{runtime}", "b"}, push: true}
	got, err := b.exporters("go1.x")
	require.NoError(t, err)
	names := "a:go1.x,b"
	require.Equal(t, []output{
		{exporterType: "oci", dest: "go1.x/go1.x.tar", attrs: map[string]string{"name": names}},
		{exporterType: "image", attrs: map[string]string{"name": "r/go1.x:1"}},
		{exporterType: "local", dest: "out-go1.x", attrs: map[string]string{}},
		{exporterType: "tar", attrs: map[string]string{}},
		{exporterType: "image", attrs: map[string]string{"name": names, "push": "true"}},
	}, got)
}

func TestResultsGoToDifferentPlaces(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		outputs, tags, runtimes []string
		want                    string
	}{
		{outputs: []string{"a", "type=docker,dest=b", "-"}, runtimes: []string{"x"}},
		{outputs: []string{"{runtime}", "type=local,dest={runtime}.d"}, tags: []string{"{runtime}"}, runtimes: []string{"x", "y"}},
		{outputs: []string{"type=image,push=true"}, tags: []string{"{runtime}"}, runtimes: []string{"x", "y"}},
		{outputs: []string{"a", "./a"}, want: "two results would go to a"},
		{outputs: []string{"-", "type=tar"}, want: "two results would go to the standard output"},
		{outputs: []string{"{runtime}"}, runtimes: []string{"x", "x"}, want: "two results would go to x"},
		{outputs: []string{"a"}, runtimes: []string{"x", "y"}, want: "several runtimes would go to one place, a: give a name with {runtime} in it"},
		{outputs: []string{"type=image,name=a,push=true"}, runtimes: []string{"x", "y"}, want: "several runtimes would go to one place, a"},
		{tags: []string{"a"}, runtimes: []string{"x", "y"}, want: "several runtimes would go to one place, a"},
		{outputs: []string{"type=image,dest=a"}, want: "an image has a name and no dest"},
		{outputs: []string{"none/a"}, want: "stat none: no such file or directory"},
	} {
		err := (&buildCommand{outputs: tc.outputs, tags: tc.tags}).checkOutputs(tc.runtimes)
		if tc.want == "" {
			require.NoError(t, err, tc.outputs)
		} else {
			require.ErrorContains(t, err, tc.want, tc.outputs)
		}
	}
}
