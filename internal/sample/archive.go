package sample

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
	"github.com/ulikunitz/xz"
)

// archive writes one layer. The first error stays and silences what follows, so that the contents of
// a layer read as a list.
type archive struct {
	random  *randomSource
	out     bytes.Buffer
	xz      *xz.Writer
	tar     *tar.Writer
	dirs    map[string]bool       // directories that have their header
	files   map[string]tar.Header // what hard links repeat
	entries int
	err     error
}

// newArchive begins a layer of about raw bytes. The dictionary is no larger than the layer is: at
// 8 MiB each, two hundred small layers would spend their time on zeroing memory.
func newArchive(seed string, raw int64) *archive {
	a := &archive{random: newRandomSource(seed), dirs: map[string]bool{}, files: map[string]tar.Header{}}
	dictionary := 64 << 10
	for int64(dictionary) < raw && dictionary < 8<<20 {
		dictionary *= 2
	}
	a.xz, a.err = xz.WriterConfig{DictCap: dictionary}.NewWriter(&a.out)
	if a.err == nil {
		a.tar = tar.NewWriter(a.xz)
	}
	return a
}

// change alters a header before it is written.
type change func(*tar.Header)

func owner(uid, gid int) change {
	return func(h *tar.Header) { h.Uid, h.Gid, h.Uname, h.Gname = uid, gid, "", "" }
}

func xattr(name, value string) change {
	return func(h *tar.Header) {
		h.Format = tar.FormatPAX
		h.PAXRecords = map[string]string{"SCHILY.xattr." + name: value}
	}
}

func gnu(h *tar.Header) { h.Format = tar.FormatGNU }

// dir writes the header of a directory after those of its parents, unless they are there. Lambda
// refuses a layer without them. What a directory is like depends on its path alone, so that no two
// layers of an image disagree about it.
func (a *archive) dir(name string) {
	name = path.Clean(name)
	if a.dirs[name] {
		return
	}
	a.dirs[name] = true
	if name == "." {
		a.entry(tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}, nil)
		return
	}
	if parent := path.Dir(name); parent != "." {
		a.dir(parent)
	}
	mode, uid, gid := directory(name)
	a.entry(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil, owner(uid, gid))
}

// directory is the mode and the owner of a directory in every layer.
func directory(name string) (mode int64, uid, gid int) {
	switch name {
	case "tmp", "var/tmp":
		return 0o1777, 0, 0
	case "root":
		return 0o550, 0, 0
	case "var/spool/mail":
		return 0o2775, 0, 12
	case "home/sbx_user1051":
		return 0o700, 1000, 1000
	case "var/runtime/state", "var/lang/state":
		return 0o750, 993, 990
	}
	return 0o755, 0, 0
}

func (a *archive) file(name string, mode fs.FileMode, content []byte, changes ...change) {
	a.dir(path.Dir(name))
	a.entry(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode), Size: int64(len(content))}, content, changes...)
}

func (a *archive) symlink(name, target string) {
	a.dir(path.Dir(name))
	a.entry(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// link is a hard link to a file of the same layer. It repeats the file's mode, owner and time as GNU
// tar does: who unpacks applies them once more.
func (a *archive) link(name, target string) {
	a.dir(path.Dir(name))
	h := a.files[target]
	h.Typeflag, h.Name, h.Linkname, h.Size = tar.TypeLink, name, target, 0
	a.write(h, nil)
}

func (a *archive) fifo(name string) {
	a.dir(path.Dir(name))
	a.entry(tar.Header{Typeflag: tar.TypeFifo, Name: name, Mode: 0o600}, nil)
}

func (a *archive) entry(h tar.Header, content []byte, changes ...change) {
	h.Uname, h.Gname = "root", "root"
	for _, change := range changes {
		change(&h)
	}
	a.stamp(&h)
	if h.Typeflag == tar.TypeReg {
		a.files[h.Name] = h
	}
	a.write(h, content)
}

func (a *archive) write(h tar.Header, content []byte) {
	if a.err != nil {
		return
	}
	if err := a.tar.WriteHeader(&h); err != nil {
		a.err = errors.Wrapf(err, "header of %s", h.Name)
		return
	}
	_, err := a.tar.Write(content)
	a.err = errors.Wrapf(err, "content of %s", h.Name)
	a.entries++
}

// stamp gives each entry a time of its own, and every fifth one a fraction of a second, which only
// PAX can hold.
func (a *archive) stamp(h *tar.Header) {
	const year = 365 * 24 * 60 * 60
	h.ModTime = time.Date(2023, 9, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(a.random.int64N(year)) * time.Second)
	if a.entries%5 == 4 && h.Format != tar.FormatGNU {
		h.Format = tar.FormatPAX
		h.ModTime = h.ModTime.Add(time.Duration(1 + a.random.int64N(999_999_999)))
	}
}

// fill adds files until about raw bytes are there, in folders named by the patterns, whose %s becomes
// a word. Sizes are spread over their magnitudes, as in the real layers: 40 KB in the mean.
func (a *archive) fill(raw int64, dirs ...string) {
	for i := int64(0); raw > 0 && a.err == nil; i++ {
		dir := strings.ReplaceAll(dirs[i%int64(len(dirs))], "%s", a.random.word())
		size := min(raw, a.random.int64N(400<<(1+a.random.int64N(10))))
		name := dir + "/" + a.random.word() + "-" + strconv.FormatInt(i, 10)
		a.file(name, []fs.FileMode{0o644, 0o755, 0o444}[i%3], a.random.content(size))
		raw -= size + 512
	}
}

func (a *archive) close() ([]byte, error) {
	if a.err == nil {
		a.err = a.tar.Close()
	}
	if a.err == nil {
		a.err = a.xz.Close()
	}
	return a.out.Bytes(), a.err
}
