package lambdarules

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// mediaTypeAdvice is what to do about a media type.
const mediaTypeAdvice = "build or push it with a tool that writes Docker's manifest (version 2, schema 2) or OCI's: docker buildx, lambdabase build"

// gzipAdvice is what to do about layers that aren't gzip.
const gzipAdvice = "export with compression=gzip,force-compression=true, as lambdabase build does"

// compressionOf returns how a layer says that it is packed: "gzip", "zstd" or "" for not at all. Other types are no layers of files.
func compressionOf(mediaType string) (compression string, isLayer bool) {
	switch mediaType {
	case images.MediaTypeDockerSchema2Layer, ocispecs.MediaTypeImageLayer:
		return "", true
	case images.MediaTypeDockerSchema2LayerGzip, ocispecs.MediaTypeImageLayerGzip:
		return "gzip", true
	case images.MediaTypeDockerSchema2LayerZstd, ocispecs.MediaTypeImageLayerZstd:
		return "zstd", true
	}
	return "", false
}

// noMediaType is how it is told that there is none.
const noMediaType = "of no media type"

// judgeMediaTypes reports whether config and layers can be read.
func (c *checker) judgeMediaTypes(manifestType string, m ocispecs.Manifest) (readable bool) {
	if c.image.Saved != nil {
		c.set(MediaTypes, Skipped, "docker save keeps none: docker push gives them", "")
		return true
	}
	var wrong []string
	if !images.IsManifestType(manifestType) {
		wrong = append(wrong, "the manifest is "+shown(cmp.Or(manifestType, noMediaType)))
	}
	if t := m.Config.MediaType; t != images.MediaTypeDockerSchema2Config && t != ocispecs.MediaTypeImageConfig {
		wrong = append(wrong, "the config is "+shown(cmp.Or(t, noMediaType)))
	}
	readable = len(wrong) == 0 // what another manifest has for layers is its own
	for i, l := range m.Layers {
		if _, isLayer := compressionOf(l.MediaType); !isLayer {
			wrong, readable = append(wrong, fmt.Sprintf("%s is %s", layerName(i, l), shown(cmp.Or(l.MediaType, noMediaType)))), false
		}
	}
	if len(wrong) > 0 {
		c.set(MediaTypes, Failed, listed(wrong), mediaTypeAdvice)
		return readable
	}
	c.set(MediaTypes, OK, fmt.Sprintf("%s, and %d layers", shown(manifestType), len(m.Layers)), "")
	return readable
}

// judgeGzip is given what the layers are packed with in truth, and what they say.
func (c *checker) judgeGzip(m ocispecs.Manifest, found []string) {
	if c.image.Saved != nil {
		c.set(Gzip, Skipped, "docker push packs the layers anew, with gzip", "")
		return
	}
	var wrong, plain []string
	for i, l := range m.Layers {
		switch said, _ := compressionOf(l.MediaType); {
		case said != found[i]:
			wrong = append(wrong, fmt.Sprintf("%s says that it is %s, and is %s", layerName(i, l), orUnpacked(said), orUnpacked(found[i])))
		case said == "" && l.MediaType == ocispecs.MediaTypeImageLayer:
			plain = append(plain, layerName(i, l))
		case said != "gzip":
			wrong = append(wrong, fmt.Sprintf("%s is %s", layerName(i, l), orUnpacked(said)))
		}
	}
	switch {
	case len(wrong) > 0:
		c.set(Gzip, Failed, listed(wrong), gzipAdvice)
	case len(plain) > 0:
		c.set(Gzip, Warning, listed(plain)+" not compressed, which Lambda takes of OCI layers alone", gzipAdvice)
	default:
		c.set(Gzip, OK, "all layers", "")
	}
}

func orUnpacked(compression string) string {
	if compression == "" {
		return "not compressed"
	}
	return compression
}

// layerName is how a layer is told.
func layerName(i int, l ocispecs.Descriptor) string {
	return fmt.Sprintf("layer %d (%s)", i+1, shown(fmt.Sprintf("%.19s", l.Digest)))
}

// maxListed is how many of a kind are told one by one.
const maxListed = 3

func listed(all []string) string {
	if len(all) > maxListed {
		return fmt.Sprintf("%s, and %d more", strings.Join(all[:maxListed], ", "), len(all)-maxListed)
	}
	return strings.Join(all, ", ")
}
