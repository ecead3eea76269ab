// Package llbtext writes LLB as text that a person can read and compare: golden files of definitions are in this form.
package llbtext

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// Format writes a vertex a block, inputs before what needs them: its number, what it does, the name that users see, and
// the numbers of its inputs. Digests of vertices don't appear, so that a change shows where it is made and not below.
func Format(def *pb.Definition) (string, error) {
	w := writer{def: def, numbers: map[string]int{}}
	for _, dt := range def.Def {
		if err := w.vertex(dt); err != nil {
			return "", err
		}
	}
	return w.String(), nil
}

type writer struct {
	strings.Builder
	def     *pb.Definition
	numbers map[string]int
}

func (w *writer) vertex(dt []byte) error {
	var op pb.Op
	if err := op.UnmarshalVT(dt); err != nil {
		return errors.Wrap(err, "operation")
	}
	dgst := digest.FromBytes(dt).String()
	w.numbers[dgst] = len(w.numbers)
	fmt.Fprintf(w, "%d %s\n", w.numbers[dgst], w.title(&op))
	w.field("name", w.def.Metadata[dgst].GetDescription()["llb.customname"])
	if op.Platform != nil { // BuildKit leaves it out where it changes nothing
		w.field("platform", op.Platform.OS+"/"+op.Platform.Architecture)
	}
	if w.def.Metadata[dgst].GetIgnoreCache() {
		w.field("ignore cache", "true")
	}
	w.location(dgst)
	w.attrs(op.GetSource().GetAttrs())
	for _, e := range op.GetExec().GetMeta().GetEnv() {
		w.field("env", e)
	}
	for _, m := range op.GetExec().GetMounts() {
		w.field("mount", mount(m))
	}
	for _, a := range op.GetFile().GetActions() {
		w.field("action", action(a))
	}
	return nil
}

func (w *writer) title(op *pb.Op) string {
	title := "result"
	switch o := op.Op.(type) {
	case *pb.Op_Source:
		title = "source " + o.Source.Identifier
	case *pb.Op_File:
		title = "file"
	case *pb.Op_Merge:
		title = "merge"
	case *pb.Op_Diff:
		title = "diff"
	case *pb.Op_Exec:
		title = "exec " + strings.Join(o.Exec.Meta.GetArgs(), " ")
	}
	for _, in := range op.Inputs {
		title += fmt.Sprintf(" <- %d", w.numbers[in.Digest])
	}
	return title
}

func (w *writer) field(name, value string) {
	if value != "" {
		fmt.Fprintf(w, "    %s: %s\n", name, value)
	}
}

func (w *writer) attrs(attrs map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		w.field(k, attrs[k])
	}
}

func (w *writer) location(dgst string) {
	for _, l := range w.def.Source.GetLocations()[dgst].GetLocations() {
		for _, r := range l.Ranges {
			w.field("at", fmt.Sprintf("%s:%d", w.def.Source.Infos[l.SourceIndex].Filename, r.Start.Line))
		}
	}
}

func action(a *pb.FileAction) string {
	switch t := a.Action.(type) {
	case *pb.FileAction_Copy:
		text := fmt.Sprintf("copy %s -> %s unpack=%t parents=%t", t.Copy.Src, t.Copy.Dest, t.Copy.AttemptUnpackDockerCompatibility, t.Copy.CreateDestPath)
		if len(t.Copy.ExcludePatterns) > 0 {
			text += fmt.Sprintf(" contents=%t exclude=%s", t.Copy.DirCopyContents, t.Copy.ExcludePatterns)
		}
		return text
	case *pb.FileAction_Rm:
		return fmt.Sprintf("rm %s missing=%t patterns=%t", t.Rm.Path, t.Rm.AllowNotFound, t.Rm.AllowWildcard)
	case *pb.FileAction_Mkdir:
		return fmt.Sprintf("mkdir %s %o parents=%t time=%d", t.Mkdir.Path, t.Mkdir.Mode, t.Mkdir.MakeParents, t.Mkdir.Timestamp)
	}
	return fmt.Sprintf("%T", a.Action)
}

func mount(m *pb.Mount) string {
	text := strings.ToLower(m.MountType.String()) + " " + m.Dest
	switch {
	case m.SecretOpt != nil:
		text += fmt.Sprintf(" id=%s optional=%t", m.SecretOpt.ID, m.SecretOpt.Optional)
	case m.SSHOpt != nil:
		text += fmt.Sprintf(" id=%s optional=%t", m.SSHOpt.ID, m.SSHOpt.Optional)
	case m.CacheOpt != nil:
		text += fmt.Sprintf(" id=%s %s", m.CacheOpt.ID, strings.ToLower(m.CacheOpt.Sharing.String()))
	}
	return text
}
