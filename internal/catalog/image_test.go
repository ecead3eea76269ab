package catalog

import (
	"strings"
	"testing"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

const commit = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"

func TestNamesInDockerfiles(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for ref, want := range map[string]Image{
		"nodejs20.x":                             {Runtime: "nodejs20.x"},
		"nodejs20.x:latest":                      {Runtime: "nodejs20.x"},
		"docker.io/library/nodejs20.x":           {Runtime: "nodejs20.x"},
		"docker.io/library/nodejs20.x:latest":    {Runtime: "nodejs20.x"},
		"nodejs20.x:" + commit:                   {Runtime: "nodejs20.x", Commit: commit},
		"nodejs99.x":                             {Runtime: "nodejs99.x"},
		"python3.12":                             {Runtime: "python3.12"},
		"ruby3.3":                                {Runtime: "ruby3.3"},
		"java8.al2":                              {Runtime: "java8.al2"},
		"java21":                                 {Runtime: "java21"},
		"dotnet8":                                {Runtime: "dotnet8"},
		"dotnet5.0":                              {Runtime: "dotnet5.0"},
		"dotnetcore3.1":                          {Runtime: "dotnetcore3.1"},
		"go1.x":                                  {Runtime: "go1.x"},
		"provided":                               {Runtime: "provided"},
		"provided.al2023":                        {Runtime: "provided.al2023"},
		"nodejs20.x:1":                           {},
		"nodejs20.x:" + commit[:12]:              {},
		"nodejs20.x:" + strings.ToUpper(commit):  {},
		"nodejs20.x" + digest:                    {},
		"nodejs20.x:latest" + digest:             {},
		"registry.example/nodejs20.x":            {},
		"docker.io/mine/nodejs20.x":              {},
		"library/nodejs20.x":                     {Runtime: "nodejs20.x"},
		"nodejs20":                               {},
		"nodejs":                                 {},
		"python":                                 {},
		"python3":                                {},
		"python:3.12":                            {},
		"node":                                   {},
		"xnodejs20.x":                            {},
		"provided.al2023x":                       {},
		"alpine":                                 {},
		"scratch":                                {},
		"":                                       {},
		"UPPER":                                  {},
		"localhost:5000/nodejs20.x:" + commit:    {},
		"public.ecr.aws/lambda/nodejs:20":        {},
		"docker.io/library/python3.12:3.12-slim": {},
		"index.docker.io/library/nodejs20.x:latest":    {Runtime: "nodejs20.x"},
		"nodejs20.x:" + strings.Repeat(commit, 2)[:64]: {Runtime: "nodejs20.x", Commit: strings.Repeat(commit, 2)[:64]},
	} {
		got, ok := ParseImage(ref)
		require.Equal(t, want, got, ref)
		require.Equal(t, want.Runtime != "", ok, ref)
	}
}

func TestImagesOfAWS(t *testing.T) {
	for ref, want := range map[string]Image{
		"public.ecr.aws/lambda/nodejs:20":                                   {Runtime: "nodejs20.x"},
		"public.ecr.aws/lambda/nodejs:20-arm64":                             {Runtime: "nodejs20.x", Arch: "arm64"},
		"public.ecr.aws/lambda/python:3.12-x86_64":                          {Runtime: "python3.12", Arch: "amd64"},
		"public.ecr.aws/lambda/java:8.al2":                                  {Runtime: "java8.al2"},
		"public.ecr.aws/lambda/java:21":                                     {Runtime: "java21"},
		"public.ecr.aws/lambda/dotnet:8":                                    {Runtime: "dotnet8"},
		"public.ecr.aws/lambda/dotnet:core3.1":                              {Runtime: "dotnetcore3.1"},
		"public.ecr.aws/lambda/ruby:3.3":                                    {Runtime: "ruby3.3"},
		"public.ecr.aws/lambda/go:1":                                        {Runtime: "go1.x"},
		"public.ecr.aws/lambda/provided:al2023":                             {Runtime: "provided.al2023"},
		"public.ecr.aws/lambda/provided:al2":                                {Runtime: "provided.al2"},
		"public.ecr.aws/lambda/provided:alami":                              {Runtime: "provided"},
		"amazon/aws-lambda-nodejs:18":                                       {Runtime: "nodejs18.x"},
		"docker.io/amazon/aws-lambda-python:3.11":                           {Runtime: "python3.11"},
		"public.ecr.aws/lambda/nodejs":                                      {},
		"public.ecr.aws/lambda/nodejs:latest":                               {},
		"public.ecr.aws/lambda/nodejs:20.2024.10.14":                        {},
		"public.ecr.aws/lambda/nodejs:20.2024.10.14.14-arm64":               {},
		"public.ecr.aws/lambda/python:3.12.2024.10.14":                      {},
		"public.ecr.aws/lambda/dotnet:8.2024.10.14":                         {},
		"public.ecr.aws/lambda/java:21.2024.10.14":                          {},
		"public.ecr.aws/lambda/provided:al2023.2024.10.14":                  {},
		"public.ecr.aws/lambda/nodejs:20@sha256:" + strings.Repeat("0", 64): {},
	} {
		got, ok := ParseECR(ref)
		require.Equal(t, want, got, ref)
		require.Equal(t, want.Runtime != "", ok, ref)
		require.True(t, IsECR(ref), ref)
	}
	for _, ref := range []string{"nodejs:20", "public.ecr.aws/lambda2/nodejs:20", "public.ecr.aws/docker/library/node:20", "amazon/aws-cli"} {
		require.False(t, IsECR(ref), ref)
	}
}

func TestHints(t *testing.T) {
	for ref, want := range map[string]string{
		"nodejs20":                    "nodejs20 is no runtime, did you mean nodejs20.x?",
		"docker.io/library/nodejs20x": "nodejs20x is no runtime, did you mean nodejs20.x?",
		"python312:latest":            "python312 is no runtime, did you mean python3.12?",
		"nodejs20.x:ac016a65":         "a runtime has no tag, latest, or a full commit of 40 digits",
		"node:20":                     "",
		"python:3.12":                 "",
		"alpine":                      "",
		"debian12":                    "",
		"ghcr.io/nodejs20":            "",
		"me/nodejs20":                 "",
		"":                            "",
	} {
		require.Equal(t, want, Hint(ref), ref)
	}
	readme.Explains(t, Hint("nodejs20"), "nodejs20 is no runtime, did you mean nodejs20.x?")
}

func TestEveryNameMeansARuntimeAndHasAnEndOfSupport(t *testing.T) {
	for _, name := range Names() {
		got, ok := ParseImage(name)
		require.True(t, ok, name)
		require.Equal(t, name, got.Runtime)
		end, ok := EndOfSupport(name)
		require.True(t, ok, name)
		require.Greater(t, end.Year(), 2019)
	}
	_, ok := EndOfSupport("nodejs99.x")
	require.False(t, ok)
}

func FuzzParseImage(f *testing.F) {
	f.Add("docker.io/library/nodejs20.x:latest")
	f.Add("public.ecr.aws/lambda/dotnet:core3.1-arm64")
	f.Fuzz(func(t *testing.T, ref string) {
		if got, ok := ParseImage(ref); ok {
			require.Regexp(t, runtimeName, got.Runtime)
		}
		if got, ok := ParseECR(ref); ok {
			require.Regexp(t, runtimeName, got.Runtime)
			require.True(t, IsECR(ref))
		}
	})
}
