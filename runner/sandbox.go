package runner

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SandboxOptions are what an operator adds to the sandbox of all builds.
type SandboxOptions struct {
	Writable []string // absolute paths where builds may write too; none in the pool's folder
	Hidden   []string // absolute paths of files that builds must not read: secrets outside of the pool's folder
}

// sandbox is what the commands of a build may do with files: read everything that is
// not hidden, write where it says so and nowhere else. All paths are absolute and
// without symbolic links; what is not there is left out.
type sandbox struct {
	Hidden   byteStrings `json:"hidden"`
	Listable byteStrings `json:"listable,omitempty"` // folders around hidden ones whose names, with all below, may be listed
	Readable byteStrings `json:"readable,omitempty"` // exceptions within what is hidden
	Writable byteStrings `json:"writable"`           // and readable
	Level    int         `json:"level"`              // of what the system can do
}

// confineBuilds prepares the sandbox that is wanted, or says why there is none.
func (p *Pool) confineBuilds(level int, lack string) {
	if p.confine == nil {
		return
	}
	if level == 0 {
		p.unconfined = lack
		p.log.Warn("Builds run without a sandbox: they can read and change whatever the server's user can.", "reason", lack)
		return
	}
	if lack != "" {
		p.log.Warn("The sandbox of builds has a gap on this system.", "reason", lack)
	}
	p.sandbox = newSandbox(p.dir, p.env, *p.confine)
	p.sandbox.Level = level
	if exe, err := os.Executable(); err == nil {
		p.sandbox.Readable = byteStrings{resolve(exe)} // it may lie in the pool's folder, and helpers are started from it
	}
	p.scratch = slices.ContainsFunc(p.sandbox.Hidden, func(hidden string) bool { return within(resolve(tempDir(p.env)), hidden) })
}

// newSandbox is what all builds of a pool have in common. It makes the common caches,
// since no build may.
func newSandbox(dir string, env map[string]string, o SandboxOptions) *sandbox {
	hidden, writable := systemPaths()
	hidden = append(hidden, dir, filepath.Join(dir, "mirrors"), filepath.Join(dir, "workspaces"), filepath.Join(dir, "cache"))
	writable = append(writable, o.Writable...)
	home := env["HOME"]
	if lent := filepath.Join(dir, "home"); home == lent {
		writable = append(writable, lent)
	} else if filepath.IsAbs(home) {
		common, others := caches()
		for _, name := range common {
			_ = os.MkdirAll(filepath.Join(home, name), 0o700) // there may be no home
		}
		for _, name := range append(common, others...) {
			writable = append(writable, filepath.Join(home, name))
		}
	}
	writable = append(writable, "/tmp", "/var/tmp", flutterRoot(env["PATH"]))
	for _, name := range []string{"TMPDIR", "PUB_CACHE", "GRADLE_USER_HOME", "ANDROID_HOME", "ANDROID_SDK_ROOT", "FLUTTER_ROOT"} {
		writable = append(writable, env[name])
	}
	s := &sandbox{Hidden: resolveAll(append(hidden, o.Hidden...)), Writable: resolveAll(outermost(writable))}
	// Flutter lists the home for Android Studios, and fails where it may not.
	if home = resolve(home); slices.ContainsFunc(s.Hidden, func(path string) bool { return within(home, path) }) {
		s.Listable = byteStrings{home}
	}
	return s
}

// sandbox is the build's own; nil: it has none.
func (b *build) sandbox() *sandbox {
	if b.pool.sandbox == nil {
		return nil
	}
	s := *b.pool.sandbox
	s.Readable = append(slices.Clip(s.Readable), resolveAll(append(slices.Clip(b.mirrors), secretsOf(b.dir)))...)
	s.Writable = append(slices.Clip(s.Writable), resolve(b.dir))
	if b.pool.scratch {
		s.Writable = append(s.Writable, resolve(scratchOf(b.dir)))
	}
	return &s
}

// hostEnv is the pool's, with a folder for temporary files of the build's own where the
// common one holds what is hidden.
func (b *build) hostEnv() map[string]string {
	if !b.pool.scratch {
		return b.pool.env
	}
	env := maps.Clone(b.pool.env)
	env["TMPDIR"] = scratchOf(b.dir)
	return env
}

