package sample

import "strings"

// oddities are what a builder of images gets wrong one at a time, here all in one folder: what real
// layers hold now and then, each under the layer's own folder so that layers do not meet in them.
func (a *archive) oddities(dir string) {
	dir += "/"
	a.file(dir+"empty", 0o644, nil)
	a.file(dir+"shared", 0o755, a.random.content(300))
	a.link(dir+"shared-again", dir+"shared")
	a.symlink(dir+"shared-by-name", "shared")
	a.symlink(dir+"dangling", "/nowhere/at/all")
	a.file(dir+"setgid", 0o2755, a.random.content(100), owner(0, 993))
	a.file(dir+"of-1000", 0o640, a.random.content(100), owner(1000, 1000))
	a.file(dir+"of-993", 0o600, a.random.content(100), owner(993, 990))
	a.file(dir+"noted", 0o644, a.random.content(100), xattr("user.origin", "sample"))
	a.file(dir+"zeros", 0o644, make([]byte, 48<<10))
	a.file(dir+"grüße-世界-ñ", 0o644, []byte("¡hola!\n"))
	a.file(dir+"with space", 0o644, []byte("and a name of two words\n"))
	a.fifo(dir + "queue")
	a.longNames(dir)
}

// longNames are over the 100 bytes of a plain header and over the 255 of ustar's split one, in both
// of the forms that hold them.
func (a *archive) longNames(dir string) {
	over100 := dir + strings.Repeat("long-", 20) + "name"
	deep := dir + strings.Repeat("deep-", 20) + "one/" + strings.Repeat("deep-", 20) + "two/"
	over255 := deep + strings.Repeat("long-", 20) + "name"
	a.file(over100+"-pax", 0o644, a.random.content(100))
	a.file(over100+"-gnu", 0o644, a.random.content(100), gnu)
	a.file(over255+"-pax", 0o644, a.random.content(100))
	a.file(over255+"-gnu", 0o644, a.random.content(100), gnu)
	a.link(over255+"-link", over255+"-gnu")
}
