package runner

import (
	"path/filepath"
	"slices"
	"strings"
)

// seatbelt writes the sandbox as a profile for sandbox-exec. The last rule that matches
// decides.
func (s *sandbox) seatbelt() string {
	var b strings.Builder
	rule := func(verb string, kind string, paths []string) {
		if len(paths) == 0 {
			return
		}
		b.WriteString("(" + verb)
		for _, path := range paths {
			b.WriteString("\n  (" + kind + " " + quoteSeatbelt(path) + ")")
		}
		b.WriteString(")\n")
	}
	b.WriteString("(version 1)\n(allow default)\n(deny signal)\n(allow signal (target same-sandbox))\n(deny file-write*)\n")
	rule("allow file-write*", "subpath", s.Writable)
	rule("deny file-read* file-write*", "subpath", s.Hidden)
	rule("allow file-read-metadata", "literal", s.passages())
	rule("allow file-read*", "subpath", s.Readable)
	rule("allow file-read* file-write*", "subpath", s.exceptions())
	return b.String()
}

// exceptions are what may be written within something hidden.
func (s *sandbox) exceptions() []string {
	var paths []string
	for _, path := range s.Writable {
		if slices.ContainsFunc(s.Hidden, func(hidden string) bool { return inside(hidden, path) }) {
			paths = append(paths, path)
		}
	}
	return paths
}

// passages are the hidden folders on the way to an exception: to find out where they
// are, programs look at each.
func (s *sandbox) passages() []string {
	var dirs []string
	for _, path := range slices.Concat(s.exceptions(), s.Readable) {
		for dir := filepath.Dir(path); slices.ContainsFunc(s.Hidden, func(hidden string) bool { return within(hidden, dir) }); dir = filepath.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func quoteSeatbelt(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}
