package lambda2llb

import (
	"path"
	"slices"
	"strings"

	"lambdabase/internal/printable"

	"github.com/moby/buildkit/client/llb"
)

// Stack is layers unpacked one onto the other.
type Stack struct {
	State llb.State // as the image has them
	Whole llb.State // with nothing left out
}

// NewStack returns a Stack of no layers.
func NewStack() Stack { return Stack{State: llb.Scratch(), Whole: llb.Scratch()} }

// Stack returns a stack with another layer on it.
//
// What is left out is unpacked with the rest, and removed in the same step: the layer is what the step has changed when it is
// done, so that nothing of it is in the layer, and all else is as ADD makes it. What was left out below is there meanwhile. The
// step gives directories another time, and they get theirs back from the whole layers.
func (c *Converter) Stack(onto Stack, a Attempt) Stack {
	next := Stack{State: onto.State, Whole: c.Unpack(onto.Whole, a)}
	switch {
	case a.Gone:
	case len(a.Exclude)+len(a.Restore) == 0:
		next.State = c.Unpack(onto.State, a)
	default:
		next.State = onto.State.File(c.unpackWithout(onto.Whole, next.Whole, a), c.unpackOpts(a, excludeName(a)...)...)
	}
	return next
}

func (c *Converter) unpackWithout(below, whole llb.State, a Attempt) *llb.FileAction {
	var action *llb.FileAction
	for _, p := range a.Restore {
		action = action.Copy(below, p, p)
	}
	action = c.unpack(action, a)
	for _, p := range a.Exclude {
		// Without this BuildKit looks through a symlink, and fails where that leads nowhere (rmPath in
		// solver/llbsolver/file/backend.go of v0.33.1).
		action = action.Rm(p, llb.WithAllowNotFound(true))
	}
	for _, dir := range parents(a.Exclude) {
		// Copying a directory onto one gives that its time (since v0.11: restoreFileTimestamp in fsutil's copy/copy.go), and
		// without its contents nothing else.
		action = action.Copy(whole, dir, dir, &llb.CopyInfo{CopyDirContentsOnly: true, ExcludePatterns: []string{"*"}})
	}
	return action
}

// excludeName says in a step's name what it leaves out. Layers of other runtimes that share the step leave out the same.
func excludeName(a Attempt) []llb.ConstraintsOpt {
	const shown = 3
	switch n := len(a.Exclude); {
	case n == 0:
		return nil
	case n > shown:
		return []llb.ConstraintsOpt{llb.WithCustomNamef("%s without %d paths", vertexName("unpack", a.Layer), n)}
	}
	return []llb.ConstraintsOpt{llb.WithCustomName(vertexName("unpack", a.Layer) + " without " + names(a.Exclude))}
}

// parents are the directories that the paths are in, each once. The root has no time in an image.
func parents(paths []string) (dirs []string) {
	for _, p := range paths {
		if dir := path.Dir(p); dir != "/" {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func names(paths []string) string {
	shown := make([]string, 0, len(paths))
	for _, p := range paths {
		shown = append(shown, printable.Name(p))
	}
	return strings.Join(shown, ", ")
}
