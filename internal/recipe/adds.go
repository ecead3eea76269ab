package recipe

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// tarballExt is what upstream keeps in LFS (its .gitattributes: "*.tar.xz filter=lfs").
const tarballExt = ".tar.xz"

// LooseAdds returns the tarballs that the first stage of a Dockerfile adds to scratch, as a recipe does, whatever else it has.
// None if it doesn't begin like a recipe.
func LooseAdds(dt []byte) []Add {
	ast, err := parser.Parse(bytes.NewReader(dt))
	if err != nil {
		return nil
	}
	var adds []Add
	scratch := false
	for _, node := range ast.AST.Children {
		args := instructionArgs(node)
		switch strings.ToLower(node.Value) {
		case command.From:
			if scratch || len(args) == 0 || args[0] != "scratch" {
				return adds
			}
			scratch = true
		case command.Add:
			for _, src := range args[:max(len(args)-1, 0)] {
				if src = plainSource(src, ast.EscapeToken); scratch && strings.HasSuffix(src, tarballExt) {
					adds = append(adds, Add{Source: src, Lines: node.Location()})
				}
			}
		}
	}
	return adds
}

// plainSource is the file that a source means, without its quotes; empty where it may be another, or several.
func plainSource(src string, escape rune) string {
	word, _, err := shell.NewLex(escape).ProcessWord(src, shell.EnvsFromSlice(nil))
	if err != nil || strings.Contains(src, "$") {
		return ""
	}
	word = strings.TrimPrefix(word, "./")
	if checkSource(word, escape) != nil {
		return ""
	}
	return word
}
