package test

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestAFailedBuildLeavesFilesAsTheyWere(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	require.NoError(t, os.WriteFile(c.file("old.tar"), []byte("old"), 0o600))
	for name, tc := range map[string]struct {
		args []string
		hint string
	}{
		"runtime":  {buildArgs(h, "nodejs21.x"), "did you mean nodejs24.x, nodejs22.x, nodejs20.x?"},
		"platform": {append(buildArgs(h, "nodejs20.x"), "--platform=linux/s390x"), "it has linux/amd64, linux/arm64"},
		"objects":  {append(buildArgs(h, "nodejs20.x"), "--objects="+h.URL+"/nowhere/{oid}"), "not found: the template may be wrong"},
		"commit":   {append(buildArgs(h, "nodejs20.x"), "--commit="+strings.Repeat("0", 40)), "leave out the commit for the branch's head"},
		"folder":   {[]string{"build", "-f", "Dockerfile", "nowhere"}, "folder nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{"new.tar", "old.tar"} {
				s := c.run(t, append(tc.args, "-o", file)...)
				require.Equal(t, 1, s.code, s.stderr)
				require.Empty(t, s.stdout)
				last := s.stderr[strings.LastIndex(s.stderr, "\nlambdabase: ")+1:]
				require.Contains(t, last, tc.hint)
				require.NotContains(t, last, "failed to solve")
			}
			entries, err := os.ReadDir(c.dir)
			require.NoError(t, err)
			require.Len(t, entries, 1)
			text, err := os.ReadFile(c.file("old.tar"))
			require.NoError(t, err)
			require.Equal(t, "old", string(text))
		})
	}
}

func TestAnErrorInARecipeShowsItsLine(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	bad := newBranch("case", compress(t, packTar(t, taskDirs...)))
	bad.Files["Dockerfile.case"] = append(bad.Files["Dockerfile.case"], "RUN true\n"...)
	output := c.mustFail(t, 1, buildArgs(serve(t, []sample.Branch{bad}), "case")...)
	require.Contains(t, output, ">>> RUN true")
	require.Contains(t, output, "lambdabase: Dockerfile.case:6: RUN: unknown in a recipe")
}

func TestACommandLineThatMakesNoSenseIsAnErrorOfUsage(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	require.NoError(t, os.Mkdir(c.file("folder"), 0o755))
	for line, want := range map[string]string{
		"buld":                                                  "Did you mean this?\n\tbuild",
		"build":                                                 "name a runtime, or a Dockerfile with --file",
		"build -f Dockerfile a b":                               "one folder goes with --file, not 2",
		"build nodejs20.x --target=x":                           "a base image has no stages",
		"build nodejs20.x --no-process-sandbox":                 "--no-process-sandbox goes with --file, and not with --addr",
		"build nodejs20.x --push":                               "--push needs --tag",
		"build nodejs20.x --lokc=none":                          "unknown flag: --lokc (did you mean --lock?)",
		"build nodejs20.x --no-such":                            "unknown flag: --no-such",
		"build nodejs20.x -o type=zip":                          `type "zip", want one of oci, docker, image, local, tar`,
		"build nodejs20.x -o type=local":                        "type=local needs dest=FOLDER",
		"build nodejs20.x -o folder":                            "folder is a folder: name a file in it, or give type=local,dest=folder",
		"build nodejs20.x -o nowhere/x":                         "nowhere: no such file or directory",
		"build nodejs20.x ruby3.3 -o x.tar":                     "several runtimes would go to one place, x.tar: give a name with {runtime} in it",
		"build nodejs20.x ruby3.3 -o -":                         "several runtimes would go to one place, the standard output",
		"build nodejs20.x ruby3.3 -t base -o {runtime}":         "several runtimes would go to one place, base",
		"build nodejs20.x -o x.tar -o type=docker,dest=./x.tar": "two results would go to x.tar",
		"build nodejs20.x -t REG/Upper:1 -o x.tar":              `--tag: image name "REG/Upper:1": invalid reference format: repository name (Upper) must be lowercase`,
		"build nodejs20.x -o type=image,name=reg/a":             "--output: type=image is kept nowhere here: push it",
		"build ./folder":                                        "./folder is a folder here: to build a Dockerfile, type lambdabase build -f DOCKERFILE ./folder",
		"build .":                                               ". is a folder here: to build a Dockerfile, type lambdabase build -f DOCKERFILE .",
		"build nodejs20.x --secret=token":                       "--secret: ",
		"build nodejs20.x --secret=id=a,src=nowhere":            "nowhere: no such file or directory",
		"build nodejs20.x --ssh=default=nowhere":                "nowhere: no such file or directory",
		"build nodejs20.x --cache-from=ref=x":                   "want type=registry,ref=... or type=local",
		"build nodejs20.x --cache-to=type=":                     "--cache-to: ",
		"build nodejs20.x --platform=x":                         `--platform: "x": unknown operating system or architecture`,
		"build nodejs20.x --progress=fast":                      "--progress: invalid progress mode fast",
		"build nodejs20.x --opt=x":                              "--opt: invalid value x",
		"build nodejs20.x --opt=runtme=x":                       "unknown option runtme (did you mean runtime?)",
		"build nodejs20.x --layers=x":                           `invalid option layers: "x", want one of auto, merge, chain`,
		"build nodejs20.x --sample --objects=lfs":               "--sample has a repository and objects of its own",
		"build ../x":                                            "is no name of a runtime, want for example nodejs20.x",
		"build nodejs20.x --repository=http://a:b@c/d":          "has user information in it",
		"list --repository=http://a:b@c/d":                      "has user information in it",
		"list --secret=token=x":                                 `--secret: unknown key "token"`,
		"list x":                                                `unknown command "x" for "lambdabase list"`,
		"plan":                                                  "accepts 1 arg(s), received 0",
		"inspect":                                               "accepts between 1 and 2 arg(s), received 0",
		"prune --keep-storage=much":                             "--keep-storage: ",
		"du --keep":                                             "unknown flag: --keep",
	} {
		t.Run(line, func(t *testing.T) {
			output := c.mustFail(t, 2, strings.Fields(line)...)
			require.Contains(t, output, want)
			require.NotContains(t, output, "a:b@")
			command, _, _ := strings.Cut(line, " ")
			if command != "buld" {
				require.Contains(t, output, "See 'lambdabase "+command+" --help'.\n")
			}
		})
	}
	entries, err := os.ReadDir(c.root)
	require.True(t, os.IsNotExist(err) || len(entries) == 0, "nothing was begun: %v", entries)
}

