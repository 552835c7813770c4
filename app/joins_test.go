package app_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob"
	"github.com/oore-ci/oore/store/storetest"
)

// slowBlobs takes no more than parts before it is let go on.
type slowBlobs struct {
	*blob.Local
	open    chan struct{}
	begun   chan struct{} // a file that is larger than a part has begun
	wholes  atomic.Int32
	partMax int64
}

func (b *slowBlobs) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	if int64(len(data)) > b.partMax {
		b.wholes.Add(1)
		b.begun <- struct{}{}
		select {
		case <-b.open:
		case <-ctx.Done():
			return "", 0, ctx.Err()
		}
	}
	return b.Local.Put(ctx, strings.NewReader(string(data)))
}

// TestAFileIsPutTogetherOnceHoweverOftenItIsAskedFor: each call of a runner whose proxy had
// lost patience began another join beside the first.
func TestAFileIsPutTogetherOnceHoweverOftenItIsAskedFor(t *testing.T) {
	slow := &slowBlobs{open: make(chan struct{}), begun: make(chan struct{}, 9), partMax: 4}
	h := newHouseOver(t, func(local *blob.Local) core.BlobStore {
		slow.Local = local
		return slow
	})
	b := h.queued(t)
	job := h.running(t)
	var parts []string
	for _, part := range []string{"one ", "two "} {
		sum, err := h.PutArtifactPart(t.Context(), job.Lease, strings.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, sum)
	}
	file := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK, Size: 8, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("one two ")))}
	impatient, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- h.JoinArtifact(impatient, job.Lease, file, parts) }()
	<-slow.begun
	cancel() // the proxy ends the request
	wantCode(t, <-first, core.KindUnavailable, core.CodeArtifactJoining)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := h.JoinArtifact(t.Context(), job.Lease, file, parts); err != nil {
				t.Error(err)
			}
		})
	}
	short, done := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer done()
	wantCode(t, h.JoinArtifact(short, job.Lease, file, parts), core.KindUnavailable, core.CodeArtifactJoining)
	close(slow.open)
	group.Wait()
	if err := h.JoinArtifact(t.Context(), job.Lease, file, parts); err != nil { // it is there
		t.Error(err)
	}
	if n := slow.wholes.Load(); n != 1 {
		t.Errorf("it was put together %d times", n)
	}
	list, err := h.ListArtifacts(t.Context(), h.owner, b.ID)
	if err != nil || len(list) != 1 || list[0].SHA256 != file.SHA256 {
		t.Errorf("artifacts %+v, %v", list, err)
	}
}

// TestAServerThatStopsPutsNothingTogether: its join ends with it, and another server, or
// the same one later, begins anew.
func TestAServerThatStopsPutsNothingTogether(t *testing.T) {
	slow := &slowBlobs{open: make(chan struct{}), begun: make(chan struct{}, 9), partMax: 4}
	h := newHouseOver(t, func(local *blob.Local) core.BlobStore {
		slow.Local = local
		return slow
	})
	h.queued(t)
	job := h.running(t)
	sum, err := h.PutArtifactPart(t.Context(), job.Lease, strings.NewReader("one "))
	if err != nil {
		t.Fatal(err)
	}
	file, parts := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK}, []string{sum, sum}
	first := make(chan error, 1)
	go func() { first <- h.JoinArtifact(t.Context(), job.Lease, file, parts) }()
	<-slow.begun
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := h.RunWorkers(stopped); err != nil { // as when the server ends
		t.Fatal(err)
	}
	if err := <-first; err == nil {
		t.Error("it was stored all the same")
	}
}

// TestAFileIsPutTogetherByOneServer: a proxy may bring the second question to another.
func TestAFileIsPutTogetherByOneServer(t *testing.T) {
	slow := &slowBlobs{open: make(chan struct{}), begun: make(chan struct{}, 9), partMax: 4}
	database := storetest.Postgres(t)
	h := newHouseAt(t, database, t.TempDir(), func(local *blob.Local) core.BlobStore {
		slow.Local = local
		return slow
	})
	other := newHouseBeside(t, database, h)
	h.queued(t)
	job := h.running(t)
	sum, err := h.PutArtifactPart(t.Context(), job.Lease, strings.NewReader("one "))
	if err != nil {
		t.Fatal(err)
	}
	file, parts := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK, Size: 8, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("one one ")))}, []string{sum, sum}
	first := make(chan error, 1)
	go func() { first <- h.JoinArtifact(t.Context(), job.Lease, file, parts) }()
	<-slow.begun
	wantCode(t, other.JoinArtifact(t.Context(), job.Lease, file, parts), core.KindUnavailable, core.CodeArtifactJoining)
	close(slow.open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := other.JoinArtifact(t.Context(), job.Lease, file, parts); err != nil {
		t.Error(err)
	}
}

// TestAFileIsPutTogetherForWhoDoesNotWait: with `wait=0` nothing was begun, and the answer
// was an internal error.
func TestAFileIsPutTogetherForWhoDoesNotWait(t *testing.T) {
	slow := &slowBlobs{open: make(chan struct{}), begun: make(chan struct{}, 9), partMax: 4}
	h := newHouseOver(t, func(local *blob.Local) core.BlobStore {
		slow.Local = local
		return slow
	})
	h.queued(t)
	job := h.running(t)
	sum, err := h.PutArtifactPart(t.Context(), job.Lease, strings.NewReader("one "))
	if err != nil {
		t.Fatal(err)
	}
	file, parts := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK, Size: 8, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("one one ")))}, []string{sum, sum}
	over, end := context.WithTimeout(t.Context(), 0)
	defer end()
	wantCode(t, h.JoinArtifact(over, job.Lease, file, parts), core.KindUnavailable, core.CodeArtifactJoining)
	close(slow.open)
	if err := h.JoinArtifact(t.Context(), job.Lease, file, parts); err != nil {
		t.Error(err)
	}
	if n := slow.wholes.Load(); n != 1 {
		t.Errorf("it was put together %d times", n)
	}
}
