package lambda2llb

import (
	"fmt"

	"lambdabase/internal/printable"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
)

// Converter makes the states of one plan.
type Converter struct {
	plan    Plan
	source  *llb.SourceMap
	opts    []llb.ConstraintsOpt
	step    Step
	store   string
	session string
}

// NewConverter returns a Converter for the plan, and options that every vertex gets (llb.IgnoreCache).
func NewConverter(plan Plan, opts ...llb.ConstraintsOpt) *Converter {
	return &Converter{
		plan:   plan,
		source: llb.NewSourceMap(nil, printable.Name(plan.Recipe.Path), "Dockerfile", []byte(printable.Text(string(plan.Recipe.Data)))),
		opts:   opts,
	}
}

// WithStep sets the step that asks the batch API for objects.
func (c *Converter) WithStep(step Step) *Converter {
	c.step = step
	return c
}

// WithStore sets the name of the client's content store, in whose blobs the objects of the batch API are, and its session.
func (c *Converter) WithStore(store, session string) *Converter {
	c.store, c.session = store, session
	return c
}

// Tree returns the commit's tree: recipes and pointers. A full commit as the ref pins it on every version of BuildKit, and
// asks the server for nothing once the daemon has it.
//
// The tree has its .git. Without that, BuildKit checks it out over the index that all branches share, so that the
// .gitattributes of another one act on it, and keeps what comes of it (source/git/source.go:1281 of v0.33.1).
func Tree(repository, commit string, opts ...llb.GitOption) llb.State {
	opts = append([]llb.GitOption{llb.GitRef(commit), llb.KeepGitDir(), llb.WithCustomName("load snapshot " + commit[:12])}, opts...)
	return llb.Git(repository, "", opts...)
}

// Branch returns the branch of a runtime, to be resolved to a commit.
func Branch(repository, runtime string, opts ...llb.GitOption) llb.State {
	return llb.Git(repository, "", append([]llb.GitOption{llb.GitRef("refs/heads/" + runtime)}, opts...)...)
}

// Fetch returns the state that a layer's archive is a file of, an object's by its oid.
func (c *Converter) Fetch(a Attempt) llb.State { return a.Origin.source(c, a) }

// blob is the layer's object in the client's store. Whose session is asked isn't said: builds by other clients share it. Where
// that failed, as one of them hangs, it is another source with the client's own session.
func (c *Converter) blob(a Attempt) llb.State {
	session := ""
	if a.Number > 0 {
		session = c.session
	}
	opts := []llb.ImageBlobOption{llb.ImageBlobOCIStore(session, c.store), llb.Filename(a.OID)}
	for _, o := range c.vertexOpts("fetch", a.Layer) {
		opts = append(opts, o)
	}
	return llb.OCILayoutBlob("lambdabase.local/objects@"+a.Digest().String(), opts...)
}

// Unpack returns the layer unpacked onto a state, exactly as ADD does it.
func (c *Converter) Unpack(onto llb.State, a Attempt) llb.State {
	return onto.File(c.unpack(nil, a), c.unpackOpts(a)...)
}

// unpack is the action, after those that are given.
func (c *Converter) unpack(before *llb.FileAction, a Attempt) *llb.FileAction {
	archive := a.OID
	if !a.IsObject() {
		archive = a.Path
	}
	return before.Copy(c.Fetch(a), archive, "/", &llb.CopyInfo{AttemptUnpack: true, CreateDestPath: true})
}

func (c *Converter) unpackOpts(a Attempt, more ...llb.ConstraintsOpt) []llb.ConstraintsOpt {
	opts := append(c.vertexOpts("unpack", a.Layer), more...)
	if a.Uncached {
		opts = append(opts, llb.IgnoreCache)
	}
	return opts
}

// Apart returns the layer on its own, without what is left out of it.
func (c *Converter) Apart(a Attempt) llb.State { return c.Stack(NewStack(), a).State }

// Chain returns all layers, each unpacked onto the one before: what the recipe says to the letter.
func (c *Converter) Chain(layers []Attempt) llb.State {
	st := NewStack()
	for _, a := range layers {
		st = c.Stack(st, a)
	}
	return st.State
}

// Merge returns all layers, unpacked apart and laid over each other: equal to Chain unless two layers are in conflict.
func (c *Converter) Merge(layers []Attempt) llb.State {
	states := make([]llb.State, 0, len(layers))
	for _, a := range layers {
		if !a.Gone {
			states = append(states, c.Apart(a))
		}
	}
	return llb.Merge(states, c.constraints(llb.WithCustomNamef("merge %d layers", len(states)))...)
}

// Workdir makes the working directory, as WORKDIR does where no layer has it.
func (c *Converter) Workdir(onto llb.State) llb.State {
	dir := c.plan.Config.Config.WorkingDir
	mkdir := llb.Mkdir(dir, 0o755, llb.WithParents(true), llb.WithCreatedTime(c.plan.Created))
	return onto.File(mkdir, c.constraints(llb.WithCustomName("WORKDIR "+printable.Name(dir)), c.source.Location(Ranges(c.plan.Workdir)))...)
}

func (c *Converter) vertexOpts(verb string, l Layer) []llb.ConstraintsOpt {
	return c.constraints(llb.WithCustomName(vertexName(verb, l)), c.source.Location(Ranges(l.Lines)))
}

// vertexName names a step by the object alone, never by the runtime: runtimes share the step, and the first name stays.
func vertexName(verb string, l Layer) string {
	what := printable.Name(l.Path)
	if l.IsObject() {
		what = l.OID[:12]
	}
	return fmt.Sprintf("%s %s %s", verb, what, units.HumanSize(float64(l.Size)))
}

func (c *Converter) constraints(opts ...llb.ConstraintsOpt) []llb.ConstraintsOpt {
	return append(opts, c.opts...)
}

// Ranges returns a parser's positions in the form of LLB.
func Ranges(lines []parser.Range) []*pb.Range {
	ranges := make([]*pb.Range, 0, len(lines))
	for _, l := range lines {
		ranges = append(ranges, &pb.Range{
			Start: &pb.Position{Line: int32(l.Start.Line), Character: int32(l.Start.Character)},
			End:   &pb.Position{Line: int32(l.End.Line), Character: int32(l.End.Character)},
		})
	}
	return ranges
}
