package lambdarules

import (
	"archive/tar"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// The entrypoint of AWS's base images, and what it starts.
const (
	awsEntrypoint = "/lambda-entrypoint.sh"
	awsBootstrap  = "/var/runtime/bootstrap"
)

const taskRootEnv = "LAMBDA_TASK_ROOT"

// maxScripts is how many scripts the kernel lets run one another.
const maxScripts = 5

// judgeContent judges what there is once all layers are unpacked.
func (c *checker) judgeContent() {
	chain, err := c.entrypoint()
	started, startErr := c.bootstrap(chain)
	var why *judgement
	if errors.As(cmp.Or(err, startErr), &why) {
		c.set(Entrypoint, Failed, why.text, why.advice)
	} else {
		c.set(Entrypoint, OK, arrows(chain), "")
	}
	programs := distinct(append(chain, started...))
	c.judgeArchitecture(programs)
	c.judgeReadable(programs)
	c.judgeTaskRoot()
}

// judgement is why a rule fails.
type judgement struct{ text, advice string }

func (j *judgement) Error() string { return j.text }

// entrypoint returns what is run in turn: the entrypoint, and what runs it if it is a script. What was found is returned with an
// error too.
func (c *checker) entrypoint() (chain []found, err error) {
	args := append(slices.Clone(c.config.Config.Entrypoint), c.config.Config.Cmd...)
	if len(args) == 0 || args[0] == "" {
		return nil, &judgement{"the image has neither ENTRYPOINT nor CMD", "say in the Dockerfile what is run (or in ImageConfig of each function, and take no notice of this)"}
	}
	first, err := c.lookPath(args[0])
	if err != nil {
		return nil, err
	}
	return c.interpreters(first)
}

// interpreters follows a program to the one that runs it.
func (c *checker) interpreters(program found) (chain []found, err error) {
	for range maxScripts {
		chain = append(chain, program)
		name := shown(program.path)
		switch n := program.node; {
		case n.typeflag != tar.TypeReg:
			return chain, &judgement{name + " is no file", "name a program"}
		case n.mode&0o111 == 0:
			return chain, &judgement{name + " is not executable", "COPY --chmod=755, or chmod +x before"}
		case n.program.machine == 0 && n.program.interpreter == "":
			return chain, &judgement{name + " is no program: it is neither of ELF nor begins with #! and an interpreter", "begin a script with #!/bin/sh, without a mark of its encoding before"}
		case n.program.interpreter == "":
			return chain, nil
		}
		next, err := c.tree.resolve(program.node.program.interpreter, followLast)
		if err != nil {
			return chain, &judgement{fmt.Sprintf("%s is run by %s: %v", name, shown(program.node.program.interpreter), err),
				"bring what runs it, or a program that is linked statically; Lambda says no such file or directory, and means this one"}
		}
		if !program.node.program.script { // the loader of a program
			return append(chain, next), nil
		}
		program = next
	}
	return chain, &judgement{shown(chain[0].path) + " is run by a script that is run by a script, and so on", "name a program"}
}

// lookPath finds a program as execvp does: by PATH where it has no slash.
func (c *checker) lookPath(name string) (found, error) {
	dirs := []string{cmp.Or(c.config.Config.WorkingDir, "/")}
	if !strings.Contains(name, "/") {
		dirs = strings.Split(cmp.Or(c.env("PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ":")
	}
	var first error
	for _, dir := range dirs {
		full := name
		if !path.IsAbs(name) {
			full = path.Join("/", dir) + "/" + name
		}
		program, err := c.tree.resolve(full, followLast)
		if err == nil {
			return program, nil
		}
		first = cmp.Or(first, err)
	}
	text := fmt.Sprintf("%s: %v", shown(name), first)
	if len(dirs) > 1 {
		text = shown(name) + " is in no directory of PATH"
	}
	return found{}, &judgement{text, "put it there, or name another one by ENTRYPOINT"}
}

func (c *checker) env(name string) string {
	value := ""
	for _, e := range c.config.Config.Env {
		if v, is := strings.CutPrefix(e, name+"="); is {
			value = v
		}
	}
	return value
}

// bootstrap returns what AWS's entrypoint starts, with what runs it. It isn't there in a base image that functions bring one to.
func (c *checker) bootstrap(entrypoint []found) (chain []found, err error) {
	if len(entrypoint) == 0 || entrypoint[0].path != awsEntrypoint {
		return nil, nil
	}
	first, err := c.tree.resolve(awsBootstrap, followLast)
	if err != nil {
		return nil, nil
	}
	return c.interpreters(first)
}

func distinct(all []found) (programs []found) {
	for _, p := range all {
		if !slices.ContainsFunc(programs, func(other found) bool { return other.node == p.node }) {
			programs = append(programs, p)
		}
	}
	return programs
}

func (c *checker) judgeArchitecture(programs []found) {
	const advice = "build it for the platform of the image: --platform on FROM and of the build, GOARCH=$TARGETARCH"
	want, known := machineOf(c.config.Architecture)
	if c.config.OS != "linux" || !known {
		c.set(Architecture, Failed, "the image is for "+c.Platform, "Lambda has linux/amd64 and linux/arm64")
		return
	}
	var wrong, right []string
	for _, p := range programs {
		switch machine := p.node.program.machine; machine {
		case 0:
		case want:
			right = append(right, shown(p.path))
		default:
			wrong = append(wrong, fmt.Sprintf("%s is for %s", shown(p.path), machineName(machine)))
		}
	}
	if len(wrong) > 0 {
		c.set(Architecture, Failed, fmt.Sprintf("the image is for %s: %s", c.Platform, listed(wrong)), advice)
		return
	}
	text := c.Platform
	if len(right) > 0 {
		text += ": " + listed(right)
	}
	c.set(Architecture, OK, text, "")
}

func (c *checker) judgeTaskRoot() {
	var wrong, right []string
	for _, dir := range []struct{ what, path string }{{"WORKDIR", c.config.Config.WorkingDir}, {taskRootEnv, c.env(taskRootEnv)}} {
		if dir.path == "" {
			continue
		}
		target, err := c.tree.resolve(dir.path, followLast)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s is %s: %v", dir.what, shown(dir.path), err))
		case target.node.typeflag != tar.TypeDir:
			wrong = append(wrong, fmt.Sprintf("%s is %s, which is no directory", dir.what, shown(dir.path)))
		default:
			right = append(right, fmt.Sprintf("%s is %s", dir.what, shown(dir.path)))
		}
	}
	if len(wrong) > 0 {
		c.set(TaskRoot, Failed, listed(wrong), "make the directory; Lambda says that the working directory is invalid")
		return
	}
	c.set(TaskRoot, OK, cmp.Or(listed(right), "neither WORKDIR nor "+taskRootEnv+" is set: it is /"), "")
}

func arrows(chain []found) string {
	var names []string
	for _, p := range chain {
		names = append(names, shown(p.path))
	}
	return strings.Join(names, " -> ")
}
