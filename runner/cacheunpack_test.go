package runner

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// member is a header, with content, of a hostile archive.
type member struct {
	tar.Header
	content string
}

func file(name, content string) member {
	return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}, content}
}

func special(kind byte, name, target string) member {
	return member{tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o755}, ""}
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	return compressed(t, plainTar(t, members...))
}

func plainTar(t testing.TB, members ...member) []byte {
	t.Helper()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, m := range members {
		_, err := io.WriteString(headed{w, &m.Header}, m.content)
		if err == nil && m.content == "" {
			err = w.WriteHeader(&m.Header)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return plain.Bytes()
}

type headed struct {
	*tar.Writer
	h *tar.Header
}

func (h headed) Write(p []byte) (int, error) {
	if len(p) > 0 {
		if err := h.WriteHeader(h.h); err != nil {
			return 0, err
		}
	}
	return h.Writer.Write(p)
}

func compressed(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(data, nil)
}

func TestHostileArchivesAreRefusedAndLeaveNothing(t *testing.T) {
	outside := t.TempDir()
	good := tarOf(t, file("repo/c/a", "good"), file("repo/c/b", strings.Repeat("x", 100_000)))
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	noChecksum := bytes.Clone(good)
	noChecksum[len(noChecksum)-1] ^= 1
	many := make([]member, 1001)
	for i := range many {
		many[i] = file(fmt.Sprintf("repo/c/%d", i), "")
	}
	deep := make([]member, 1000)
	for i := range deep {
		deep[i] = file(fmt.Sprintf("repo/c/%d/%d/%d/x", i, i, i), "")
	}
	for name, archive := range map[string][]byte{
		"folders that are no members":       tarOf(t, deep...),
		"a name without end":                tarOf(t, file("repo/c/"+strings.Repeat("a/", 50_000)+"a", "x")),
		"a target without end":              tarOf(t, special(tar.TypeSymlink, "repo/c/l", strings.Repeat("a/", 50_000))),
		"a path up":                         tarOf(t, file("repo/c/../../planted", "x")),
		"a path up in the ground":           tarOf(t, file("repo/c/../d/planted", "x")),
		"an absolute path":                  tarOf(t, file(outside+"/planted", "x")),
		"an absolute path behind":           tarOf(t, file("repo/c/"+outside+"/planted", "x")),
		"another path of the repository":    tarOf(t, file("repo/d/planted", "x")),
		"a path that begins alike":          tarOf(t, file("repo/c-planted", "x")),
		"git's hooks":                       tarOf(t, file("repo/.git/hooks/post-checkout", "x")),
		"a home":                            tarOf(t, file("home/.ssh/planted", "x")),
		"a home that is not asked for":      tarOf(t, file("home/.npm/planted", "x")),
		"no ground":                         tarOf(t, file("planted", "x")),
		"an empty name":                     tarOf(t, special(tar.TypeDir, "", "")),
		"a dot":                             tarOf(t, special(tar.TypeDir, "repo/c/./", "")),
		"a link out":                        tarOf(t, special(tar.TypeSymlink, "repo/c/l", outside)),
		"a link up":                         tarOf(t, special(tar.TypeSymlink, "repo/c/l", "../planted")),
		"a link up in disguise":             tarOf(t, special(tar.TypeDir, "repo/c/d", ""), special(tar.TypeSymlink, "repo/c/l", "d/../../planted")),
		"the path itself as a link":         tarOf(t, special(tar.TypeSymlink, "repo/c", "d")),
		"a link and a file through it":      tarOf(t, special(tar.TypeSymlink, "repo/c/l", "d"), file("repo/c/l/planted", "x")),
		"a link out and a file through it":  tarOf(t, special(tar.TypeSymlink, "repo/c/l", outside), file("repo/c/l/planted", "x")),
		"a file, then a link in its place":  tarOf(t, file("repo/c/f", "x"), special(tar.TypeSymlink, "repo/c/f", "g")),
		"two links through each other":      tarOf(t, special(tar.TypeSymlink, "repo/c/l", "."), special(tar.TypeSymlink, "repo/c/l/m", "x")),
		"a file twice":                      tarOf(t, file("repo/c/f", "x"), file("repo/c/f", "y")),
		"a folder twice":                    tarOf(t, special(tar.TypeDir, "repo/c/f", ""), special(tar.TypeDir, "repo/c/f", "")),
		"a file in a file":                  tarOf(t, file("repo/c/f", "x"), file("repo/c/f/g", "y")),
		"a hard link":                       tarOf(t, special(tar.TypeLink, "repo/c/l", "/etc/passwd")),
		"a character device":                tarOf(t, special(tar.TypeChar, "repo/c/null", "")),
		"a block device":                    tarOf(t, special(tar.TypeBlock, "repo/c/sda", "")),
		"a pipe":                            tarOf(t, special(tar.TypeFifo, "repo/c/pipe", "")),
		"more bytes than allowed":           tarOf(t, file("repo/c/f", strings.Repeat("\x00", 1<<20+1))),
		"more bytes than allowed, in parts": tarOf(t, file("repo/c/f", strings.Repeat("\x00", 1<<19)), file("repo/c/g", strings.Repeat("\x00", 1<<19)), file("repo/c/h", "x")),
		"more files than allowed":           tarOf(t, many...),
		"a tail without end":                compressed(t, make([]byte, 4<<20)),
		"a good file first":                 tarOf(t, file("repo/c/a", "good"), file("repo/d", "bad")),
		"one bit flipped":                   flipped,
		"another checksum":                  noChecksum,
		"cut short":                         good[:len(good)-10],
		"cut short at the head":             good[:3],
		"nothing":                           {},
		"no archive":                        []byte("no archive at all"),
		"no tar":                            compressed(t, []byte(strings.Repeat("no tar at all ", 100))),
		"a window beyond bounds":            {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0xf8, 0, 0, 0}, // 2 GiB and more
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			lay(t, dir, map[string]string{"README": "hello", ".git/hooks/": ""})
			r, err := unpack(t.Context(), bytes.NewReader(archive), cacheCallOf(dir, filepath.Join(dir, "no-home"), "c"))
			var d *damage
			if !errors.As(err, &d) || !r.Damaged {
				t.Errorf("%+v, %v", r, err)
			}
			mustLie(t, dir, map[string]string{"README": "hello", ".git/hooks/": ""})
			mustLie(t, outside, map[string]string{})
		})
	}
}

