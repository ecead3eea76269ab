package frontend

import (
	"flag"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptionsAreReadInAllSpellings(t *testing.T) {
	const commit = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"
	for name, raw := range map[string]map[string]string{
		"gateway options": {"runtime": "nodejs20.x", "commit": commit, "layers": "chain"},
		"build arguments": {"build-arg:LAMBDABASE_RUNTIME": "nodejs20.x", "build-arg:LAMBDABASE_COMMIT": commit, "build-arg:LAMBDABASE_LAYERS": "chain"},
		"syntax line":     {"cmdline": "reg/lambda-frontend runtime=nodejs20.x commit=" + commit + " layers=chain"},
		"empty ones":      {"runtime": "nodejs20.x", "commit": commit, "layers": "chain", "build-arg:LAMBDABASE_COMMIT": "", "build-arg:LAMBDABASE_OBJECTS": "", "repository": ""},
		"mixed":           {"cmdline": "reg/lambda-frontend runtime=java21 layers=merge", "runtime": "nodejs20.x", "build-arg:LAMBDABASE_RUNTIME": "nodejs20.x", "commit": commit, "build-arg:LAMBDABASE_LAYERS": "chain"},
		"with others":     {"runtime": "nodejs20.x", "commit": commit, "layers": "chain", "build-arg:VERSION": "1", "platform": "linux/arm64", "context": "x", "label:a": "b"},
	} {
		t.Run(name, func(t *testing.T) {
			opts, err := ParseOptions(raw)
			require.NoError(t, err)
			require.Equal(t, "nodejs20.x", opts.Runtime)
			require.Equal(t, commit, opts.Commit)
			require.Equal(t, LayersChain, opts.Layers)
			require.Equal(t, Upstream, opts.Repository)
			require.True(t, opts.ObjectSource.Resolve(opts.Repository).Fallback(), "upstream's object URLs are known")
		})
	}
}

func TestBadOptionsSayWhatToDo(t *testing.T) {
	const secret = "hunter2"
	for name, tc := range map[string]struct {
		raw  map[string]string
		want string
	}{
		"disagreement":        {map[string]string{"runtime": "java21", "build-arg:LAMBDABASE_RUNTIME": "java17"}, "option runtime and build argument LAMBDABASE_RUNTIME disagree"},
		"transposed option":   {map[string]string{"lokc": "none"}, "unknown option lokc (did you mean lock?)"},
		"misspelled option":   {map[string]string{"runtme": "java21"}, "unknown option runtme (did you mean runtime?)"},
		"misspelled arg":      {map[string]string{"build-arg:LAMBDABASE_RUNTIM": "java21"}, "unknown build argument LAMBDABASE_RUNTIM, want one of LAMBDABASE_RUNTIME"},
		"suggested arg":       {map[string]string{"build-arg:LAMBDABASE_RUNTIM": "java21"}, "did you mean LAMBDABASE_RUNTIME?"},
		"unknown arg":         {map[string]string{"build-arg:LAMBDABASE_X": "1"}, "unknown build argument LAMBDABASE_X"},
		"unknown key":         {map[string]string{"cmdline": "img runtim=x"}, `unknown key "runtim" in the syntax line`},
		"key without value":   {map[string]string{"cmdline": "img nodejs20.x"}, `unknown key "nodejs20.x" in the syntax line`},
		"key given twice":     {map[string]string{"cmdline": "img runtime=a runtime=b"}, "key runtime stands twice in the syntax line"},
		"lock name":           {map[string]string{"runtime": "a.lock"}, "is no name of a runtime"},
		"hidden fragment":     {map[string]string{"runtime": "x", "repository": "https://h/x%23y"}, "without query and fragment"},
		"empty query":         {map[string]string{"runtime": "x", "repository": "https://h/x?"}, "without query and fragment"},
		"no path":             {map[string]string{"runtime": "x", "repository": "https://h/"}, "want a URL with a path"},
		"runtime way out":     {map[string]string{"runtime": "a/../b"}, "invalid option runtime"},
		"runtime as a flag":   {map[string]string{"runtime": "--upload-pack=x"}, "invalid option runtime"},
		"runtime as refspec":  {map[string]string{"build-arg:LAMBDABASE_RUNTIME": "a:b"}, "invalid build argument LAMBDABASE_RUNTIME"},
		"short commit":        {map[string]string{"runtime": "x", "commit": "abcdef"}, "no full commit id"},
		"branch as commit":    {map[string]string{"runtime": "x", "commit": "main"}, "no full commit id"},
		"layers":              {map[string]string{"runtime": "x", "layers": "chains"}, "did you mean chain?"},
		"file repository":     {map[string]string{"runtime": "x", "repository": "/tmp/x"}, "want an https, http or SSH URL"},
		"ext repository":      {map[string]string{"runtime": "x", "repository": "ext::sh -c x"}, "want a path without query"},
		"user information":    {map[string]string{"runtime": "x", "repository": "https://u:" + secret + "@h/x"}, "secret GIT_AUTH_TOKEN.h"},
		"a user alone":        {map[string]string{"runtime": "x", "repository": "https://" + secret + "@h/x"}, "secret GIT_AUTH_TOKEN.h"},
		"Azure's user":        {map[string]string{"runtime": "x", "repository": "https://org@dev.azure.com/org/project/_git/r"}, "invalid option repository: URL of host dev.azure.com has a user in it: leave out org@;"},
		"malformed and user":  {map[string]string{"runtime": "x", "repository": "https://u:" + secret + "@h:port/x"}, "want an https, http or SSH URL"},
		"branch in the URL":   {map[string]string{"runtime": "x", "repository": "https://h/x#main"}, "without query and fragment"},
		"objects":             {map[string]string{"runtime": "x", "objects": "lsf"}, "want auto, lfs, lfs+https://host/path, oci://registry/name or a URL template"},
		"LFS server":          {map[string]string{"runtime": "x", "objects": "lfs+https://u:" + secret + "@h/x"}, "invalid option objects: URL of host h has user information"},
		"SSH password":        {map[string]string{"runtime": "x", "repository": "ssh://git:" + secret + "@h/x"}, "invalid option repository"},
		"SSH without a path":  {map[string]string{"runtime": "x", "repository": "ssh://git@h/"}, "want a path without query"},
		"a mirror's tag":      {map[string]string{"runtime": "x", "repository": "oci://h.example/x:latest"}, "invalid option repository: want oci://registry/name, without a tag"},
		"a mirror's user":     {map[string]string{"runtime": "x", "objects": "oci://u:" + secret + "@h/x"}, "invalid option objects: want oci://registry/name, without user information"},
		"a layout's objects":  {map[string]string{"runtime": "x", "objects": "oci-layout:x"}, "give it as option repository"},
		"API of a mirror":     {map[string]string{"runtime": "x", "repository": "oci://h.example/x", "objects": "lfs"}, "objects=lfs is the batch API of a Git repository"},
		"known hosts":         {map[string]string{"runtime": "x", "known-hosts": "h ssh-ed25519 AAAA"}, "invalid option known-hosts"},
		"signed objects":      {map[string]string{"runtime": "x", "objects": "https://h/{oid}?sig=" + secret}, `invalid option objects: want auto, lfs, lfs+https://host/path, oci://registry/name or a URL template: query key "sig" may carry`},
		"commit, no runtime":  {map[string]string{"commit": "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"}, "option commit goes with option runtime"},
		"excluded path":       {map[string]string{"exclude": "/a,b"}, `invalid option exclude: "b" is not absolute`},
		"annotations":         {map[string]string{"annotations": "manifests"}, "did you mean manifest?"},
		"ecr":                 {map[string]string{"ecr": "snapshots"}, "did you mean snapshot?"},
		"too long a runtime":  {map[string]string{"runtime": strings.Repeat("a", 200)}, "is no name of a runtime"},
		"trailing slash":      {map[string]string{"runtime": "a/"}, "is no name of a runtime"},
		"space in a template": {map[string]string{"runtime": "x", "objects": "https://h h/{oid}"}, "no http or https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseOptions(tc.raw)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), secret)
		})
	}
}