// soon is when an interrupted build has ended at the latest, on a machine that is busy. It is some 0.2 s on one that isn't,
// and more than this if an end is waited for: of an answer, of a time limit, or of the build.
const soon = 20 * time.Second

// takeHangup has commands start with SIGHUP as it is by default, also where the tests were started without it, by nohup.
func takeHangup(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(signals) })
}

func TestAnInterruptEndsABuildSoonAndLeavesNothing(t *testing.T) {
	t.Parallel()
	takeHangup(t)
	h := serveUpstream(t, "nodejs20.x")
	for name, tc := range map[string]struct {
		fault  faults.Fault
		kind   githost.Kind
		more   []string
		signal syscall.Signal
	}{
		"while git waits":             {faults.Fault{Delay: time.Hour}, githost.Git, nil, syscall.SIGINT},
		"while an object waits":       {faults.Fault{Stall: -1}, githost.Object, nil, syscall.SIGINT},
		"while the batch API waits":   {faults.Fault{Delay: time.Hour}, githost.Batch, []string{"--objects=lfs"}, syscall.SIGINT},
		"while an LFS object waits":   {faults.Fault{Stall: 100}, githost.Object, []string{"--objects=lfs"}, syscall.SIGINT},
		"with the terminal":           {faults.Fault{Stall: -1}, githost.Object, nil, syscall.SIGHUP},
		"by the system that shuts up": {faults.Fault{Stall: -1}, githost.Object, nil, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCLI(t)
			h.Reset()
			h.Inject(faults.Target{Kind: tc.kind}, tc.fault)
			cmd := c.command(t, append(append(buildArgs(h, "nodejs20.x"), "-o", "image.tar"), tc.more...)...)
			ended := make(chan cmdResult, 1)
			go func() { ended <- runToEnd(t, cmd) }()
			sandbox.Wait(t, func() bool { return h.Total(tc.kind) > 0 }, "request")
			begun := time.Now()
			require.NoError(t, cmd.Process.Signal(tc.signal))
			s := <-ended
			took := time.Since(begun)
			t.Logf("%s after the signal", took)
			require.Equal(t, 130, s.code, s.stderr)
			require.Less(t, took, soon)
			require.Contains(t, s.stderr, "lambdabase: interrupted\n")
			entries, err := os.ReadDir(c.dir)
			require.NoError(t, err)
			require.Empty(t, entries)
			h.ClearFaults()
			c.mustRun(t, append(append(buildArgs(h, "nodejs20.x"), "-o", "image.tar"), tc.more...)...)
		})
	}
}

// Signals that a command is started without, as by nohup, don't end it.
func TestASignalThatIsIgnoredEndsNothing(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
		h.Reset()
		h.Inject(faults.Target{Kind: githost.Git}, faults.Fault{Delay: time.Second})
		cmd := inShell(c.command(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar", "--no-cache")...), `trap "" HUP INT; exec "$0" "$@"`)
		ended := make(chan cmdResult, 1)
		go func() { ended <- runToEnd(t, cmd) }()
		require.Eventually(t, func() bool { return h.Total(githost.Git) > 0 }, 10*time.Second, 10*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(signal))
		s := <-ended
		require.Zero(t, s.code, s.stderr)
		h.ClearFaults()
	}
}

func TestWhoWaitsForTheCacheCanBeInterrupted(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Stall: -1})
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")
	first, second := c.command(t, args...), c.command(t, args...)
	ended := make(chan cmdResult, 2)
	go func() { ended <- runToEnd(t, first) }()
	sandbox.Wait(t, func() bool { return h.Total(githost.Object) > 0 }, "request for an object")
	lines, line := firstLine(t, second)
	require.Regexp(t, `^waiting for process `+strconv.Itoa(first.Process.Pid)+` \(lambdabase build nodejs20\.x\), since \d\d:\d\d:\d\d, which uses the cache\n$`, line)
	require.NoError(t, second.Process.Signal(syscall.SIGINT))
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "lambdabase: interrupted\n", line)
	_ = second.Wait()
	require.Equal(t, 130, second.ProcessState.ExitCode())

	require.NoError(t, first.Process.Signal(syscall.SIGINT))
	require.Equal(t, 130, (<-ended).code)
}
