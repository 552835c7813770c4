package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob"
)

func newLocal(t *testing.T) (*blob.Local, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	l, err := blob.NewLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

func put(t *testing.T, l *blob.Local, text string) string {
	t.Helper()
	sum, size, err := l.Put(t.Context(), strings.NewReader(text))
	if err != nil || size != int64(len(text)) {
		t.Fatalf("put %q: %d bytes, %v", text, size, err)
	}
	return sum
}

// files lists what lies in the folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func all(_ context.Context, sums []string) ([]string, error) { return slices.Clone(sums), nil }

func TestWhatWasPutIsReadAgainFromAnywhere(t *testing.T) {
	l, _ := newLocal(t)
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	sum, size, err := l.Put(t.Context(), bytes.NewReader(content))
	want := sha256.Sum256(content)
	if err != nil || sum != hex.EncodeToString(want[:]) || size != int64(len(content)) {
		t.Fatalf("%s, %d bytes, %v", sum, size, err)
	}
	file, err := l.Open(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := file.Seek(-3, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(file); err != nil || string(got) != "789" {
		t.Errorf("the end is %q, %v", got, err)
	}
	put(t, l, "") // nothing is something too
	if err := l.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEqualContentIsKeptOnce(t *testing.T) {
	l, dir := newLocal(t)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() { _, _, _ = l.Put(context.Background(), strings.NewReader("same")) })
	}
	group.Wait()
	sum := put(t, l, "same")
	if got := files(t, dir); !slices.Equal(got, []string{sum[:2] + "/" + sum}) {
		t.Errorf("the folder holds %q", got)
	}
}

func TestABrokenPutLeavesNothing(t *testing.T) {
	l, dir := newLocal(t)
	mine := core.Errorf(core.KindTooLarge, "too much")
	_, _, err := l.Put(t.Context(), io.MultiReader(strings.NewReader("half"), failing{mine}))
	if !errors.Is(err, mine) || core.KindOf(err) != core.KindTooLarge {
		t.Errorf("the reader's own error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Put(ctx, strings.NewReader("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestWhatIsNoHashIsNotFound(t *testing.T) {
	l, dir := newLocal(t)
	if err := os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sum := range []string{"", "secret", "../secret", strings.Repeat("A", 64), strings.Repeat("0", 64), strings.Repeat("/", 64)} {
		if _, err := l.Open(t.Context(), sum); core.KindOf(err) != core.KindNotFound {
			t.Errorf("%q: %v", sum, err)
		}
	}
}

func TestSweepDeletesWhatIsOldAndUnwanted(t *testing.T) {
	l, dir := newLocal(t)
	old, kept := put(t, l, "old"), put(t, l, "old and wanted")
	left := filepath.Join(dir, "tmp", "put-left")
	if err := os.WriteFile(left, []byte("a killed server's"), 0o600); err != nil {
		t.Fatal(err)
	}
	hourAgo := time.Now().Add(-time.Hour)
	for _, path := range []string{left, filepath.Join(dir, old[:2], old), filepath.Join(dir, kept[:2], kept)} {
		if err := os.Chtimes(path, hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	young := put(t, l, "young")
	n, err := l.Sweep(t.Context(), time.Now().Add(-time.Minute), func(_ context.Context, sums []string) ([]string, error) {
		if slices.Contains(sums, young) {
			t.Error("a young blob is asked about")
		}
		return []string{old}, nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d deleted, %v", n, err)
	}
	want := []string{kept[:2] + "/" + kept, young[:2] + "/" + young}
	slices.Sort(want)
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

// What is put again between the question and the deletion must stay: its row comes next.
func TestSweepKeepsWhatIsPutAgainMeanwhile(t *testing.T) {
	l, dir := newLocal(t)
	sum := put(t, l, "again")
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, sum[:2], sum), hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	n, err := l.Sweep(t.Context(), time.Now().Add(-time.Minute), func(ctx context.Context, sums []string) ([]string, error) {
		put(t, l, "again")
		return all(ctx, sums)
	})
	if err != nil || n != 0 {
		t.Errorf("%d deleted, %v", n, err)
	}
	if _, err := l.Open(t.Context(), sum); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

func TestASweepThatWasKilledLosesNothing(t *testing.T) {
	l, dir := newLocal(t)
	sum := put(t, l, "half gone")
	if err := os.Rename(filepath.Join(dir, sum[:2], sum), filepath.Join(dir, "tmp", "gone-"+sum)); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Sweep(t.Context(), time.Now().Add(-time.Hour), all); err != nil || n != 0 {
		t.Errorf("%d deleted, %v", n, err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{sum[:2] + "/" + sum}) {
		t.Errorf("the folder holds %q", got)
	}
}

func TestSweepStopsWhenNobodyKnows(t *testing.T) {
	l, _ := newLocal(t)
	sum := put(t, l, "x")
	down := errors.New("the database is down")
	_, err := l.Sweep(t.Context(), time.Now().Add(time.Minute), func(context.Context, []string) ([]string, error) { return nil, down })
	if !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	if _, err := l.Open(t.Context(), sum); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsGoneIsUnavailable(t *testing.T) {
	l, dir := newLocal(t)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Ready(t.Context()); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("ready: %v", err)
	}
	if _, _, err := l.Put(t.Context(), strings.NewReader("x")); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("put: %v", err)
	}
	if _, err := blob.NewLocal("relative"); err == nil {
		t.Error("a relative folder is taken")
	}
}
