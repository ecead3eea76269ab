package frontend

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// convertLLB puts the definitions of bases into the answer to "--call=convertllb", which never comes by Solve.
func (b *baseImages) convertLLB(ctx context.Context, res *gateway.Result) (*gateway.Result, error) {
	dt := res.Metadata["result.json"]
	if !strings.Contains(string(dt), "docker-image://") { // no base at all, FROM scratch perhaps
		return res, nil
	}
	def, err := decodeConvertLLB(dt)
	if err != nil {
		return nil, errors.Wrap(err, "converted definition")
	}
	if ours, err := b.containsBase(def); err != nil || !ours {
		return res, err
	}
	if def, err = b.splice(ctx, def); err != nil {
		return nil, err
	}
	out := &convertllb.Result{
		Def:      map[digest.Digest]*pb.Op{},
		Metadata: map[digest.Digest]llb.OpMetadata{},
		Source:   def.Source,
	}
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, errors.Wrap(err, "converted operation")
		}
		out.Def[digest.FromBytes(dt)] = &op
	}
	for dgst, m := range def.Metadata {
		out.Metadata[digest.Digest(dgst)] = llb.NewOpMetadata(m)
	}
	return out.ToResult()
}

// decodeConvertLLB reads the JSON of a convertllb.Result, whose operations are in no order, back into a definition.
func decodeConvertLLB(dt []byte) (*pb.Definition, error) {
	var in struct {
		Def      map[string]json.RawMessage `json:"def"`
		Metadata map[string]llb.OpMetadata  `json:"metadata"`
		Source   json.RawMessage            `json:"source"`
	}
	if err := json.Unmarshal(dt, &in); err != nil {
		return nil, err
	}
	def := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: &pb.Source{}}
	if err := protojson.Unmarshal(in.Source, def.Source); err != nil {
		return nil, errors.Wrap(err, "source")
	}
	for dgst, m := range in.Metadata {
		def.Metadata[dgst] = m.ToPB()
	}
	ops := map[string]*pb.Op{}
	for dgst, dt := range in.Def {
		ops[dgst] = &pb.Op{}
		if err := protojson.Unmarshal(dt, ops[dgst]); err != nil {
			return nil, errors.Wrapf(err, "operation %s", dgst)
		}
	}
	return def, topoSort(def, ops)
}

// topoSort appends operations to a definition, inputs before what needs them, and the one that names the result last.
func topoSort(def *pb.Definition, ops map[string]*pb.Op) error {
	done := map[string]bool{}
	var visit func(string) error
	visit = func(dgst string) error {
		op, ok := ops[dgst]
		if !ok {
			return errors.Errorf("no operation %s", dgst)
		}
		if done[dgst] {
			return nil
		}
		done[dgst] = true
		for _, in := range op.Inputs {
			if err := visit(in.Digest); err != nil {
				return err
			}
		}
		dt, err := (proto.MarshalOptions{Deterministic: true}).Marshal(op)
		if err == nil && digest.FromBytes(dt).String() != dgst {
			err = errors.Errorf("operation %s has another digest now", dgst)
		}
		def.Def = append(def.Def, dt)
		return err
	}
	for _, dgst := range slices.Sorted(maps.Keys(ops)) {
		if ops[dgst].Op == nil {
			return visit(dgst)
		}
	}
	return errors.New("no result")
}
