package document

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func TestTheSchemaIsOfTheDocuments(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/snapshot.schema.json")
	require.NoError(t, err)
	check := func(v any) error {
		dt, err := json.Marshal(v)
		require.NoError(t, err)
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(dt))
		require.NoError(t, err)
		return schema.Validate(instance)
	}
	require.NoError(t, check(newSnapshot()))
	require.NoError(t, check(NewLock(newSnapshot())))
	require.NoError(t, check(NewLock()))
	for name, change := range map[string]func(*Snapshot){
		"version":    func(s *Snapshot) { s.Version = 2 },
		"runtime":    func(s *Snapshot) { s.Runtime = "-x" },
		"repository": func(s *Snapshot) { s.Repository = "" },
		"commit":     func(s *Snapshot) { s.Commit = "main" },
		"platforms":  func(s *Snapshot) { s.Platforms = nil },
		"platform":   func(s *Snapshot) { s.Platforms[0].Name = "linux/s390x" },
		"recipe":     func(s *Snapshot) { s.Platforms[0].Recipe.Path = "/Dockerfile" },
		"digest":     func(s *Snapshot) { s.Platforms[0].Recipe.Digest = "md5:x" },
		"layers":     func(s *Snapshot) { s.Platforms[0].Layers = nil },
		"oid":        func(s *Snapshot) { s.Platforms[0].Layers[0].OID = "x" },
		"size":       func(s *Snapshot) { s.Platforms[0].Layers[0].Size = -1 },
	} {
		s := newSnapshot()
		change(s)
		require.Error(t, check(s), name)
		require.Error(t, s.Validate(), "%s is refused here, too", name)
	}
	require.Error(t, check(map[string]any{"version": 1, "snapshots": []any{}, "more": true}))
}
