package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// laid is lay backwards; folders with something in them are left out.
func laid(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || name == ".":
			return err
		case e.IsDir():
			if list, _ := os.ReadDir(path); len(list) == 0 {
				files[name+"/"] = ""
			}
		case e.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			files[name] = "-> " + target
		default:
			data, err := os.ReadFile(path)
			files[name] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func mustLie(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := laid(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s holds\n%q\nwant\n%q", dir, got, want)
	}
}

func cacheCallOf(workspace, home string, paths ...string) cacheCall {
	return cacheCall{Paths: paths, Workspace: workspace, Home: home, MaxFiles: 1000, MaxBytes: 1 << 20}
}

func archived(t testing.TB, call cacheCall) ([]byte, cacheReport) {
	t.Helper()
	var archive bytes.Buffer
	r, err := pack(t.Context(), &archive, call)
	if err != nil || r.Stored != int64(archive.Len()) {
		t.Fatalf("%+v, %v", r, err)
	}
	return archive.Bytes(), r
}

func TestWhatIsPackedComesBackAsItWas(t *testing.T) {
	from, to, home, home2 := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	lay(t, from, map[string]string{
		".dart_tool/a": "one", ".dart_tool/deep/er/b": "", ".dart_tool/empty/": "", ".dart_tool/deep/up": "-> ../a", ".dart_tool/deep/down": "-> er/b",
		".dart_tool/out": "-> ../lib", ".dart_tool/far": "-> /etc/passwd", ".dart_tool/deep/tricky": "-> er/../../../lib", ".dart_tool/gone": "-> nothing",
		"lib/main.dart": "source", "packages/x/build/o": "x", "packages/y/build/o": "y", "packages/y/src": "y", "file": "plain", "\xff\xfe/odd": "odd", ".git/config": "git",
	})
	lay(t, home, map[string]string{".pub-cache/hosted/p/lib": "p", ".npm/x": "x", ".npm/_cacache/y": "y", ".npm/" + stagePrefix + "1/z": "z", ".ssh/id": "secret"})
	old := time.Date(2020, 2, 3, 4, 5, 6, 789_000_123, time.UTC)
	for name, mode := range map[string]fs.FileMode{".dart_tool/a": 0o755, ".dart_tool/deep/er/b": 0o400, ".dart_tool/deep": 0o555, ".dart_tool/empty": 0o700} {
		path := filepath.Join(from, name)
		if err := errors.Join(os.Chmod(path, mode), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(from, ".dart_tool/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{".dart_tool", ".dart_tool/deep", "packages/*/build", "**/odd", "file", "nothing", "no/*/match", "~/.pub-cache", "~/.npm/_cacache", "~/.npm", "~/.m2/repository"}
	archive, r := archived(t, cacheCallOf(from, home, paths...))
	if want := []string{"nothing", "no/*/match", "~/.m2/repository"}; r.LeftOut != 4 || !slices.Equal(r.Missing, want) {
		t.Errorf("%+v", r)
	}
	u, err := unpack(t.Context(), bytes.NewReader(archive), cacheCallOf(to, home2, paths...))
	if err != nil || u.Files != r.Files || u.Bytes != r.Bytes || u.Kept != 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	mustLie(t, to, map[string]string{
		".dart_tool/a": "one", ".dart_tool/deep/er/b": "", ".dart_tool/empty/": "", ".dart_tool/deep/up": "-> ../a", ".dart_tool/deep/down": "-> er/b", ".dart_tool/gone": "-> nothing",
		"packages/x/build/o": "x", "packages/y/build/o": "y", "file": "plain", "\xff\xfe/odd": "odd",
	})
	mustLie(t, home2, map[string]string{".pub-cache/hosted/p/lib": "p", ".npm/x": "x", ".npm/_cacache/y": "y"})
	for _, name := range []string{".dart_tool/a", ".dart_tool/deep/er/b", ".dart_tool/deep", ".dart_tool/empty"} {
		was, err1 := os.Stat(filepath.Join(from, name))
		is, err2 := os.Stat(filepath.Join(to, name))
		if err := errors.Join(err1, err2); err != nil || was.Mode() != is.Mode() || !was.ModTime().Equal(is.ModTime()) {
			t.Errorf("%s: %v, %v %v, want %v %v", name, err, is.Mode(), is.ModTime(), was.Mode(), was.ModTime())
		}
	}
}

func TestWhatIsThereStaysAsItIs(t *testing.T) {
	from, to, outside := t.TempDir(), t.TempDir(), t.TempDir()
	lay(t, from, map[string]string{"pods/a": "cached", "pods/b": "cached", "pods/sub/c": "cached", "pods/linked/d": "cached", "pods/e/f": "cached", "pods/l": "-> b"})
	archive, _ := archived(t, cacheCallOf(from, "", "pods"))
	lay(t, to, map[string]string{"pods/a": "the commit's", "pods/sub/x": "the commit's", "pods/linked": "-> " + outside, "pods/e": "a file", "pods/l": "the commit's"})
	r, err := unpack(t.Context(), bytes.NewReader(archive), cacheCallOf(to, "", "pods"))
	if err != nil || r.Kept != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	mustLie(t, to, map[string]string{
		"pods/a": "the commit's", "pods/b": "cached", "pods/sub/x": "the commit's", "pods/sub/c": "cached", "pods/linked": "-> " + outside, "pods/e": "a file", "pods/l": "the commit's",
	})
	mustLie(t, outside, map[string]string{})
}

func TestALinkOnTheWayIsNotFollowed(t *testing.T) {
	outside, home := t.TempDir(), t.TempDir()
	lay(t, outside, map[string]string{"x/secret": "secret"})
	for a, b := range map[string]string{outside: outside + "/x", "real": "../real/x"} { // out of the folder, and within
		dir := t.TempDir()
		lay(t, dir, map[string]string{"real/x/secret": "secret", "a": "-> " + a, "b/x": "-> " + b})
		_, r := archived(t, cacheCallOf(dir, home, "a/x", "a/x/secret", "b/*/secret", "*/x/secret/"+"y", "b"))
		if r.Files != 0 {
			t.Errorf("%+v", r)
		}
	}
	// Folders of the home that are links are the owner's own doing.
	lay(t, home, map[string]string{".npm": "-> " + outside})
	if _, r := archived(t, cacheCallOf(t.TempDir(), home, "~/.npm")); r.Files != 1 {
		t.Errorf("%+v", r)
	}
}

func TestPackingEndsAtItsLimits(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{"c/a": strings.Repeat("x", 1<<20), "d/b": "", "d/e/f": ""})
	for path, change := range map[string]func(*cacheCall){
		"c": func(c *cacheCall) { c.MaxBytes-- },
		"d": func(c *cacheCall) { c.MaxFiles = 3 },
	} {
		call := cacheCallOf(dir, "", path)
		if _, err := pack(t.Context(), io.Discard, call); err != nil {
			t.Error(err)
		}
		change(&call)
		if _, err := pack(t.Context(), io.Discard, call); err == nil || !strings.Contains(err.Error(), "it has more than") {
			t.Errorf("%v", err)
		}
	}
}

// Whatever tree there is: it comes back, or what leads out of it is left out.
func TestAnyTreeComesBack(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		from, to := t.TempDir(), t.TempDir()
		tree := randomTree(r)
		lay(t, from, tree)
		archive, report := archived(t, cacheCallOf(from, "", "c"))
		if report.Files == 0 && len(tree) == 0 {
			continue
		}
		if _, err := unpack(t.Context(), bytes.NewReader(archive), cacheCallOf(to, "", "c")); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for name, content := range laid(t, to) {
			if real, err := filepath.EvalSymlinks(filepath.Join(to, name)); err == nil && !within(resolve(to)+"/c", real) {
				t.Errorf("seed %d: %s leads to %s", seed, name, real)
			}
			if was, ok := tree[name]; ok && was != content {
				t.Errorf("seed %d: %s is %q, was %q", seed, name, content, was)
			}
		}
		for name, content := range tree {
			if _, err := os.Lstat(filepath.Join(to, name)); err != nil && !strings.HasPrefix(content, "-> ") {
				t.Errorf("seed %d: %s is gone", seed, name)
			}
		}
	}
}

func randomTree(r *rand.Rand) map[string]string {
	tree := map[string]string{}
	taken := map[string]bool{} // as a file or a link
	for range r.IntN(30) {
		parts := []string{"c"}
		for range 1 + r.IntN(4) {
			parts = append(parts, string("abcd"[r.IntN(4)]))
		}
		name := strings.Join(parts, "/")
		clash := taken[name]
		for i := range parts {
			clash = clash || taken[strings.Join(parts[:i], "/")]
		}
		for other := range tree {
			clash = clash || inside(name, other)
		}
		if clash {
			continue
		}
		taken[name] = true
		switch r.IntN(3) {
		case 0:
			var target []string
			for range 1 + r.IntN(5) {
				target = append(target, []string{"..", "..", "a", "b", ".", "c"}[r.IntN(6)])
			}
			tree[name] = "-> " + strings.Join(target, "/")
		default:
			tree[name] = strings.Repeat("x", r.IntN(2000))
		}
	}
	return tree
}
