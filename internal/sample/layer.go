package sample

import (
	"strings"

	"github.com/pkg/errors"
)

// layer is one object to be made.
type layer struct {
	kind     layerKind
	seed     string
	size     int64       // wanted, compressed
	runtime  string      // the first branch to name it
	system   system      // for the OS
	packages rpmDatabase // for the OS
	shell    []byte      // a static busybox, for the OS
}

const (
	// compressionRatio of raw to compressed size in the real layers.
	compressionRatio = 4.5
	// fixedSize is about what the entries take that a layer has at any scale, compressed, but for the packages.
	fixedSize = 3500
)

// tarball makes the object. It is a .tar.xz as upstream's are.
func (l layer) tarball() ([]byte, error) {
	raw := max(0, int64(float64(l.size-fixedSize-l.packages.size())*compressionRatio))
	a := newArchive(l.seed, raw+64<<10+int64(len(l.packages.content))+int64(len(l.shell)))
	switch l.kind {
	case operatingSystem:
		a.operatingSystem(l, raw)
	case language:
		a.language(l, raw)
	case runtimeClient:
		a.client(l, raw)
	case emulator:
		a.emulator(raw)
	case bootstrap:
		a.bootstrap(l, raw)
	case directories:
		a.directories()
	default:
		return nil, errors.Errorf("layer of unknown kind %q", l.kind)
	}
	return a.close()
}

// notice is in every layer but the tiny ones with another content: which one an image shows tells
// whether its layers are in the Dockerfile's order.
func (a *archive) notice(l layer) {
	a.file("usr/share/doc/lambda/NOTICE", 0o644, []byte(string(l.kind)+" "+l.seed+"\n"))
}

func (a *archive) language(l layer, raw int64) {
	dir := "var/lang/lib/" + l.seed[:8]
	a.notice(l)
	a.file("var/lang/bin/"+l.runtime, 0o755, a.random.content(2000))
	a.symlink("var/lang/bin/language", l.runtime)
	a.oddities(dir)
	a.dir("var/lang/state")
	a.fill(raw, dir+"/%s", "var/lang/lib", "var/lang/include/%s", dir+"/%s/test", "var/lang/share/%s")
}

func (a *archive) client(l layer, raw int64) {
	a.notice(l)
	a.file("var/runtime/client-"+l.seed[:8], 0o555, a.random.content(900))
	a.oddities("var/runtime/lib/" + l.seed[:8])
	a.dir("var/runtime/state")
	a.fill(raw, "var/runtime/%s", "var/runtime/lib/%s", "var/runtime/%s/dist")
}

// emulator is one program. Its first lines run what they are given, so that an image with a shell
// runs a function; what follows exec is never read.
func (a *archive) emulator(raw int64) {
	script := "#!/bin/sh\n# Stands in for the runtime interface emulator.\nexec \"$@\"\n"
	a.file("usr/local/bin/aws-lambda-rie", 0o755, append([]byte(script), a.random.content(1024+raw)...))
}

func (a *archive) bootstrap(l layer, raw int64) {
	a.notice(l)
	a.file("lambda-entrypoint.sh", 0o755, []byte(entrypointScript))
	a.file("var/runtime/bootstrap", 0o755, []byte(bootstrapScript))
	a.oddities("var/runtime/share/" + l.seed[:8])
	a.fill(raw, "var/runtime/share/%s")
}

func (a *archive) directories() {
	for _, name := range strings.Fields(". opt tmp var var/task var/runtime") {
		a.dir(name)
	}
}

// entrypointScript does what AWS's does.
const entrypointScript = `#!/bin/sh
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"

RUNTIME_ENTRYPOINT=/var/runtime/bootstrap
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  exec /usr/local/bin/aws-lambda-rie "$RUNTIME_ENTRYPOINT"
else
  exec "$RUNTIME_ENTRYPOINT"
fi
`

// bootstrapScript runs a function that brings its own bootstrap, or says which handler it got.
const bootstrapScript = `#!/bin/sh
if [ -x "$LAMBDA_TASK_ROOT/bootstrap" ]; then
  exec "$LAMBDA_TASK_ROOT/bootstrap" "$_HANDLER"
fi
echo "handler $_HANDLER in $LAMBDA_TASK_ROOT"
`
