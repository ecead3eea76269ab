package sample

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// plainFiles is everything of a branch that is not a pointer.
func plainFiles(f branchSpec) map[string][]byte {
	files := map[string][]byte{}
	for _, name := range f.Files {
		if path.Ext(name) != ".xz" {
			files[name] = []byte(fillerText(name, f.Branch))
		}
	}
	files[".gitattributes"] = []byte(f.GitAttributes + "\n")
	for _, d := range f.Dockerfiles {
		files[d.Path] = []byte(d.text())
	}
	return files
}

// mainBranch is the default branch: upstream's explains the others and is no runtime.
func mainBranch() Branch {
	files := map[string][]byte{}
	for _, name := range []string{"CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "README.md"} {
		files[name] = []byte(fillerText(name, "main"))
	}
	return Branch{Name: "main", Date: time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC), Files: files}
}

func fillerText(name, branch string) string {
	return fmt.Sprintf("%s of branch %s of the sample of aws-lambda-base-images.\n", name, branch)
}

// text is the Dockerfile with upstream's instructions in upstream's order.
func (d dockerfile) text() string {
	var text strings.Builder
	adds, env, before := d.Add, d.Env, ""
	for _, instruction := range d.Instructions {
		if before != "" && before != instruction {
			text.WriteByte('\n')
		}
		before = instruction
		switch instruction {
		case "FROM":
			text.WriteString("FROM scratch\n")
		case "ADD":
			fmt.Fprintf(&text, "ADD %s /\n", adds[0].Source)
			adds = adds[1:]
		case "ENV":
			fmt.Fprintf(&text, "ENV %s=%s\n", env[0][0], env[0][1])
			env = env[1:]
		case "WORKDIR":
			fmt.Fprintf(&text, "WORKDIR %s\n", d.Workdir)
		case "ENTRYPOINT":
			fmt.Fprintf(&text, "ENTRYPOINT [ \"%s\" ]\n", strings.Join(d.Entrypoint, `", "`))
		}
	}
	return text.String()
}
