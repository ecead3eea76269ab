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
	context llb.State
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

// WithContext sets the build context, for layers that lie in it.
func (c *Converter) WithContext(context llb.State) *Converter {
	c.context = context
	return c
}

// WithStep sets the step that gets objects without a URL.
func (c *Converter) WithStep(step Step) *Converter {
	c.step = step
	return c
}

// WithStore sets the name of the client's content store, in whose blobs objects without a URL are, and its session.
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

// Fetch returns the layer's object, as a file named by its oid. BuildKit's cache key of an HTTP source holds name and
// checksum but not the URL: with the oid as the name, runtimes and mirrors share what was fetched; with the branch's
// own name for it they wouldn't.
func (c *Converter) Fetch(l Layer) llb.State {
	if l.InContext {
		return c.context
	}
	if l.URL == "" && c.store != "" {
		return c.blob(l)
	}
	if l.URL == "" {
		return c.step.fetch(l, c.vertexOpts("fetch", l)...)
	}
	opts := []llb.HTTPOption{llb.Checksum(l.Digest()), llb.Filename(l.OID)}
	if l.Attempt > 0 {
		opts = append(opts, llb.Header(llb.HTTPHeader{UserAgent: fmt.Sprintf("lambdabase (attempt %d)", l.Attempt+1)}))
	}
	for _, o := range c.vertexOpts("fetch", l) {
		opts = append(opts, o)
	}
	return llb.HTTP(l.URL, opts...)
}

// blob is the layer's object in the client's store. Whose session is asked isn't said: builds by other clients share it. Where
// that failed, as one of them hangs, it is another source with the client's own session.
func (c *Converter) blob(l Layer) llb.State {
	session := ""
	if l.Attempt > 0 {
		session = c.session
	}
	opts := []llb.ImageBlobOption{llb.ImageBlobOCIStore(session, c.store), llb.Filename(l.OID)}
	for _, o := range c.vertexOpts("fetch", l) {
		opts = append(opts, o)
	}
	return llb.OCILayoutBlob("lambdabase.local/objects@"+l.Digest().String(), opts...)
}

// Unpack returns the layer unpacked onto a state, exactly as ADD does it.
func (c *Converter) Unpack(onto llb.State, l Layer) llb.State {
	archive := l.OID
	if l.InContext {
		archive = l.Path
	}
	unpack := llb.Copy(c.Fetch(l), archive, "/", &llb.CopyInfo{AttemptUnpack: true, CreateDestPath: true})
	opts := c.vertexOpts("unpack", l)
	if l.Uncached {
		opts = append(opts, llb.IgnoreCache)
	}
	return onto.File(unpack, opts...)
}

// Chain returns all layers, each unpacked onto the one before: what the recipe says to the letter.
func (c *Converter) Chain(layers []Layer) llb.State {
	st := llb.Scratch()
	for _, l := range layers {
		st = c.Unpack(st, l)
	}
	return st
}

// Merge returns all layers, unpacked apart and laid over each other: equal to Chain unless two layers are in conflict.
func (c *Converter) Merge(layers []Layer) llb.State {
	states := make([]llb.State, 0, len(layers))
	for _, l := range layers {
		states = append(states, c.Unpack(llb.Scratch(), l))
	}
	return llb.Merge(states, c.constraints(llb.WithCustomNamef("merge %d layers", len(layers)))...)
}

// Workdir makes the working directory, as WORKDIR does where no layer has it.
func (c *Converter) Workdir(onto llb.State) llb.State {
	dir := c.plan.Config.Config.WorkingDir
	mkdir := llb.Mkdir(dir, 0o755, llb.WithParents(true), llb.WithCreatedTime(c.plan.Created))
	return onto.File(mkdir, c.constraints(llb.WithCustomName("WORKDIR "+printable.Name(dir)))...)
}

// vertexOpts names a step by the object alone, never by the runtime: runtimes share the step, and the first name stays.
func (c *Converter) vertexOpts(verb string, l Layer) []llb.ConstraintsOpt {
	what := printable.Name(l.Path)
	if !l.InContext {
		what = l.OID[:12]
	}
	name := fmt.Sprintf("%s %s %s", verb, what, units.HumanSize(float64(l.Size)))
	return c.constraints(llb.WithCustomName(name), c.source.Location(Ranges(l.Lines)))
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