var update = flag.Bool("update", false, "write the table of options anew")

const optionsFile = "../docs/options.md"

func TestTheDocumentHasTheTableOfOptions(t *testing.T) {
	dt, err := os.ReadFile(optionsFile)
	require.NoError(t, err)
	before, table, found := strings.Cut(string(dt), optionsHead)
	require.True(t, found)
	table, after, _ := strings.Cut(table, "\n\n")
	var want strings.Builder
	for _, o := range AllOptions() {
		want.WriteString("\n" + optionCells(o) + o.Usage + " | " + o.DefaultText + " |")
	}
	if *update {
		require.NoError(t, os.WriteFile(optionsFile, []byte(before+optionsHead+want.String()+"\n\n"+after), 0o644))
		return
	}
	require.Equal(t, want.String(), table, "make docs writes it anew")
}

const optionsHead = "| option | build argument | meaning | default |\n|---|---|---|---|"

func optionCells(o Option) string { return "| `" + o.Name + "` | `" + o.BuildArg() + "` | " }

// README has the most used in words of its own.
func TestReadmeNamesOptionsThatAre(t *testing.T) {
	dt, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(dt), "| option | build argument | for |\n|---|---|---|\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	for row := range strings.Lines(table) {
		require.True(t, slices.ContainsFunc(AllOptions(), func(o Option) bool { return strings.HasPrefix(row, optionCells(o)) }), row)
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add("runtime", "nodejs20.x", "img layers=chain")
	f.Add("build-arg:LAMBDABASE_OBJECTS", "https://u:p@h/{oid}", "")
	f.Fuzz(func(t *testing.T, key, value, line string) {
		opts, err := ParseOptions(map[string]string{key: value, "cmdline": line})
		if err == nil {
			require.True(t, opts.Runtime != "" || opts.Commit == "")
			if u, err := url.Parse(opts.Repository); err == nil && u.User != nil { // of SSH
				_, password := u.User.Password()
				require.False(t, password)
			}
		}
	})
}
