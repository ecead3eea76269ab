package test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// The scripts of each service are run as it runs them: variables that nobody sets are an error.
func TestScriptsForCIDoWhatTheySay(t *testing.T) {
	t.Parallel()
	g := playGitHub(t, serveRunnable(t))
	d := g.daemon(t)
	_, registry := frontendImage(t, d)
	build, lock := readWorkflow(t, "build.yml"), readWorkflow(t, "lock.yml")
	gitLab, buildkite, spec := readGitLab(t), readBuildkite(t), readBuildspec(t).Phases
	commit := must(g.Commit("nodejs20.x"))

	p := g.openProject(t, registry, d)
	compare := lock["Compare, and lock anew"]
	for service, scripts := range map[string][][]string{
		"github":    {{build["make -C .lambdabase bin/lambdabase"]}, {build["Build and push"]}, {build["Check that Lambda takes it"]}, {compare}},
		"gitlab":    {gitLab["command"].Script, slices.Concat(gitLab["function"].BeforeScript, gitLab["function"].Script), gitLab["lock"].Script},
		"buildkite": {buildkite.Steps[0].Commands, buildkite.Steps[1].Commands},
		"codebuild": {slices.Concat(spec.Install.Commands, spec.PreBuild.Commands, spec.Build.Commands, spec.PostBuild.Commands)},
	} {
		job := p.newJob(t, service)
		if service == "github" {
			job.mustRun(t, "git clone --depth 1 \"$LAMBDABASE\" .lambdabase") // its own step
		}
		for _, script := range scripts {
			require.NotContains(t, job.mustRun(t, script...), "is behind")
		}
		for name, want := range expectationsOf(t, "../examples/node-function") {
			image := registry + "/" + strings.Replace(name, "node-function", "function:"+service, 1)
			g.requireImage(t, d, image, want)
			require.Contains(t, string(must(crane.Config(image))), commit)
		}
		require.Empty(t, job.content(t, "output"), "nothing has moved")
	}

	g.publish(t, "nodejs20.x")
	for service, script := range map[string][]string{"gitlab": gitLab["lock"].Script, "buildkite": buildkite.Steps[0].Commands} {
		job := p.newJob(t, service)
		job.mustRun(t, gitLab["command"].Script...)
		require.Contains(t, job.mustFail(t, script...), commit[:12])
	}
	job := p.newJob(t, "codebuild")
	require.Contains(t, job.mustRun(t, slices.Concat(spec.Install.Commands, spec.PreBuild.Commands)...), "lambda.lock.json is behind")
	require.Contains(t, job.mustRun(t, spec.Build.Commands...), "obey lambda.lock.json: nodejs20.x is commit "+commit)
	p.requirePullRequest(t, must(g.Commit("nodejs20.x")), lock["make -C .lambdabase bin/lambdabase"], compare, lock["Open a pull request"])
}

// requirePullRequest runs the steps of a workflow that opens a pull request.
func (p *project) requirePullRequest(t *testing.T, commit string, steps ...string) {
	t.Helper()
	job := p.newJob(t, "github")
	job.mustRun(t, "git clone --depth 1 \"$LAMBDABASE\" .lambdabase")
	for _, step := range steps {
		job.mustRun(t, step)
	}
	require.Equal(t, "moved=true\n", job.content(t, "output"))
	require.Contains(t, job.content(t, "changes.txt"), " -> "+commit[:12])
	require.Contains(t, job.content(t, "gh"), "pr create --head lambda-lock --title Update lambda.lock.json --body-file ")
	pushed := job.mustRun(t, "git -C "+p.origin+" show --stat --format=%s lambda-lock && git -C "+p.origin+" show lambda-lock:lambda.lock.json")
	require.Contains(t, pushed, "Update lambda.lock.json")
	require.Contains(t, pushed, "1 file changed")
	require.Contains(t, pushed, commit)
}

// project is a repository with a function and a lock file, and one that the command is built from.
type project struct {
	*doc
	registry, addr, origin, source string
}

