package test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// enginePrograms are what Docker Engine runs itself, whatever else a test lets it have.
var enginePrograms = []string{"containerd", "containerd-shim-runc-v2", "runc", "iptables", "ps"}

// applyToEngine says the needs as dockerd is told.
func (n needs) applyToEngine(t *testing.T, dockerd *exec.Cmd) {
	t.Helper()
	dockerd.Env = os.Environ()
	if n.programs != nil {
		dockerd.Env = append(dockerd.Env, "PATH="+sandbox.PathOf(t, append(n.programs, enginePrograms...)...))
	}
	if n.hub != "" {
		dockerd.Args = append(dockerd.Args, "--registry-mirror=http://"+n.hub)
		dockerd.Env = append(dockerd.Env, "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1")
	}
}

// startEngineDaemon starts Docker's engine, and gives the BuildKit in it as if it were a daemon.
func startEngineDaemon(t *testing.T, n needs) *sandbox.Daemon {
	t.Helper()
	e := startEngine(t, n)
	version, err := e.run(t, "version", "--format={{.Server.Version}}")
	require.NoError(t, err, version)
	require.True(t, strings.HasPrefix(version, "20.10."), version)
	docker := strings.TrimPrefix(e.host, "unix://")
	socket := filepath.Join(filepath.Dir(docker), "buildkit.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	acceptEach(t, listener, func(conn net.Conn) { forwardGRPC(conn, docker) })
	return &sandbox.Daemon{Addr: "unix://" + socket}
}

// forwardGRPC joins a connection to the engine's gRPC, as buildx's driver for Docker has it.
func forwardGRPC(conn net.Conn, docker string) {
	defer conn.Close()
	engine, answer, err := dialGRPC(docker)
	if err != nil {
		return
	}
	defer engine.Close()
	go func() {
		_, _ = io.Copy(engine, conn)
		engine.Close()
	}()
	_, _ = io.Copy(conn, answer)
}

// dialGRPC has the engine change from HTTP to gRPC; what it sends then is read from answer.
func dialGRPC(docker string) (conn net.Conn, answer io.Reader, err error) {
	if conn, err = net.Dial("unix", docker); err != nil {
		return nil, nil, err
	}
	const request = "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return conn, nil, err
	}
	buffered := bufio.NewReader(conn)
	res, err := http.ReadResponse(buffered, nil)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		err = errors.Errorf("the engine answers %s", res.Status)
	}
	return conn, buffered, err
}
