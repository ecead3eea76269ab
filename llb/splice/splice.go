// Package splice puts definitions in place of image sources in a definition: the base image that a Dockerfile names as
// "docker-image://..." becomes the definition that builds it. It is pure: definitions in, definition out.
//
// A named context would do that too, but it also takes the place of a stage of the same name, so that
// "FROM nodejs20.x AS nodejs20.x" with a RUN would silently lose the RUN.
package splice

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"google.golang.org/protobuf/proto"
)

const imageScheme = "docker-image://"

// ImageSource is an image source of a definition.
type ImageSource struct {
	Digest   digest.Digest // of the operation
	Ref      string
	Platform *pb.Platform
}

// Images returns the image sources of a definition, in its order.
func Images(def *pb.Definition) ([]ImageSource, error) {
	var images []ImageSource
	for _, dt := range def.GetDef() {
		op, err := parse(dt)
		if err != nil {
			return nil, err
		}
		if ref, ok := strings.CutPrefix(op.GetSource().GetIdentifier(), imageScheme); ok {
			images = append(images, ImageSource{Digest: digest.FromBytes(dt), Ref: ref, Platform: op.Platform})
		}
	}
	return images, nil
}

// Replace puts definitions in place of operations. What an operation gave is then the result of its definition. The definition
// itself is left alone; without any it is what is returned.
func Replace(def *pb.Definition, definitions map[digest.Digest]*pb.Definition) (*pb.Definition, error) {
	if len(definitions) == 0 {
		return def, nil
	}
	s := &splicer{
		in: def,
		out: &pb.Definition{
			Metadata: map[string]*pb.OpMetadata{},
			Source:   &pb.Source{Locations: map[string]*pb.Locations{}, Infos: slices.Clone(def.GetSource().GetInfos())},
		},
		replaced: map[string]*pb.Input{},
	}
	for _, dt := range def.Def {
		if err := s.copyOp(dt, definitions); err != nil {
			return nil, err
		}
	}
	return s.out, nil
}

type splicer struct {
	in, out  *pb.Definition
	replaced map[string]*pb.Input // what to take instead of the first output of an operation of in
}

func (s *splicer) copyOp(dt []byte, definitions map[digest.Digest]*pb.Definition) error {
	old := digest.FromBytes(dt)
	if replacement, ok := definitions[old]; ok {
		return errors.Wrapf(s.addDefinition(old.String(), replacement), "graph in place of %s", old)
	}
	op, err := parse(dt)
	if err != nil {
		return err
	}
	changed := false
	for _, in := range op.Inputs {
		if to, ok := s.replaced[in.Digest]; ok {
			in.Digest, in.Index = to.Digest, in.Index+to.Index
			changed = true
		}
	}
	if changed {
		// Attributes are a map: only a deterministic form has the same digest each time.
		if dt, err = (proto.MarshalOptions{Deterministic: true}).Marshal(op); err != nil {
			return errors.Wrap(err, "operation")
		}
		s.replaced[old.String()] = &pb.Input{Digest: digest.FromBytes(dt).String()}
	}
	s.appendOp(dt, s.in.Metadata[old.String()], s.in.GetSource().GetLocations()[old.String()].GetLocations())
	return nil
}

// addDefinition adds all operations of a definition but its last, which only names the result.
func (s *splicer) addDefinition(old string, definition *pb.Definition) error {
	if len(definition.GetDef()) < 2 {
		return errors.New("no operations")
	}
	end := len(definition.Def) - 1
	last, err := parse(definition.Def[end])
	if err != nil {
		return err
	}
	if last.Op != nil || len(last.Inputs) != 1 {
		return errors.New("no result")
	}
	s.replaced[old] = last.Inputs[0]

	shift := int32(len(s.out.Source.Infos))
	s.out.Source.Infos = append(s.out.Source.Infos, definition.GetSource().GetInfos()...)
	user := s.in.GetSource().GetLocations()[old].GetLocations()
	for _, dt := range definition.Def[:end] {
		key := digest.FromBytes(dt).String()
		var locations []*pb.Location
		for _, l := range definition.GetSource().GetLocations()[key].GetLocations() {
			l = l.CloneVT()
			l.SourceIndex += shift
			locations = append(locations, l)
		}
		// The line that names the base comes with each of its operations.
		s.appendOp(dt, definition.Metadata[key], append(locations, user...))
	}
	return nil
}

// appendOp appends an operation unless it is there: definitions share theirs with each other.
func (s *splicer) appendOp(dt []byte, metadata *pb.OpMetadata, locations []*pb.Location) {
	key := digest.FromBytes(dt).String()
	if _, ok := s.out.Metadata[key]; ok {
		return
	}
	s.out.Def = append(s.out.Def, dt)
	if metadata == nil {
		metadata = &pb.OpMetadata{}
	}
	s.out.Metadata[key] = metadata
	if len(locations) > 0 {
		s.out.Source.Locations[key] = &pb.Locations{Locations: locations}
	}
}

func parse(dt []byte) (*pb.Op, error) {
	var op pb.Op
	if err := op.UnmarshalVT(dt); err != nil {
		return nil, errors.Wrap(err, "operation")
	}
	return &op, nil
}