// Modes that change whose file it is do not come back.
func TestNoModeGivesPower(t *testing.T) {
	dir := t.TempDir()
	f, d := file("repo/c/f", "x"), special(tar.TypeDir, "repo/c/d", "")
	f.Mode, f.Uid, d.Mode = 0o6755, 12345, 0o7777
	if r, err := unpack(t.Context(), bytes.NewReader(tarOf(t, d, f)), cacheCallOf(dir, "", "c")); err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, want := range map[string]fs.FileMode{"f": 0o755, "d": 0o777 | fs.ModeDir} {
		info, err := os.Stat(filepath.Join(dir, "c", name))
		if err != nil || info.Mode() != want || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestACanceledUnpackingLeavesNothing(t *testing.T) {
	home := t.TempDir()
	var members []member
	for i := range 500 {
		members = append(members, file(fmt.Sprintf("home/.npm/%d", i), "x"))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	archive := &canceling{r: bytes.NewReader(tarOf(t, members...)), cancel: func() { cancel(errCanceled) }}
	r, err := unpack(ctx, archive, cacheCallOf(t.TempDir(), home, "~/.npm"))
	if !errors.Is(err, errCanceled) || r.Damaged {
		t.Errorf("%+v, %v", r, err)
	}
	mustLie(t, home, map[string]string{".npm/": ""})
}

type canceling struct {
	r      io.Reader
	cancel func()
}

func (c *canceling) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		c.cancel()
	}
	return n, err
}

func TestStagesOfTheDeadAreRemoved(t *testing.T) {
	home := t.TempDir()
	lay(t, home, map[string]string{".npm/" + stagePrefix + "old/x": "", ".npm/" + stagePrefix + "new/x": "", ".npm/mine": ""})
	old := time.Now().Add(-staleAfter - time.Minute)
	if err := os.Chtimes(filepath.Join(home, ".npm", stagePrefix+"old"), old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(t.Context(), bytes.NewReader(tarOf(t, file("home/.npm/a", "x"))), cacheCallOf(t.TempDir(), home, "~/.npm")); err != nil {
		t.Fatal(err)
	}
	mustLie(t, home, map[string]string{".npm/a": "x", ".npm/mine": "", ".npm/" + stagePrefix + "new/x": ""})
}

// Whatever tar there is: nothing of it lies outside of the cache's path or leads out of
// it, and of one that is refused nothing lies anywhere.
func FuzzUnpack(f *testing.F) {
	for _, m := range [][]member{
		{file("repo/c/a", "x"), special(tar.TypeDir, "repo/c/d", ""), special(tar.TypeSymlink, "repo/c/d/l", "../a")},
		{file("repo/c/../../a", "x")},
		{special(tar.TypeSymlink, "repo/c/l", ".."), file("repo/c/l/a", "x")},
		{special(tar.TypeLink, "repo/c/l", "/etc/passwd"), special(tar.TypeChar, "repo/c/n", "")},
		{file("repo/c/"+strings.Repeat("long/", 60)+"x", "x")},
	} {
		f.Add(plainTar(f, m...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		lay(t, dir, map[string]string{"README": "hello"})
		_, err := unpack(t.Context(), bytes.NewReader(compressed(t, data)), cacheCallOf(dir, "", "c"))
		files := laid(t, dir)
		if files["README"] != "hello" || err != nil && len(files) > 1 {
			t.Errorf("%v leaves %q", err, files)
		}
		for name := range files {
			if name != "README" && !within("c", strings.TrimSuffix(name, "/")) {
				t.Errorf("%q was made", name)
			}
			if real, err := filepath.EvalSymlinks(filepath.Join(dir, name)); err == nil && name != "README" && !within(resolve(dir)+"/c", real) {
				t.Errorf("%q leads to %q", name, real)
			}
		}
	})
}
