package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lambdabase/frontend"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const ciDir = "../examples/ci"

// Where the service has a linter or a parser that Go can have, that one reads its files. Of the others each field must be one
// that is known here.
func TestFilesForCIAreReadByWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	workflows, err := filepath.Glob(ciDir + "/github/*.yml")
	require.NoError(t, err)
	require.Len(t, workflows, 2)
	for _, tc := range [][]string{
		append([]string{"actionlint", "-shellcheck=", "-pyflakes="}, workflows...),
		{"hclfmt", "-check", "-require-no-change", ciDir + "/terraform/main.tf"},
		{"esbuild", ciDir + "/cdk/function-stack.ts"},
	} {
		out, err := exec.CommandContext(t.Context(), sandbox.Tool(t, tc[0]), tc[1:]...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	readGitLab(t)
	for _, step := range readBuildkite(t).Steps {
		require.NotEmpty(t, step.Commands, step.Label)
	}
	spec := readBuildspec(t)
	require.Equal(t, "0.2", spec.Version)
	require.NotEmpty(t, spec.Phases.Build.Commands)

	template := readYAML[samTemplate](t, "sam/template.yaml")
	require.Equal(t, "AWS::Serverless-2016-10-31", template.Transform)
	function := template.Resources["Function"]
	require.Equal(t, "AWS::Serverless::Function", function.Type)
	require.Equal(t, "Image", function.Properties.PackageType)
	requireBuildArgs(t, function.Metadata.DockerBuildArgs)
}

// readYAML reads a file in which nothing may be that the type hasn't.
func readYAML[T any](t *testing.T, name string) (read T) {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(ciDir, name))
	require.NoError(t, err)
	dec := yaml.NewDecoder(bytes.NewReader(dt))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&read), name)
	return read
}

// requireBuildArgs wants options to be the frontend's, with values that they take.
func requireBuildArgs(t *testing.T, args map[string]string) {
	t.Helper()
	require.Contains(t, args, "BUILDKIT_SYNTAX")
	options := map[string]string{}
	for name, value := range args {
		options["build-arg:"+name] = value
	}
	_, err := frontend.ParseOptions(options)
	require.NoError(t, err)
}

var (
	continued = regexp.MustCompile(`\\\n\s*|\n\s+(--)`) // by a backslash, or as YAML folds what has further indentation
	separator = regexp.MustCompile(`\|\||&&|[\n;|<>]`)
	argument  = regexp.MustCompile(`(?:"[^"]*"|[^\s"])+`)
	option    = regexp.MustCompile(`(BUILDKIT_SYNTAX|LAMBDABASE_\w+)(?:: |=)"?([^",\s]+)`)
)

// Whatever the files call, with whatever arguments, there is.
func TestCommandLinesForCIAreThoseOfThePrograms(t *testing.T) {
	t.Parallel()
	command, err := cliBinary()
	require.NoError(t, err)
	counts := map[string]int{}
	require.NoError(t, filepath.WalkDir(ciDir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		dt, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, line := range commandLines(string(dt)) {
			var cmd *exec.Cmd
			name := filepath.Base(line[0])
			switch name {
			case "lambdabase":
				cmd = exec.CommandContext(t.Context(), command, append(line[1:], "--help")...)
			case "docker":
				require.Contains(t, []string{"build", "create"}, line[2]) // of another one buildx would say no error
				cmd = exec.CommandContext(t.Context(), sandbox.Tool(t, "buildx"), append(line[2:], "--help")...)
			case "make":
				cmd = exec.CommandContext(t.Context(), "make", append([]string{"-n", "-C", ".."}, line[3:]...)...)
			}
			counts[name]++
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s: %q: %s", path, line, out)
		}
		for _, arg := range option.FindAllStringSubmatch(string(dt), -1) {
			requireBuildArgs(t, map[string]string{"BUILDKIT_SYNTAX": "", arg[1]: arg[2]})
		}
		return nil
	}))
	require.Equal(t, map[string]int{"lambdabase": 10, "docker": 10, "make": 4}, counts)
}

// commandLines are those of our programs in the text of a file. What is in a comment is none.
func commandLines(text string) (found [][]string) {
	var code []string
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimSpace(line); !strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(trimmed, "//") {
			code = append(code, line)
		}
	}
	for _, part := range separator.Split(continued.ReplaceAllString(strings.Join(code, ""), " $1"), -1) {
		args := argument.FindAllString(part, -1)
		if i := slices.IndexFunc(args, isOurProgram); i >= 0 && len(args) > i+1 && args[i+1] != "login" {
			found = append(found, args[i:])
		}
	}
	return found
}

func isOurProgram(arg string) bool {
	return slices.Contains([]string{"lambdabase", ".lambdabase/bin/lambdabase", "docker", "make"}, arg)
}

func TestCommandLinesAreFound(t *testing.T) {
	require.Equal(t, [][]string{
		{"docker", "buildx", "build", `"type=a,ref=$REG/x y"`, "--push", "."}, {"lambdabase", "lock", "--check"}, {"make", "-C", "x", "y"},
	}, commandLines("# lambdabase no\n- docker buildx build \\\n    \"type=a,ref=$REG/x y\"\n    --push . && lambdabase lock --check\n- make -C x y\n"))
}
