package main

import (
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
