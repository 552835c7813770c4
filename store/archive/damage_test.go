package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestAnObjectThatIsGoneOrBrokenIsAnErrorThatSaysSo(t *testing.T) {
	l, blobs, dir := newArchive(t)
	chunks := randomLog(rand.New(rand.NewPCG(5, 1)), 20, 60_000)
	o := pack(t, l, chunks)
	path := filepath.Join(dir, o.SHA256[:2], o.SHA256)
	good, err := os.ReadFile(path)
	ok(t, err)
	refused := func(what, words string) {
		t.Helper()
		got, err := reopened(t, blobs).Read(t.Context(), o, 0, o.Next, 1<<40)
		if err == nil && reflect.DeepEqual(got, chunks) {
			return // a bit that means nothing, as there is one in a frame's header
		}
		if core.KindOf(err) != core.KindUnavailable || core.CodeOf(err) != core.CodeUnavailable || !strings.Contains(err.Error(), words) {
			t.Fatalf("%s: %d chunks, %v", what, len(got), err)
		}
	}
	rng := rand.New(rand.NewPCG(5, 2))
	for range 300 {
		bad := bytes.Clone(good)
		at := rng.IntN(len(bad))
		if rng.IntN(3) == 0 {
			at = len(bad) - 1 - rng.IntN(200) // index and trailer
		}
		bad[at] ^= 1 << rng.IntN(8)
		ok(t, os.WriteFile(path, bad, 0o600))
		refused(fmt.Sprintf("byte %d of %d", at, len(bad)), "log object damaged")
	}
	for _, cut := range []int{0, 1, 11, 12, len(good) / 2, len(good) - 1} {
		ok(t, os.WriteFile(path, good[:cut], 0o600))
		refused(fmt.Sprintf("cut after %d", cut), "log object damaged")
	}
	ok(t, os.Remove(path))
	refused("removed", "log object missing")
	ok(t, os.WriteFile(path, good, 0o600))
	got, err := reopened(t, blobs).Read(t.Context(), o, 0, o.Next, 1<<40)
	if err != nil || !reflect.DeepEqual(got, chunks) {
		t.Errorf("it is back, and %v", err)
	}
}

// An object that cannot be read back is no object: its chunks would be deleted.
func TestPackReadsBackWhatItWrote(t *testing.T) {
	_, blobs, dir := newArchive(t)
	chunks := randomLog(rand.New(rand.NewPCG(5, 1)), 20, 60_000)
	liar := reopened(t, &changing{counted: blobs, dir: dir})
	if o, err := liar.Pack(t.Context(), "b", pages(chunks, 7)); err == nil || !strings.Contains(err.Error(), "log object damaged") {
		t.Errorf("%+v, %v", o, err)
	}
}

// changing loses a bit of all that it is given.
type changing struct {
	*counted
	dir string
}

func (c *changing) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	sum, size, err := c.Local.Put(ctx, r)
	if err != nil {
		return sum, size, err
	}
	path := filepath.Join(c.dir, sum[:2], sum)
	data, err := os.ReadFile(path)
	if err == nil {
		data[len(data)/3] ^= 4
		err = os.WriteFile(path, data, 0o600)
	}
	return sum, size, err
}

func TestACanceledReaderIsNoDamage(t *testing.T) {
	l, blobs, _ := newArchive(t)
	o := pack(t, l, randomLog(rand.New(rand.NewPCG(5, 1)), 20, 60_000))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reopened(t, blobs).Read(ctx, o, 0, 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
