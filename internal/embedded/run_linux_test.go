package embedded

import (
	"archive/tar"
	"os/exec"
	"strings"
	"testing"

	"lambdabase/internal/isolate"
	"lambdabase/internal/isolate/isolatetest"

	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

// steps runs a script of busybox as every kind of user and on every snapshotter.
func steps(t *testing.T, script string, check func(t *testing.T, p *isolatetest.Process, log string)) {
	stepsOn(t, pb.NetMode_UNSET, script, check)
}

func stepsOn(t *testing.T, net pb.NetMode, script string, check func(t *testing.T, p *isolatetest.Process, log string)) {
	b := serve(t, busybox(t))
	b.Net, b.Run = net, "/bin/busybox sh -c '"+strings.ReplaceAll(script, "bb ", "/bin/busybox ")+"'"
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		isolatetest.NeedRoot(t, "runc")
		for _, snapshotter := range []string{Overlayfs, Native} {
			root := isolatetest.DirFor(t, as)
			p := isolatetest.StartJob(t, job{Root: root, Snapshotter: snapshotter, Build: b}, as)
			_ = p.ExitCode()
			check(t, p, strings.ReplaceAll(p.Stdout.String(), "log ", ""))
		}
	})
}

func TestStepRuns(t *testing.T) {
	steps(t, `bb id; bb chown 1000:1000 /bin/busybox; bb stat -c %u:%g /bin/busybox; bb echo pid $$; bb mkdir /a; bb cat /etc/hosts`,
		func(t *testing.T, p *isolatetest.Process, log string) {
			require.Zero(t, p.ExitCode())
			for _, line := range []string{"uid=0 gid=0", "1000:1000\n", "pid 1\n", "127.0.0.1"} {
				require.Contains(t, log, line)
			}
			require.Contains(t, log, "built sha256:")
		})
}

func TestStepThatFails(t *testing.T) {
	steps(t, `exit 42`, func(t *testing.T, p *isolatetest.Process, log string) {
		require.Equal(t, 1, p.ExitCode())
		require.Contains(t, p.Stderr.String(), "exit code: 42")
	})
}

// A step has the network of the machine.
func TestNetworkOfAStep(t *testing.T) {
	b := serve(t, archive(t))
	steps(t, `bb wget -q -O /file `+b.Server+`/`+b.Layers[0].Encoded()+` && bb echo got it`,
		func(t *testing.T, p *isolatetest.Process, log string) {
			require.Contains(t, log, "got it\n")
		})
}

func TestStepWithoutNetwork(t *testing.T) {
	b := serve(t, archive(t))
	stepsOn(t, pb.NetMode_NONE, `bb wget -q -T 5 -O /file `+b.Server+`/`+b.Layers[0].Encoded()+` || bb echo no network; bb ls /sys/class/net; bb cat /proc/net/route`,
		func(t *testing.T, p *isolatetest.Process, log string) {
			require.Zero(t, p.ExitCode())
			require.Contains(t, log, "no network\n")
			require.NotContains(t, log, "eth")
		})
}

// The network of the machine is what a step has without asking, but to ask for it is to ask for more: BuildKit's Dockerfile
// frontend takes it for an entitlement.
func TestHostNetworkIsAnEntitlement(t *testing.T) {
	stepsOn(t, pb.NetMode_HOST, `bb true`, func(t *testing.T, p *isolatetest.Process, log string) {
		require.Equal(t, 1, p.ExitCode())
		require.Contains(t, p.Stderr.String(), "network.host is not allowed")
	})
}

func TestNoRunc(t *testing.T) {
	isolatetest.NeedRoot(t, "runc")
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox true"
	hide := func(tb testing.TB, cmd *exec.Cmd) {
		script := ""
		for _, name := range []string{"buildkit-runc", "runc"} {
			if path, err := isolate.LookPath(name); err == nil {
				script += "mount --bind /dev/null " + path + "\n"
			}
		}
		isolatetest.AsUserWith(tb, cmd, "tester:300000:65536\n", script)
	}
	p := isolatetest.StartJob(t, job{Root: isolatetest.UserDir(t), Build: b}, hide)
	require.Equal(t, 1, p.ExitCode())
	require.Contains(t, p.Stderr.String(), "this step runs a program, for which runc is missing: install package runc")
	b.Run = ""
	isolatetest.MustRun(t, job{Root: isolatetest.UserDir(t), Build: b}, hide)
}

func TestRuncThatIsNotThere(t *testing.T) {
	isolatetest.NeedRoot(t)
	_, err := Start(t.Context(), Options{Root: t.TempDir(), Runc: "/no/such/runc"})
	require.ErrorContains(t, err, `runc: exec: "/no/such/runc": stat /no/such/runc: no such file or directory`)
}

func TestQuote(t *testing.T) {
	for _, path := range []string{"/usr/bin/runc", "/a b/it's $HOME", `/"\`} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(path)).Output()
		require.NoError(t, err)
		require.Equal(t, path, string(out))
	}
}

// What a RUN has removed from a dir that it made anew would be back in a copy, which has no attribute that says so.
func TestARunThatMakesADirAnewIsRunAgainOnACopyOfItsCache(t *testing.T) {
	isolatetest.NeedRoot(t, "runc")
	dir := []tar.Header{{Typeflag: tar.TypeDir, Name: "d/"}, {Typeflag: tar.TypeReg, Name: "d/file", Size: 3}}
	b := serve(t, busybox(t), archive(t, dir...))
	b.Run = "/bin/busybox sh -c '/bin/busybox rm -r /d && /bin/busybox mkdir /d && /bin/busybox echo anew'"
	root, other := t.TempDir(), t.TempDir()
	var log isolatetest.Output
	built(t, root, b, nil)
	built(t, root, b, &log)
	require.NotContains(t, log.String(), thrownAway, "it is no copy")
	out, err := exec.Command("cp", "-r", "--preserve=mode,ownership,timestamps,links", root+"/.", other).CombinedOutput()
	require.NoError(t, err, "%s", out)
	built(t, other, b, &log)
	require.Contains(t, log.String(), thrownAway+"it is a copy")
}