func (g *github) openProject(t *testing.T, registry string, d *sandbox.Daemon) *project {
	t.Helper()
	p := &project{doc: g.openDoc(t, "../examples/ci/README.md", registry, d), registry: registry, addr: d.Addr, origin: t.TempDir(), source: t.TempDir()}
	command, err := cliBinary()
	require.NoError(t, err)
	path, _ := strings.CutPrefix(p.env[0], "PATH=")
	bin, _, _ := strings.Cut(path, ":")
	for name, script := range map[string]string{
		// A builder is the daemon, which stays between jobs.
		"docker": "#!/bin/sh\nbuildx=" + sandbox.Tool(t, "buildx") + "\ncase \"$2\" in\nbuild) shift; exec $buildx \"$@\" ;;\n" +
			"create) $buildx inspect lambda || $buildx create --name lambda --driver remote " + d.Addr + " ;;\n*) cat > /dev/null ;;\nesac\n",
		"aws": "#!/bin/sh\necho password\n",
		"gh":  "#!/bin/sh\necho \"$@\" >> \"$RUNNER_TEMP/gh\"\n",
	} {
		require.NoError(t, os.RemoveAll(filepath.Join(bin, name)))
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(p.source, "Makefile"), []byte("bin/lambdabase:\n\tmkdir bin && ln -s "+command+" $@\n"), 0o644))
	require.NoError(t, os.CopyFS(p.dir, os.DirFS("../examples/node-function")))
	const commit = "git init -q -b main . && git add . && git -c user.name=t -c user.email=t@example.com commit -q -m x"
	p.run(t, "rm Dockerfile && printf 'FROM nodejs20.x\\nCOPY app.mjs ./\\nCMD [\"app.handler\"]\\n' > Dockerfile && lambdabase lock nodejs20.x --platform linux/amd64,linux/arm64 && "+
		commit+" && git clone -q --bare . "+p.origin+" && cd "+p.source+" && "+commit)
	return p
}

// ciVariables are those that services and their settings have, besides where things are.
var ciVariables = map[string][]string{
	"github":    {"GITHUB_SHA=github", "GH_TOKEN=x"},
	"gitlab":    {"CI_COMMIT_SHA=gitlab", "REG_USER=u", "REG_PASSWORD=p"},
	"buildkite": {"BUILDKITE_COMMIT=buildkite"},
	"codebuild": {"CODEBUILD_RESOLVED_SOURCE_VERSION=codebuild"},
}

// ciJob is a job of a service in a checkout of its own.
type ciJob struct{ doc }

func (p *project) newJob(t *testing.T, service string) *ciJob {
	t.Helper()
	require.Contains(t, slices.Collect(maps.Keys(ciVariables)), service)
	temp := t.TempDir()
	job := &ciJob{doc{dir: filepath.Join(temp, "checkout"), env: slices.Concat(p.env, ciVariables[service], []string{
		"REG=" + p.registry, "LAMBDABASE=file://" + p.source, "BUILDKIT_HOST=" + p.addr, "RUNNER_TEMP=" + temp, "GITHUB_OUTPUT=" + filepath.Join(temp, "output"),
	})}}
	p.run(t, "git clone -q "+p.origin+" "+job.dir)
	return job
}

// command runs a script, with images of this machine's architecture.
func (j *ciJob) command(t *testing.T, script ...string) (out string, err error) {
	t.Helper()
	text := strings.ReplaceAll(strings.Join(script, "\n"), "linux/arm64", "linux/"+runtime.GOARCH)
	require.NotEmpty(t, text)
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", text)
	cmd.Dir, cmd.Env = j.dir, j.env
	dt, err := cmd.CombinedOutput()
	return string(dt), err
}

func (j *ciJob) mustRun(t *testing.T, script ...string) string {
	t.Helper()
	out, err := j.command(t, script...)
	require.NoError(t, err, "%s\n%s", strings.Join(script, "\n"), out)
	return out
}

func (j *ciJob) mustFail(t *testing.T, script ...string) string {
	t.Helper()
	out, err := j.command(t, script...)
	require.Error(t, err, out)
	return out
}

// content is that of a file of the runner's; empty: there is none.
func (j *ciJob) content(t *testing.T, name string) string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(filepath.Dir(j.dir), name))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return string(dt)
}
