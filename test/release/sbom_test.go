package main

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test itself is a program with many modules.
func TestABillOfMaterialsHasEveryModule(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	info, err := buildinfo.ReadFile(program)
	require.NoError(t, err)
	want := map[string]string{"stdlib": strings.TrimPrefix(info.GoVersion, "go"), filepath.Base(program): "v1.2.3", "cert.pem": ""}
	for _, m := range info.Deps {
		want[m.Path] = m.Version
	}
	other := filepath.Join(t.TempDir(), "cert.pem")
	require.NoError(t, os.WriteFile(other, []byte("a"), 0o644))
	r := &release{source: &source{version: "v1.2.3", commit: "0123", time: time.Unix(1700000000, 0).UTC()}}
	text, err := r.newSBOM("name", []string{program, program, other})
	require.NoError(t, err)
	again, err := r.newSBOM("name", []string{program, program, other})
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))

	doc, err := spdxjson.Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, "2023-11-14T22:13:20Z", doc.CreationInfo.Created)
	got, ids := map[string]string{}, map[common.ElementID]bool{}
	for _, p := range doc.Packages {
		got[p.PackageName] = p.PackageVersion
		assert.Regexp(t, `^[A-Za-z0-9.-]+$`, p.PackageSPDXIdentifier)
		assert.NotContains(t, ids, p.PackageSPDXIdentifier)
		ids[p.PackageSPDXIdentifier] = true
	}
	require.Equal(t, want, got)
	for _, relationship := range doc.Relationships {
		assert.Contains(t, ids, relationship.RefB.ElementRefID)
	}
	require.Contains(t, string(text), `"checksumValue":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"`)
}

func TestABillOfMaterialsNeedsItsFiles(t *testing.T) {
	r := &release{source: &source{}}
	_, err := r.newSBOM("name", []string{"/nonexistent/file"})
	require.EqualError(t, err, "bill of materials of file: open /nonexistent/file: no such file or directory")
}
