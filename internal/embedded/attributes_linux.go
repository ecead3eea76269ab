package embedded

import (
	"regexp"
	"slices"
	"sync"

	"github.com/moby/sys/userns"
	"github.com/sirupsen/logrus"
)

// maxLeftOut is how many attributes are told one by one.
const maxLeftOut = 10

// leftOut matches what moby/go-archive (v0.2.0, archive.go) logs of an attribute that only root of the machine can set.
var leftOut = regexp.MustCompile(`^lsetxattr (.*): xattr "((?:trusted|security)\.[^"]*)": operation not permitted$`)

// attributeHook tells of attributes of files that are left out in a user namespace: unpacking only logs them.
type attributeHook struct {
	tell func(string)
	mu   sync.Mutex
	told int
}

// tellAttributes has them told to the last who asked. The log is logrus' global one.
func tellAttributes(tell func(string)) {
	hooks := logrus.LevelHooks{}
	for level, all := range logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) {
		hooks[level] = slices.DeleteFunc(all, func(h logrus.Hook) bool { _, ours := h.(*attributeHook); return ours })
	}
	if tell != nil && userns.RunningInUserNS() {
		hooks.Add(&attributeHook{tell: tell})
	}
	logrus.StandardLogger().ReplaceHooks(hooks)
}

// Levels are those of the log that it wants.
func (*attributeHook) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

// Fire is called with every entry of the log.
func (h *attributeHook) Fire(e *logrus.Entry) error {
	texts, _ := e.Data["errors"].([]string)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range texts {
		found := leftOut.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		h.told++
		switch {
		case h.told <= maxLeftOut:
			h.tell("attribute " + found[2] + " of " + found[1] + " is left out, as only root can set it: images don't have it, but type=tar and type=local differ")
		case h.told == maxLeftOut+1:
			h.tell("more attributes are left out, as only root can set them")
		}
	}
	return nil
}
