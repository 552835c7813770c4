package runner

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

// maxSeen bounds what is remembered for telling a problem from a repeat. A build that
// complains more often has said enough.
const maxSeen = 2000

// findings gathers what a build's output complains of. It is safe for concurrent use.
type findings struct {
	matchers *matchers
	dirs     []string // the workspace by all its names

	mu       sync.Mutex
	problems []problem
	errors   int // among them
	seen     map[string]bool
	missing  map[string]string // by step: the program that the shell did not find last
	tests    tally
}

// problem is an annotation and the step that printed it.
type problem struct {
	core.Annotation
	step string
}

// place is where a command runs.
type place struct{ step, folder string }

func newFindings(m *matchers, workspace string) *findings {
	f := &findings{matchers: m, dirs: []string{workspace}, seen: map[string]bool{}, missing: map[string]string{}}
	if real, err := filepath.EvalSymlinks(workspace); err == nil && real != workspace {
		f.dirs = append(f.dirs, real)
	}
	return f
}

var changesFolder = regexp.MustCompile(`^\s*cd\s+([\w./-]+)\s*(?:&&|;|\n)`)

// watch looks at one stream of a step's command.
func (f *findings) watch(s core.PlanStep, stream core.LogStream) *watch {
	w := &watch{found: f, from: place{step: s.Name}}
	if cd := changesFolder.FindStringSubmatch(s.Run); cd != nil {
		w.from.folder = cd[1]
	}
	if stream == core.StreamStdout && strings.Contains(s.Run, "--machine") {
		w.tests = newTestEvents(f, w.from)
	}
	return w
}

// enough tells that nothing more is to be learned from problems.
func (f *findings) enough() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errors >= core.MaxFindings || len(f.seen) >= maxSeen
}

// add keeps what a matcher's groups caught, unless it is known already or lies
// outside of the workspace.
func (f *findings) add(from place, m *matcher, got map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if tool := got["tool"]; tool != "" {
		f.missing[from.step] = tool
		return
	}
	key := strings.Join([]string{got["path"], got["line"], got["message"]}, "\x00")
	if m.FirstOnly {
		key = m.Name
	}
	if f.seen[key] || len(f.seen) >= maxSeen {
		return
	}
	f.seen[key] = true
	p := problem{step: from.step, Annotation: core.Annotation{
		Level: levelOf(cmp.Or(got["level"], m.Level)), Title: f.tidy(cmp.Or(got["title"], m.Title)), Message: strings.TrimSpace(f.tidy(got["message"])),
	}}
	if path := got["path"]; path != "" {
		inside := false
		if p.Path, inside = f.locate(from, path); !inside {
			return
		}
		if p.Path != "" {
			p.Line, _ = strconv.Atoi(got["line"])
			p.Column, _ = strconv.Atoi(got["column"])
		}
	}
	f.keep(p)
}

// keep makes room for an error by forgetting a warning.
func (f *findings) keep(p problem) {
	same := func(known problem) bool {
		return known.Message == p.Message && (known.Path == p.Path && known.Line == p.Line || p.Path == "")
	}
	if slices.ContainsFunc(f.problems, same) {
		return
	}
	if len(f.problems) >= core.MaxFindings {
		last := len(f.problems) - 1
		for last >= 0 && f.problems[last].Level != core.LevelWarning {
			last--
		}
		if last < 0 || p.Level == core.LevelWarning {
			return
		}
		f.problems = slices.Delete(f.problems, last, last+1)
	}
	if p.Level == core.LevelError {
		f.errors++
	}
	f.problems = append(f.problems, p)
}

func levelOf(word string) core.AnnotationLevel {
	switch strings.ToLower(word) {
	case "warning", "w", "info":
		return core.LevelWarning
	}
	return core.LevelError
}

// tidy takes the workspace out of a text: it says nothing to a reader.
func (f *findings) tidy(text string) string {
	for _, dir := range f.dirs {
		text = strings.ReplaceAll(text, dir+"/", "")
	}
	return text
}

// locate makes a printed path one of the repository. inside false: it lies outside of
// the workspace; an empty path: there is no such file.
func (f *findings) locate(from place, printed string) (path string, inside bool) {
	if u, err := url.Parse(printed); err == nil && u.Scheme == "file" {
		printed = u.Path
	}
	candidates := []string{filepath.Join(from.folder, printed), printed}
	if filepath.IsAbs(printed) {
		candidates = nil
		for _, dir := range f.dirs {
			if rel, err := filepath.Rel(dir, printed); err == nil {
				candidates = append(candidates, rel)
			}
		}
	}
	root, err := os.OpenRoot(f.dirs[0])
	if err != nil {
		return "", false
	}
	defer func() { _ = root.Close() }()
	for _, candidate := range candidates {
		if !filepath.IsLocal(candidate) {
			continue
		}
		inside = true
		info, err := root.Stat(candidate)
		if err == nil && info.Mode().IsRegular() {
			return filepath.ToSlash(filepath.Clean(candidate)), true
		}
	}
	return "", inside
}

// count adds the tests that a command has run.
func (f *findings) count(t tally) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tests.add(t)
}

// counted are the tests that all commands have run.
func (f *findings) counted() tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tests
}

// missingIn is the program that the shell missed last in a step, if any.
func (f *findings) missingIn(step string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missing[step]
}

// list gives the problems, the likeliest cause of the failure first: errors of the
// step that failed, errors that name a place, other errors, warnings.
func (f *findings) list(failed string) []core.Annotation {
	f.mu.Lock()
	defer f.mu.Unlock()
	rank := func(p problem) (n int) {
		if p.Level != core.LevelError {
			return 4
		}
		if p.step != failed {
			n += 2
		}
		if p.Path == "" {
			n++
		}
		return n
	}
	slices.SortStableFunc(f.problems, func(a, b problem) int { return rank(a) - rank(b) })
	var all []core.Annotation
	for _, p := range f.problems {
		all = append(all, p.Annotation)
	}
	return all
}
