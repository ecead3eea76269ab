package embedded

import (
	"regexp"
	"slices"
	"sync"

	"github.com/moby/sys/userns"
	"github.com/sirupsen/logrus"
)

// maxWarnings is how many attributes are told one by one.
const maxWarnings = 10

// leftOutRE matches what moby/go-archive (v0.2.0, archive.go) logs of an attribute that only root of the machine can set.
var leftOutRE = regexp.MustCompile(`^lsetxattr (.*): xattr "((?:trusted|security)\.[^"]*)": operation not permitted$`)

// attributeHook tells of attributes of files that are left out in a user namespace: unpacking only logs them.
type attributeHook struct {
	warn  func(string)
	mu    sync.Mutex
	count int
}

// hookXattrWarnings has them told to the last caller. The log is logrus' global one.
func hookXattrWarnings(warn func(string)) {
	hooks := logrus.LevelHooks{}
	for level, all := range logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) {
		hooks[level] = slices.DeleteFunc(all, func(h logrus.Hook) bool { _, ours := h.(*attributeHook); return ours })
	}
	if warn != nil && userns.RunningInUserNS() {
		hooks.Add(&attributeHook{warn: warn})
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
		found := leftOutRE.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		h.count++
		switch {
		case h.count <= maxWarnings:
			h.warn("attribute " + found[2] + " of " + found[1] + " is left out, as only root can set it: images don't have it, but type=tar and type=local differ")
		case h.count == maxWarnings+1:
			h.warn("more attributes are left out, as only root can set them")
		}
	}
	return nil
}
