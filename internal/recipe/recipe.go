package recipe

import (
	"bytes"
	"context"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// maxAdds is how many layers an image can have at most, with overlayfs below it; upstream's recipes have up to 8.
const maxAdds = 127

// Recipe is what a Dockerfile.<runtime> says.
type Recipe struct {
	Adds    []Add
	Workdir []parser.Range            // where WORKDIR stands, if it does
	Image   dockerspec.DockerOCIImage // config only: no history, no layers, no date
}

// Add is one "ADD <tarball> /".
type Add struct {
	Source string         // as written: relative to the folder that is the build context
	Lines  []parser.Range // where it stands
}

// Parse reads a recipe for a platform. Errors are located (parser.LocationError) and name file, line and instruction.
func Parse(ctx context.Context, filename string, dt []byte, platform ocispecs.Platform) (*Recipe, error) {
	s, err := check(filename, dt)
	if err != nil {
		return nil, err
	}
	image, err := imageConfig(ctx, dt, platform)
	if err != nil {
		return nil, errors.Wrap(err, filename)
	}
	return &Recipe{Adds: s.adds, Workdir: s.workdir, Image: image}, nil
}

// ParseAdds is Parse without the image config, of a recipe that a commit has: one whose syntax line names somebody's frontend
// isn't read.
func ParseAdds(filename string, dt []byte) ([]Add, error) {
	s, err := check(filename, dt)
	if err != nil {
		return nil, err
	}
	return s.adds, checkSyntax(filename, dt)
}

func check(filename string, dt []byte) (*checker, error) {
	ast, err := parser.Parse(bytes.NewReader(dt))
	if err != nil {
		return nil, errors.Wrap(err, filename)
	}
	s := &checker{filename: filename, escape: ast.EscapeToken}
	for _, node := range ast.AST.Children {
		if err := s.instruction(node); err != nil {
			err = errors.Wrapf(err, "%s:%d: %s", filename, node.StartLine, strings.ToUpper(node.Value))
			return nil, parser.WithLocation(err, node.Location())
		}
	}
	if len(s.adds) == 0 {
		return nil, errors.Errorf("%s: no ADD, so no layers", filename)
	}
	return s, nil
}

// imageConfig returns the image config as BuildKit itself derives it from the Dockerfile. It needs no client for that, as a
// recipe has no base image and the build context is only named, not read.
func imageConfig(ctx context.Context, dt []byte, platform ocispecs.Platform) (dockerspec.DockerOCIImage, error) {
	platform = platforms.Normalize(platform)
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, dt, dockerfile2llb.ConvertOpt{TargetPlatform: &platform})
	if err != nil {
		return dockerspec.DockerOCIImage{}, err
	}
	image := *res.Image
	image.History = nil
	image.Created = nil
	return image, nil
}

// checker goes through the instructions of a recipe in order.
type checker struct {
	filename string
	escape   rune
	hasFrom  bool
	workdir  []parser.Range
	adds     []Add
}

func (s *checker) instruction(node *parser.Node) error {
	name := strings.ToLower(node.Value)
	if len(node.Flags) > 0 {
		return errors.Errorf("flag %s, a recipe has none", node.Flags[0])
	}
	if len(node.Heredocs) > 0 {
		return errors.New("here-document, a recipe has none")
	}
	if !s.hasFrom && name != command.From {
		return errors.New("before FROM scratch")
	}
	switch name {
	case command.From:
		return s.addStage(node)
	case command.Add:
		return s.addLayer(node)
	case command.Workdir:
		return s.setWorkdir(node)
	case command.Env, command.Entrypoint:
		return nil
	}
	return errors.New("unknown in a recipe, which has FROM scratch, ADD <tarball> /, ENV, WORKDIR and ENTRYPOINT")
}

func (s *checker) addStage(node *parser.Node) error {
	if s.hasFrom {
		return errors.New("second stage, a recipe has one")
	}
	if args := instructionArgs(node); len(args) != 1 || args[0] != "scratch" {
		return errors.New("base image, a recipe begins with FROM scratch")
	}
	s.hasFrom = true
	return nil
}

// setWorkdir takes one WORKDIR, after the layers: before or between them it would be a layer of its own below others.
func (s *checker) setWorkdir(node *parser.Node) error {
	if s.workdir != nil {
		return errors.New("second WORKDIR, a recipe has one")
	}
	s.workdir = node.Location()
	return nil
}

func (s *checker) addLayer(node *parser.Node) error {
	if s.workdir != nil {
		return errors.New("after WORKDIR, layers come first")
	}
	if len(s.adds) == maxAdds {
		return errors.Errorf("more than %d layers", maxAdds)
	}
	args := instructionArgs(node)
	if len(args) != 2 || args[1] != "/" {
		return errors.New("want one tarball and the destination /")
	}
	src := strings.TrimPrefix(args[0], "./")
	if err := checkSource(src, s.escape); err != nil {
		return err
	}
	s.adds = append(s.adds, Add{Source: src, Lines: node.Location()})
	return nil
}

// checkSource lets only the plain name of a file below the recipe's folder pass: no URL, pattern, variable or way out. Nor
// what a shell takes away, quotes and the escape character: BuildKit does, in JSON too, and adds a file of another name.
func checkSource(src string, escape rune) error {
	switch {
	case strings.Contains(src, "://") || isGit(src):
		return errors.Errorf("source %q is a URL, not a file of the branch", src)
	case path.IsAbs(src):
		return errors.Errorf("source %q is absolute", src)
	case strings.ContainsAny(src, `*?[]\$`):
		return errors.Errorf("source %q is a pattern or has a variable in it", src)
	case strings.ContainsAny(src, `"'`) || strings.ContainsRune(src, escape):
		return errors.Errorf("source %q has a quote or the escape character in it, write the plain name of a file", src)
	case !utf8.ValidString(src):
		return errors.Errorf("source %q is not UTF-8, so that BuildKit would add a file of another name", src)
	case src == ".." || strings.HasPrefix(src, "../"):
		return errors.Errorf("source %q leaves the tree", src)
	case src == "." || path.Clean(src) != src:
		return errors.Errorf("source %q is no plain path of a file", src)
	}
	return nil
}

// isGit tells a repository of git, as ADD does.
func isGit(src string) bool {
	ref, is, _ := dfgitutil.ParseGitRef(src)
	return is && (ref == nil || !ref.IndistinguishableFromLocal)
}

func instructionArgs(node *parser.Node) []string {
	var args []string
	for n := node.Next; n != nil; n = n.Next {
		args = append(args, n.Value)
	}
	return args
}
