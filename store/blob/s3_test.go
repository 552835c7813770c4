package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob"
	"github.com/oore-ci/oore/store/blob/blobtest"
)

func newS3(t *testing.T, address string) *blob.S3 {
	t.Helper()
	s, err := openS3(address, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openS3(address, spool string) (*blob.S3, error) {
	c, err := blob.ParseS3(address)
	if err != nil {
		return nil, err
	}
	return blob.NewS3(c, spool)
}

// TestABucketKeepsBlobs goes through what a blob store promises, on a real S3 server.
func TestABucketKeepsBlobs(t *testing.T) {
	address, dir := blobtest.NewBucket(t)
	s, ctx := newS3(t, address), t.Context()
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 20<<20) // more than one part
	for i := range large {
		large[i] = byte(rand.IntN(256))
	}
	for _, content := range [][]byte{nil, []byte("small"), large} {
		sum, size, err := s.Put(ctx, bytes.NewReader(content))
		want := sha256.Sum256(content)
		if err != nil || sum != hex.EncodeToString(want[:]) || size != int64(len(content)) {
			t.Fatalf("%d bytes: %s, %d, %v", len(content), sum, size, err)
		}
		file, err := s.Open(ctx, sum)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
		}
		if end, err := file.Seek(0, io.SeekEnd); err != nil || end != size {
			t.Errorf("the end is at %d, %v", end, err)
		}
		if len(content) > 3 {
			if _, err := file.Seek(-3, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, content[len(content)-3:]) {
				t.Errorf("the last three are %q, %v", got, err)
			}
		}
		file.Close()
	}
	for _, sum := range []string{strings.Repeat("0", 64), "../secret", ""} {
		if _, err := s.Open(ctx, sum); core.KindOf(err) != core.KindNotFound {
			t.Errorf("%q: %v", sum, err)
		}
	}
	mine := core.Errorf(core.KindTooLarge, "too much")
	if _, _, err := s.Put(ctx, io.MultiReader(strings.NewReader("half"), failing{mine})); core.KindOf(err) != core.KindTooLarge {
		t.Errorf("the reader's own error is %v", err)
	}
	sweepBucket(t, s)
	if found, err := filepath.Glob(filepath.Join(dir, "oore/some/prefix/*")); err != nil || len(found) == 0 {
		t.Errorf("nothing lies under the prefix: %v", err)
	}
}

func sweepBucket(t *testing.T, s *blob.S3) {
	t.Helper()
	ctx := t.Context()
	sum := func(text string) string {
		sum, _, err := s.Put(ctx, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	old, kept := sum("old"), sum("old and wanted")
	only := func(sums ...string) func(context.Context, []string) ([]string, error) {
		return func(_ context.Context, asked []string) ([]string, error) {
			return slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return !slices.Contains(sums, s) }), nil
		}
	}
	if n, err := s.Sweep(ctx, time.Now().Add(-time.Hour), only(old)); err != nil || n != 0 {
		t.Errorf("young: %d deleted, %v", n, err)
	}
	if n, err := s.Sweep(ctx, time.Now().Add(time.Hour), only(old)); err != nil || n != 1 {
		t.Errorf("%d deleted, %v", n, err)
	}
	if _, err := s.Open(ctx, old); core.KindOf(err) != core.KindNotFound {
		t.Errorf("what was swept: %v", err)
	}
	if file, err := s.Open(ctx, kept); err != nil {
		t.Errorf("what was wanted: %v", err)
	} else {
		file.Close()
	}
	// While everything is swept again and again, what a Put has promised is there.
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = s.Sweep(ctx, time.Now().Add(-time.Second), only(old))
			}
		}
	})
	for range 8 {
		if file, err := s.Open(ctx, sum("old")); err != nil {
			t.Errorf("right after it was put: %v", err)
		} else {
			file.Close()
		}
	}
	close(stop)
	group.Wait()
}

// TestAPutWaitsForEverySweepThatIsAtItsBlob: with one marker for all, the first of two
// servers to end its sweep let a Put go on whose blob the second then deleted.
func TestAPutWaitsForEverySweepThatIsAtItsBlob(t *testing.T) {
	address, dir := blobtest.NewBucket(t)
	s, ctx := newS3(t, address), t.Context()
	sum, _, err := s.Put(ctx, strings.NewReader("twice"))
	if err != nil {
		t.Fatal(err)
	}
	markers := filepath.Join(dir, "oore/some/prefix/sweeping", sum)
	if err := os.MkdirAll(markers, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, sweep := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(markers, sweep), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sweep := range []string{"one", "two"} {
		short, cancel := context.WithTimeout(ctx, time.Second)
		if _, _, err := s.Put(short, strings.NewReader("twice")); err == nil {
			t.Errorf("it did not wait for %s", sweep)
		}
		cancel()
		if err := os.Remove(filepath.Join(markers, sweep)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Put(ctx, strings.NewReader("twice")); err != nil {
		t.Error(err)
	}
}

func TestABucketThatIsNotThereIsUnavailable(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "testkey")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testsecret")
	s := newS3(t, "s3://oore?endpoint=http://127.0.0.1:1&region=us-east-1")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := s.Ready(ctx); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("%v", err)
	}
}

func TestAddressesOfBuckets(t *testing.T) {
	c, err := blob.ParseS3("s3://b/x/y/?endpoint=https://minio.example:9000&region=eu")
	if err != nil || c != (blob.S3Config{Endpoint: "minio.example:9000", Region: "eu", Bucket: "b", Prefix: "x/y"}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, wrong := range []string{"s3://", "https://b", "s3://key:secret@b", "s3://b?endpoint=minio", "s3://b?acl=public", "s3://b?downloads=public", "s3://b?endpoint=https://h/path"} {
		if _, err := blob.ParseS3(wrong); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}
