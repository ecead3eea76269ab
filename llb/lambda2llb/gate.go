package lambda2llb

import (
	"fmt"

	"lambdabase/internal/execstep/contract"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Checker is the program that checks layers.
type Checker struct {
	Image    llb.State         // it is a file of: the frontend's own
	Platform ocispecs.Platform // that it runs on: the daemon's, whatever is built
}

// Program returns the program alone. Its key has its content, so that the next version of the image has the same one for as
// long as the program is. It is to be solved first: only then the solver has that key, and has nothing to hash later.
func (c Checker) Program(opts ...llb.ConstraintsOpt) llb.State {
	opts = append([]llb.ConstraintsOpt{llb.Platform(c.Platform), llb.WithCustomName("program that checks layers")}, opts...)
	return llb.Scratch().File(llb.Copy(c.Image, contract.CheckProgram, contract.CheckProgram), opts...)
}

// Check returns a step that checks layers. It doesn't fail: what it finds is its result, which says nothing or that they can be
// merged, that none of them is empty, and that one has the working directory. Its key has the keys of the layers, and not their
// content, for which they would have to be there.
func (c *Converter) Check(layers []Attempt, checker Checker) llb.State {
	args := []string{contract.CheckProgram, "--workdir=" + c.plan.Config.Config.WorkingDir}
	for _, a := range layers {
		args = append(args, a.ArchiveName())
	}
	opts := []llb.RunOption{llb.Args(args), llb.Dir("/"), llb.Platform(checker.Platform), llb.Network(pb.NetMode_NONE)}
	for _, o := range c.constraints(llb.WithCustomNamef("check %d layers", len(layers))) {
		opts = append(opts, o)
	}
	name := fmt.Sprintf("hand %d layers to their check", len(layers))
	handed := c.constraints(llb.WithCustomName(name), llb.ProgressGroup(digest.FromString(fmt.Sprint(args)).String(), name, false)) // one line in all
	for i, a := range layers {
		layer := unsolved(c.Apart(a), handed)
		opts = append(opts, llb.AddMount(fmt.Sprintf("%s/%d", contract.LayersDir, i), layer, llb.Readonly, llb.ContentCache(llb.MountContentCacheOff)))
	}
	return unsolved(checker.Program(c.opts...), handed).Run(opts...).AddMount(contract.OutDir, llb.Scratch())
}

// unsolved returns the same as another vertex, which nobody has solved: its difference to nothing. BuildKit v0.33.1 brings what is
// solved to a step as soon as it knows one input of the step, though the keys of all may show then that a cache has the step: now
// and then layers of an imported cache would be pulled for nothing, and their records never freed (solver/edge.go,
// computeCacheKeyFromDep; solver/jobs.go, CalcSlowCache).
func unsolved(st llb.State, opts []llb.ConstraintsOpt) llb.State {
	var c llb.Constraints
	for _, o := range opts {
		o.SetConstraintsOption(&c)
	}
	return st.WithOutput(llb.NewDiff(llb.Scratch(), st, c).Output()) // llb.Diff would leave the vertex out
}

// Gate returns a step that fails where the check says nothing. That is no failure of a build, and its name tells so.
func (c *Converter) Gate(check llb.State) llb.State {
	return llb.Scratch().File(llb.Copy(check, "/"+contract.CheckedFile, "/"+contract.CheckedFile),
		c.constraints(llb.WithCustomName("layers can be merged (an error is no failure: they are put together otherwise)"))...)
}

// MergeChecked is Merge behind a gate. The difference of the gate to itself is nothing, and leaves no trace in what is merged.
// But its key is in that of the merge, so that a cache in which that is needs no layer to be checked.
func (c *Converter) MergeChecked(layers []Attempt, gate llb.State) llb.State {
	states := []llb.State{llb.Diff(gate, gate, c.constraints(llb.WithCustomName("checked layers"))...)}
	for _, a := range layers {
		states = append(states, c.Apart(a))
	}
	return llb.Merge(states, c.constraints(llb.WithCustomNamef("merge %d layers", len(layers)))...)
}
