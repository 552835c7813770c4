package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob"
	"github.com/oore-ci/oore/store/storetest"
)

// stray keeps a blob that nobody needs, three days ago, and tells whether it is there.
func (h *house) stray(t *testing.T, text string) (there func() bool) {
	t.Helper()
	sum, _, err := h.blobs.Put(t.Context(), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Glob(filepath.Join(h.blobDir, "*", sum))
	if err != nil || len(path) != 1 {
		t.Fatalf("%v, %v", path, err)
	}
	old := h.clock.now().Add(-3 * 24 * time.Hour)
	if err := os.Chtimes(path[0], old, old); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		_, err := os.Stat(path[0])
		return err == nil
	}
}

func (h *house) sweeps(t *testing.T) {
	t.Helper()
	if err := h.SweepBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) says(t *testing.T, state core.CheckState, words string) {
	t.Helper()
	if c := h.CheckBlobs(t.Context()); c.State != state || !strings.Contains(c.Value+c.Fix, words) {
		t.Errorf("the check says %+v, want %s with %q", c, state, words)
	}
}

// TestOneDatabaseDeletesWhereBlobsAre: the first takes a place that nobody has, and leaves
// it alone when another has taken it over, which rests for seven days.
func TestOneDatabaseDeletesWhereBlobsAre(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		first := h.stray(t, "first")
		h.says(t, core.CheckSkipped, "no database deletes anything there yet")
		if h.sweeps(t); !first() {
			t.Error("it was deleted before it was clear whose it is")
		}
		if h.sweeps(t); first() {
			t.Error("the owner deletes nothing")
		}
		h.says(t, core.CheckOK, "by this database alone")

		other := newHouseBeside(t, storetest.SQLite(t), h)
		second := h.stray(t, "second")
		if other.sweeps(t); !second() {
			t.Error("another database deleted it")
		}
		other.says(t, core.CheckWarning, "oore blobs own")
		viewer := core.Actor{Kind: core.ActorUser, Name: "vera", Role: core.RoleViewer}
		if _, err := other.OwnBlobs(t.Context(), viewer); core.KindOf(err) != core.KindForbidden {
			t.Errorf("a viewer takes it over: %v", err)
		}
		if _, err := other.OwnBlobs(t.Context(), other.owner); err != nil {
			t.Fatal(err)
		}
		entries, _, err := other.store.ListAudit(t.Context(), core.AuditFilter{Action: core.AuditBlobsOwn}, core.Page{Limit: 9})
		if err != nil || len(entries) != 1 {
			t.Errorf("the audit log has %+v, %v", entries, err)
		}
		h.says(t, core.CheckWarning, "another database deletes there")
		h.sweeps(t)
		if other.sweeps(t); !second() {
			t.Error("it was deleted within the seven days")
		}
		other.clock.forward(core.BlobRest + time.Minute)
		if h.sweeps(t); !second() {
			t.Error("the former owner deleted it")
		}
		if other.sweeps(t); second() {
			t.Error("the new owner deletes nothing")
		}
	})
}

// TestADatabaseThatWasSetBackDeletesNothing: what it has forgotten it must not delete.
func TestADatabaseThatWasSetBackDeletesNothing(t *testing.T) {
	h := newHouse(t)
	h.sweeps(t)
	before, err := h.store.FindBlobClaim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.sweeps(t)
	if err := h.store.SaveBlobClaim(t.Context(), before, h.clock.now()); err != nil {
		t.Fatal(err)
	}
	file := h.stray(t, "made since")
	if h.sweeps(t); !file() {
		t.Error("it was deleted")
	}
	h.says(t, core.CheckWarning, "restored or copied")
	if _, err := h.OwnBlobs(t.Context(), h.owner); err != nil {
		t.Fatal(err)
	}
	h.says(t, core.CheckOK, "nothing is deleted before")
}

// TestAMachineWhoseClockIsSetBackLosesNoYoungFile: files bear its time, and the server went
// by the old one for a while: what had just been stored was more than a day old.
func TestAMachineWhoseClockIsSetBackLosesNoYoungFile(t *testing.T) {
	h, m := newMachine(t, storetest.SQLite(t), time.Now().Add(25*time.Hour), &strings.Builder{})
	h.sweeps(t) // claims the place
	m.wall.forward(-25 * time.Hour)
	sum, _, err := h.blobs.Put(t.Context(), strings.NewReader("just now"))
	if err != nil {
		t.Fatal(err)
	}
	there := func() bool {
		file, err := h.blobs.Open(t.Context(), sum)
		return err == nil && file.Close() == nil
	}
	if h.sweeps(t); !there() {
		t.Fatal("it was deleted")
	}
	m.wall.forward(50 * time.Hour)
	if err := h.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.sweeps(t); !there() {
		t.Fatal("it was deleted while the time is in doubt")
	}
	m.stand(t, h, 21*time.Minute)
	if h.sweeps(t); there() {
		t.Error("what is old stays for ever")
	}
}

// takenOver is a place that another database takes over as soon as one has noted itself.
type takenOver struct {
	*blob.Local
	by string // empty: none does
}

func (p *takenOver) SetOwner(ctx context.Context, owner string) error {
	err := p.Local.SetOwner(ctx, owner)
	if err == nil && p.by != "" {
		err = p.Local.SetOwner(ctx, p.by)
	}
	return err
}

// TestAPlaceThatIsTakenOverDuringASweepIsLeftAlone: the former owner looked only before it
// noted itself.
func TestAPlaceThatIsTakenOverDuringASweepIsLeftAlone(t *testing.T) {
	var place *takenOver
	h := newHouseAt(t, storetest.SQLite(t), t.TempDir(), func(l *blob.Local) core.BlobStore {
		place = &takenOver{Local: l}
		return place
	})
	h.sweeps(t) // claims the place
	there := h.stray(t, "old")
	place.by = core.BlobClaim{ID: "other"}.String()
	if h.sweeps(t); !there() {
		t.Error("the former owner deleted it")
	}
}
