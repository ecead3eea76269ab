package lambdarules

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// headSize is how much of a file is looked at to see what program it is: linkers put what is needed well before.
const headSize = 4096

// program is what the kernel makes of a file's first bytes. The zero value is no program.
type program struct {
	machine     uint16 // of ELF; 0: it is none
	interpreter string // of a script, or the loader of a program of ELF
	script      bool
}

// Machines of ELF.
const (
	machine386     = 3
	machineARM     = 40
	machineX86     = 62
	machineAArch64 = 183
)

// parseProgram reads the first bytes of a file.
func parseProgram(head []byte) program {
	if line, is := bytes.CutPrefix(head, []byte("#!")); is {
		return program{script: true, interpreter: scriptInterpreter(line)}
	}
	return parseELF(head)
}

// scriptInterpreter is the first word of a script's first line. The kernel reads 256 bytes of it.
func scriptInterpreter(line []byte) string {
	line, _, _ = bytes.Cut(line[:min(len(line), 254)], []byte("\n"))
	words := bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 {
		return ""
	}
	name, _, _ := bytes.Cut(words[0], []byte{0})
	return string(name)
}

// layout of a header and of its program headers, in bytes, for 32 and 64 bits.
type elfLayout struct{ header, phoff, phentsize, phnum, entry, offset, size, word int }

var (
	elf32 = elfLayout{header: 52, phoff: 28, phentsize: 42, phnum: 44, entry: 32, offset: 4, size: 16, word: 4}
	elf64 = elfLayout{header: 64, phoff: 32, phentsize: 54, phnum: 56, entry: 56, offset: 8, size: 32, word: 8}
)

func parseELF(head []byte) (p program) {
	const class, data, machine = 4, 5, 18
	if len(head) < elf32.header || !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return p
	}
	layout := elf32
	if head[class] == 2 {
		layout = elf64
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[data] == 2 {
		order = binary.BigEndian
	}
	if len(head) < layout.header {
		return p
	}
	p.machine = order.Uint16(head[machine:])
	p.interpreter = layout.loader(head, order)
	return p
}

// loader returns the path of the dynamic loader, if there is one among the first bytes.
func (l elfLayout) loader(head []byte, order binary.ByteOrder) string {
	const interp = 3
	number := func(at int) uint64 {
		if l.word == 8 {
			return order.Uint64(head[at:])
		}
		return uint64(order.Uint32(head[at:]))
	}
	at, size := number(l.phoff), uint64(order.Uint16(head[l.phentsize:]))
	for range order.Uint16(head[l.phnum:]) {
		if size < uint64(l.entry) || at > uint64(len(head)-l.entry) {
			return ""
		}
		if order.Uint32(head[at:]) == interp {
			from, n := number(int(at)+l.offset), number(int(at)+l.size)
			if from > uint64(len(head)) || n > uint64(len(head))-from {
				return ""
			}
			name, _, _ := bytes.Cut(head[from:from+n], []byte{0})
			return string(name)
		}
		at += size
	}
	return ""
}

// machineName is how a machine is told.
func machineName(machine uint16) string {
	switch machine {
	case machineX86:
		return "x86_64"
	case machineAArch64:
		return "arm64"
	case machine386:
		return "x86 of 32 bits"
	case machineARM:
		return "arm of 32 bits"
	}
	return "another machine"
}

// machineOf returns the machine of a platform that Lambda has.
func machineOf(architecture string) (machine uint16, ok bool) {
	switch strings.ToLower(architecture) {
	case "amd64":
		return machineX86, true
	case "arm64":
		return machineAArch64, true
	}
	return 0, false
}
