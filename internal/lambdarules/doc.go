// Package lambdarules says whether AWS Lambda takes an image, rule by rule, of the image's own bytes: its manifest, its config, and
// each layer, which is read once from the beginning to the end and kept nowhere.
//
// [Check] chooses the manifest (index.go), judges media types (mediatype.go), reads the layers (layer.go) into a tree of what the image
// has at the end (tree.go, resolve.go), and judges that (program.go is what a file is to the kernel). A rule that Lambda surely
// enforces fails; what it is only advised against is a warning; and one that can't be judged is skipped, with the reason.
package lambdarules
