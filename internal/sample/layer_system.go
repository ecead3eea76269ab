package sample

import (
	"fmt"
	"slices"
	"strings"
)

// system is a generation of Amazon Linux.
type system struct {
	name, version, id string
}

// systemOf tells the generation by the size of the OS layer, which differs that much.
func systemOf(a add) system {
	switch {
	case a.Size > 200<<20:
		return system{"Amazon Linux AMI", "2018.03", "amzn"}
	case a.Size > 40<<20:
		return system{"Amazon Linux", "2", "amzn"}
	default:
		return system{"Amazon Linux", "2023", "amzn"}
	}
}

// hasShell says whether a layer gets the shell, where there is one.
func hasShell(branch string, a add) bool {
	return a.Kind == operatingSystem && strings.HasPrefix(a.TreePath, "x86_64/") &&
		slices.Contains([]string{"nodejs20.x", "provided.al2023"}, branch)
}

// operatingSystem is the layer the others stand on: the root, the merged /usr, users, programs with
// rights of their own.
func (a *archive) operatingSystem(l layer, raw int64) {
	a.dir(".")
	a.mergedUsr()
	a.etc(l.system)
	a.notice(l)
	a.packages(l.packages)
	a.programs(l.shell)
	for _, name := range strings.Fields("dev home/sbx_user1051 opt proc root run sys tmp var/spool/mail var/task var/tmp") {
		a.dir(name)
	}
	a.symlink("var/run", "../run")
	a.fifo("var/spool/initctl")
	a.oddities("usr/lib/lambda")
	a.fill(raw, "usr/lib64", "usr/share/doc/%s", "usr/lib/%s", "usr/share/locale/%s/LC_MESSAGES", "etc/%s.d", "usr/libexec/%s")
}

// mergedUsr is why layers are not simply put side by side: a later layer's lib64/x would have to be
// written to usr/lib64/x.
func (a *archive) mergedUsr() {
	for _, name := range strings.Fields("bin lib lib64 sbin") {
		a.dir("usr/" + name)
		a.symlink(name, "usr/"+name)
	}
}

func (a *archive) etc(s system) {
	a.file("etc/os-release", 0o644, fmt.Appendf(nil, "NAME=%q\nVERSION=%q\nID=%q\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=%q\nPRETTY_NAME=%q\n",
		s.name, s.version, s.id, s.version, s.name+" "+s.version))
	a.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/spool/mail:/sbin/nologin\n"+
		"lambda:x:993:990::/var/runtime:/sbin/nologin\nsbx_user1051:x:1000:1000::/home/sbx_user1051:/sbin/nologin\n"))
	a.file("etc/group", 0o644, []byte("root:x:0:\ntty:x:5:\nmail:x:12:\nlambda:x:990:\nsbx_user1051:x:1000:\n"))
	a.file("etc/shadow", 0o000, []byte("root:*:18353:0:99999:7:::\n"))
	a.file("home/sbx_user1051/.profile", 0o600, []byte("umask 027\n"), owner(1000, 1000))
}

// programs have rights of their own; cap_net_raw in the kernel's binary form, version 2.
func (a *archive) programs(shell []byte) {
	netRaw := "\x01\x00\x00\x02\x00\x20\x00\x00" + strings.Repeat("\x00", 12)
	a.file("usr/bin/su", 0o4755, a.random.content(700))
	a.file("usr/bin/wall", 0o2755, a.random.content(500), owner(0, 5))
	a.file("usr/bin/ping", 0o755, a.random.content(600), xattr("security.capability", netRaw))
	if shell != nil {
		a.shell(shell)
	}
}

// shell is what an image needs for a RUN or a container: one program under its many names.
func (a *archive) shell(busybox []byte) {
	a.file("usr/bin/busybox", 0o755, busybox)
	for _, name := range strings.Fields(`sh cat ls echo mkdir test id env uname sleep httpd nc wget printf stat
		find grep sed sort head tail cut chmod chown touch cp mv rm ln tr wc date tar true false`) {
		a.link("usr/bin/"+name, "usr/bin/busybox")
	}
}
