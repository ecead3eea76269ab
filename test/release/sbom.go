package main

import (
	"bytes"
	"debug/buildinfo"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/pkg/errors"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
)

// notAllowed are the characters that an SPDX id can't have.
var notAllowed = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// sbom is a bill of materials in the making.
type sbom struct {
	doc   *spdx.Document
	known map[string]bool // ids of packages
}

// newSBOM returns what programs, and files beside them, are made of: Go writes into a program the modules that are in it. A scanner
// of images would find the same, but is an image that has to be pulled.
func (r *release) newSBOM(name string, files []string) ([]byte, error) {
	b := &sbom{known: map[string]bool{}, doc: &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: name,
		// It has to be one of its own, and may be one that leads nowhere.
		DocumentNamespace: "https://spdx.org/spdxdocs/" + name + "-" + r.commit,
		CreationInfo: &spdx.CreationInfo{
			Created:  r.time.Format(time.RFC3339),
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "lambdabase/test/release"}},
		},
	}}
	for _, file := range files {
		if err := b.addFile(file, r.version); err != nil {
			return nil, errors.Wrapf(err, "bill of materials of %s", filepath.Base(file))
		}
	}
	var out bytes.Buffer
	err := spdxjson.Write(b.doc, &out)
	return out.Bytes(), err
}

// addFile adds a file of the release, and if it is a program of Go's, its modules.
func (b *sbom) addFile(file, version string) error {
	sum, err := sha256Of(file)
	if err != nil {
		return err
	}
	name := filepath.Base(file)
	p := newPackage("File-"+name, name, version)
	p.PackageFileName = name
	p.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: sum}}
	b.add(p)
	b.relate(b.doc.SPDXIdentifier, common.TypeRelationshipDescribe, p.PackageSPDXIdentifier)
	info, err := buildinfo.ReadFile(file)
	if err != nil { // certificates, for example
		p.PackageVersion = ""
		return nil
	}
	p.PrimaryPackagePurpose = "APPLICATION"
	p.PackageLicenseDeclared = "Apache-2.0"
	b.addModule(p, &debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")})
	for _, m := range info.Deps {
		b.addModule(p, m)
	}
	return nil
}

func (b *sbom) addModule(program *spdx.Package, m *debug.Module) {
	if m.Replace != nil {
		m = m.Replace
	}
	p := newPackage("Go-"+m.Path+"-"+m.Version, m.Path, m.Version)
	if m.Sum != "" {
		p.PackageSourceInfo = "go.sum: " + m.Sum
	}
	p.PackageExternalReferences = []*spdx.PackageExternalReference{{
		Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: "pkg:golang/" + m.Path + "@" + m.Version,
	}}
	b.add(p)
	b.relate(program.PackageSPDXIdentifier, common.TypeRelationshipContains, p.PackageSPDXIdentifier)
}

// add leaves out a package that another program has, too.
func (b *sbom) add(p *spdx.Package) {
	if id := string(p.PackageSPDXIdentifier); !b.known[id] {
		b.known[id] = true
		b.doc.Packages = append(b.doc.Packages, p)
	}
}

func (b *sbom) relate(from common.ElementID, how string, to common.ElementID) {
	b.doc.Relationships = append(b.doc.Relationships, &spdx.Relationship{
		RefA: common.MakeDocElementID("", string(from)), Relationship: how, RefB: common.MakeDocElementID("", string(to)),
	})
}

func newPackage(id, name, version string) *spdx.Package {
	return &spdx.Package{
		PackageSPDXIdentifier: common.ElementID(notAllowed.ReplaceAllString(id, "-")), PackageName: name, PackageVersion: version,
		PackageDownloadLocation: "NOASSERTION", PackageLicenseConcluded: "NOASSERTION", PackageLicenseDeclared: "NOASSERTION",
		PackageCopyrightText: "NOASSERTION",
	}
}
