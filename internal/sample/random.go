package sample

import (
	"crypto/sha256"
	"math/rand/v2"
	"strings"
)

// randomSource makes names, times and content. It draws from ChaCha8 itself and not from rand.Rand: the
// generator's stream is specified, the methods on top of it may change between Go versions.
type randomSource struct {
	chacha *rand.ChaCha8
	words  []string
	lines  []string
}

const vocabulary = `async base buffer cache codec config core crypto curl data dispatch encoding event
	expat ffi filter glib graph handler http icu index json kernel krb5 lambda lexer locale magic module
	nss parser pcre policy process proxy queue regex resolver runtime schema script signal socket sqlite
	ssl stream string table thread timer token trace unicode util vector xml zlib`

func newRandomSource(seed string) *randomSource {
	n := &randomSource{chacha: rand.NewChaCha8(sha256.Sum256([]byte(seed))), words: strings.Fields(vocabulary)}
	for range 128 {
		n.lines = append(n.lines, n.line())
	}
	return n
}

// int64N draws from 0 up to but not including limit; the bias of the remainder does not matter here.
func (n *randomSource) int64N(limit int64) int64 {
	return int64(n.chacha.Uint64() % uint64(limit))
}

func (n *randomSource) word() string {
	return n.words[n.int64N(int64(len(n.words)))]
}

func (n *randomSource) line() string {
	words := make([]string, 4+n.int64N(8))
	for i := range words {
		words[i] = n.word()
	}
	return strings.Join(words, "_") + "\n"
}

// content is size bytes that xz makes about raw/ratio of, as it does of the real layers: in each
// block some bytes that do not compress, then lines that were there before.
func (n *randomSource) content(size int64) []byte {
	const block, incompressible = 1024, 131
	content := make([]byte, 0, size+2*block)
	for int64(len(content)) < size {
		start := len(content)
		content = content[:start+incompressible]
		n.chacha.Read(content[start:])
		for len(content) < start+block {
			content = append(content, n.lines[n.int64N(int64(len(n.lines)))]...)
		}
	}
	return content[:size]
}
