package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutputsAreReadAsBuildxReadsThem(t *testing.T) {
	none := map[string]string{}
	for s, want := range map[string]output{
		"image.tar":             {exporterType: "oci", dest: "image.tar", attrs: none},
		"-":                     {exporterType: "oci", dest: "-", attrs: none},
		"type=docker":           {exporterType: "docker", attrs: none},
		"type=oci,dest=a":       {exporterType: "oci", dest: "a", attrs: none},
		`type=oci,"dest=a,b"`:   {exporterType: "oci", dest: "a,b", attrs: none},
		"dest=a=b,type=tar":     {exporterType: "tar", dest: "a=b", attrs: none},
		"type=local,dest=dir":   {exporterType: "local", dest: "dir", attrs: none},
		"type=oci,tar=false":    {exporterType: "oci", attrs: map[string]string{"tar": "false"}},
		"type=image,name=a/b:c": {exporterType: "image", attrs: map[string]string{"name": "a/b:c"}},
	} {
		got, err := parseOutput(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for s, want := range map[string]string{
		"type=zip,dest=a": `type "zip", want one of oci, docker, image, local, tar`,
		"dest=a":          `type "", want one of oci`,
		"type=oci,a":      `"a" is no key=value`,
		`type=oci,"a=b`:   "want type=...,key=value",
	} {
		_, err := parseOutput(s)
		require.ErrorContains(t, err, want, s)
	}
}

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

func TestAFileIsThereOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	write := func(p *atomicFile) {
		w, err := p.create(nil)
		require.NoError(t, err)
		_, err = io.WriteString(w, "new")
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	dropped := newAtomicFile(name)
	write(dropped)
	require.NoFileExists(t, name)
	dropped.abort()

	kept := newAtomicFile(name)
	require.ErrorContains(t, kept.commit(), "nothing was written to "+name)
	write(kept)
	require.NoError(t, kept.commit())
	kept.abort()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "new", string(text))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestMetadataIsJSONWhereItIsJSONInBase64(t *testing.T) {
	got := decodeExporterResponse(map[string]string{"containerimage.digest": "sha256:00", "descriptor": "eyJhIjoxfQ==", "text": "bm8=", "n": "MTIz"})
	require.Equal(t, "sha256:00", got["containerimage.digest"])
	require.EqualValues(t, `{"a":1}`, got["descriptor"])
	require.Equal(t, "bm8=", got["text"])
	require.Equal(t, "MTIz", got["n"])
}

func TestAMetadataFileThatCantBeIsFoundAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	for file, want := range map[string]string{"": "", "a.json": "", ".": ". is a folder: name a file in it", "none/a.json": "folder: stat none: no such file or directory"} {
		err := (&buildCommand{metadataFile: file}).checkMetadataFile()
		if want == "" {
			require.NoError(t, err, file)
		} else {
			require.EqualError(t, err, want, file)
		}
	}
}