func scratchOf(workspace string) string { return workspace + ".tmp" }

func tempDir(env map[string]string) string {
	if dir := env["TMPDIR"]; filepath.IsAbs(dir) {
		return dir
	}
	return "/tmp"
}

// flutterRoot is the SDK of the flutter on the path, which writes to its own folder;
// empty: there is none.
func flutterRoot(path string) string {
	for _, dir := range filepath.SplitList(path) {
		program, err := filepath.EvalSymlinks(filepath.Join(dir, "flutter"))
		if err != nil || !filepath.IsAbs(program) {
			continue
		}
		if root := filepath.Dir(filepath.Dir(program)); isDir(filepath.Join(root, "packages", "flutter_tools")) {
			return root
		}
	}
	return ""
}

// outermost leaves out what is no absolute path and what lies in another of the paths:
// a build can make it a link to anywhere.
func outermost(paths []string) []string {
	var kept []string
	for _, path := range paths {
		path = filepath.Clean(path)
		inner := func(other string) bool { return filepath.IsAbs(other) && inside(filepath.Clean(other), path) }
		if filepath.IsAbs(path) && !slices.ContainsFunc(paths, inner) {
			kept = append(kept, path)
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}

// inside tells whether path lies below dir; within, whether it is dir or below it.
func inside(dir, path string) bool {
	return path != dir && strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func within(dir, path string) bool { return dir == path || inside(dir, path) }

// resolve follows symbolic links as far as the path exists.
func resolve(path string) string {
	real, err := filepath.EvalSymlinks(path)
	switch {
	case err == nil:
		return real
	case !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path):
		return path
	}
	return filepath.Join(resolve(filepath.Dir(path)), filepath.Base(path))
}

func resolveAll(paths []string) byteStrings {
	real := byteStrings{}
	for _, path := range paths {
		real = append(real, resolve(path))
	}
	slices.Sort(real)
	return slices.Compact(real)
}

// except lists the largest files and folders that are path or lie in it, and hold
// nothing hidden.
func (s *sandbox) except(path string) []string {
	around := false
	for _, hidden := range s.Hidden {
		if within(hidden, path) {
			return nil
		}
		around = around || inside(path, hidden)
	}
	if !around {
		return []string{path}
	}
	var names []string
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 { // what a link leads to is listed where it is
			names = append(names, e.Name())
		}
	}
	if err != nil { // a folder that one may only pass through
		names = s.towardsHidden(path)
	}
	var parts []string
	for _, name := range names {
		parts = append(parts, s.except(filepath.Join(path, name))...)
	}
	return parts
}

func (s *sandbox) towardsHidden(path string) []string {
	var names []string
	for _, hidden := range s.Hidden {
		if inside(path, hidden) {
			rest, _ := filepath.Rel(path, hidden)
			name, _, _ := strings.Cut(rest, "/")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// writable lists where the sandbox lets a build write. What is named within something
// hidden is an exception to it; elsewhere what is hidden stays so.
func (s *sandbox) writable() []string {
	var parts []string
	for _, path := range s.Writable {
		exception := func(hidden string) bool { return inside(hidden, path) }
		if slices.ContainsFunc(s.Hidden, exception) {
			parts = append(parts, path)
		} else {
			parts = append(parts, s.except(path)...)
		}
	}
	return parts
}

// refusals looks in a stream for words with which programs say that they were not let.
type refusals struct {
	*lineWriter
	seen bool
}

// Write never fails. It does not keep p.
func (r *refusals) Write(p []byte) (int, error) {
	for _, words := range []string{"ermission denied", "EACCES", "no new privileges"} {
		r.seen = r.seen || bytes.Contains(p, []byte(words))
	}
	return r.lineWriter.Write(p)
}

const refusalHint = "The build runs in a sandbox: it writes only to its own folder, the usual caches and temporary folders, and cannot become another user. " +
	"If that is what failed: OORE_SANDBOX_WRITABLE on the server opens more folders, OORE_SANDBOX=off turns the sandbox off."
