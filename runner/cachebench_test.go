package runner

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const benchFiles = 10_000

// smallFiles is a folder c with 10,000 files of half a KiB to 8 KiB, as packages have them.
func smallFiles(b *testing.B) (dir string, bytes int64) {
	b.Helper()
	dir = b.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	words := make([]string, 2000)
	for i := range words {
		words[i] = strconv.FormatUint(r.Uint64(), 36)[:3+r.IntN(8)]
	}
	for i := range benchFiles {
		var text []byte
		for size := 512 + r.IntN(7680); len(text) < size; {
			text = append(append(text, words[r.IntN(len(words))]...), ' ')
		}
		bytes += int64(len(text))
		path := filepath.Join(dir, "c", fmt.Sprintf("package-%d/lib/src", i/100), fmt.Sprintf("file-%d.dart", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir, bytes
}

// BenchmarkCache restores and saves 10,000 small files: by us, with a helper as builds
// do, and by the usual tools.
func BenchmarkCache(b *testing.B) {
	from, bytes := smallFiles(b)
	exe, err := ownBinary()
	if err != nil {
		b.Fatal(err)
	}
	sh, err := startShim(exe)
	if err != nil {
		b.Fatal(err)
	}
	defer sh.release()
	scratch := b.TempDir()
	helper := &build{pool: &Pool{exe: exe, env: map[string]string{"HOME": scratch}}, shim: sh, log: newJournal(0, 1<<20)}
	store := newCacheStore(b, 1<<30)
	save := func(string) {
		w, err := store.create(headOf("s", fmt.Sprint(len(store.entries))))
		if err != nil {
			b.Fatal(err)
		}
		helper.dir = from
		if r, err := helper.packInto(b.Context(), w, []string{"c"}); err != nil || r.Files != benchFiles {
			b.Fatal(r, err)
		}
		if err := w.commit(); err != nil {
			b.Fatal(err)
		}
	}
	restore := func(to string) {
		hit := store.take(wishOf("s", "0"))
		defer hit.close()
		helper.dir = to
		if r, err := helper.cacheHelp(b.Context(), unpackArg, []string{"c"}, hit.file); err != nil || r.Files != benchFiles || r.Kept != 0 {
			b.Fatal(r, err)
		}
	}
	tool := func(command string) func(string) {
		return func(to string) {
			cmd := exec.Command("sh", "-c", command)
			cmd.Env = append(os.Environ(), "FROM="+from, "TO="+to, "SCRATCH="+scratch)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%s: %v: %s", command, err, out)
			}
		}
	}
	save("")
	for _, c := range []struct {
		name string
		do   func(to string)
	}{
		{"save/oore", save},
		{"save/tar+zstd", tool(`tar -cf - -C "$FROM" c | zstd -qf -o "$SCRATCH/c.zst"`)},
		{"restore/oore", restore},
		{"restore/tar+zstd", tool(`zstd -dc "$SCRATCH/c.zst" | tar -xf - -C "$TO"`)},
		{"restore/cp-r", tool(`cp -r "$FROM/c" "$TO/c"`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			if _, err := exec.LookPath("zstd"); err != nil && strings.HasSuffix(c.name, "zstd") {
				b.Skip("zstd is not installed here")
			}
			b.SetBytes(bytes)
			for b.Loop() {
				b.StopTimer()
				to := b.TempDir()
				b.StartTimer()
				c.do(to)
				b.StopTimer()
				if err := removeAll(to); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
