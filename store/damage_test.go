package store_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// usedFile is the content of a database file in which builds have run.
func usedFile(t *testing.T) []byte {
	t.Helper()
	url := storetest.SQLite(t)
	h, _ := lived(t, url)
	for i := range 100 {
		b := h.newBuild()
		b.SHA, b.CommitMessage, b.DedupeKey = "", strings.Repeat("words ", i), fmt.Sprint(i) // nobody is to be told
		h.end(t, h.queue(t, b), core.BuildSucceeded, b.CreatedAt)
		_, _, err := h.ReceiveDelivery(t.Context(), newDelivery(fmt.Sprint("guid-", i)))
		ok(t, err)
	}
	execute(t, url, "UPDATE deliveries SET status = 'processed', processed_at = received_at")
	ok(t, h.Close())
	path, _ := store.SQLitePath(url)
	data, err := os.ReadFile(path)
	ok(t, err)
	return data
}

// seen is what a start, oore verify and a reader make of a database file.
func seen(t *testing.T, data []byte) (refused, broken bool, rows map[string]int, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "oore.db")
	ok(t, os.WriteFile(path, data, 0o600))
	s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Log: slog.New(slog.DiscardHandler), Sound: true})
	if err != nil {
		if after, readErr := os.ReadFile(path); readErr != nil || len(after) != len(data) {
			t.Errorf("a refused file was changed: %d bytes instead of %d, %v", len(after), len(data), readErr)
		}
		return true, false, nil, err.Error()
	}
	defer s.Close()
	rows = map[string]int{}
	var all strings.Builder
	err = s.Snapshot(t.Context(), func(v *store.Snapshot) error {
		findings, err := v.Verify()
		for _, f := range findings {
			broken = broken || f.Count > 0
		}
		if err != nil {
			return err
		}
		return v.Rows(func(table string, _ []string, row []any) error {
			rows[table]++
			fmt.Fprintln(&all, table, row)
			return nil
		})
	})
	return false, broken || err != nil, rows, all.String()
}

// TestAFlippedBitIsFoundOrChangesNoMoreThanAValue: a damaged file was served until somebody
// came past the damage. What nothing can find is a bit in a value of which no index, no sum
// and no promise knows; it is that value alone, and everything is read.
func TestAFlippedBitIsFoundOrChangesNoMoreThanAValue(t *testing.T) {
	whole := usedFile(t)
	refused, broken, rows, text := seen(t, whole)
	if refused || broken {
		t.Fatalf("the file is whole: %s", text)
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 5))
	const page = 4096
	counts := map[string]int{}
	for range 50 {
		data := append([]byte(nil), whole...)
		at, bit := r.IntN(len(data)/page)*page+r.IntN(page), byte(1)<<r.IntN(8)
		data[at] ^= bit
		refused, broken, left, now := seen(t, data)
		switch {
		case refused:
			counts["refused at the start"]++
		case broken:
			counts["found by oore verify"]++
		case now == text:
			counts["nothing was there"]++
		default:
			counts["a value"]++
			for table, n := range left {
				if was, known := rows[table]; known && n != was {
					t.Errorf("seed %d: bit %#x of byte %d: %d rows of %s instead of %d, and nobody noticed", seed, bit, at, n, table, was)
				}
			}
		}
	}
	t.Logf("seed %d, %d pages: %v", seed, len(whole)/page, counts)
}

func TestADamagedFileIsRefusedWithTheReason(t *testing.T) {
	whole := usedFile(t)
	for name, damage := range map[string]func([]byte) []byte{
		"no database":   func(d []byte) []byte { copy(d, "no database at all"); return d },
		"cut short":     func(d []byte) []byte { return d[:len(d)/2/4096*4096] },
		"a page zeroed": func(d []byte) []byte { clear(d[3*4096 : 4*4096]); return d },
	} {
		refused, _, _, why := seen(t, damage(append([]byte(nil), whole...)))
		if !refused || !strings.Contains(why, "damaged") || !strings.Contains(why, "oore verify") || !strings.Contains(why, "backup") {
			t.Errorf("%s: %v, %s", name, refused, why)
		}
	}
}

// TestDamageBehindTheFirstRowTurnsTheServerRed: whoever read a list was told, and /readyz
// was not.
func TestDamageBehindTheFirstRowTurnsTheServerRed(t *testing.T) {
	data := usedFile(t)
	const page, tableLeaf = 4096, 0x0d
	var leaves []int // of builds
	for at := page; at < len(data); at += page {
		if data[at] == tableLeaf && strings.Contains(string(data[at:at+page]), "words words words") {
			leaves = append(leaves, at)
		}
	}
	at := leaves[len(leaves)/2]
	clear(data[at : at+page])
	path := filepath.Join(t.TempDir(), "oore.db")
	ok(t, os.WriteFile(path, data, 0o600))
	s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
	ok(t, err)
	defer s.Close()
	ok(t, s.Ready(t.Context()))
	_, _, err = s.ListBuilds(t.Context(), core.BuildFilter{}, core.Page{Limit: 200})
	for _, err := range []error{err, s.Ready(t.Context())} {
		if core.KindOf(err) != core.KindUnavailable || !strings.Contains(core.MessageOf(err), "oore verify") {
			t.Errorf("%v", err)
		}
	}
}

// TestDamageThatIsFoundLaterTurnsTheServerRed: "database disk image is malformed" was an
// internal error, and /readyz stayed green.
func TestDamageThatIsFoundLaterTurnsTheServerRed(t *testing.T) {
	url := storetest.SQLite(t)
	h, b := lived(t, url)
	ok(t, h.Close())
	execute(t, url, "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'settings') WHERE name = 'builds'")
	s, err := store.Open(t.Context(), url, store.Options{})
	ok(t, err)
	defer s.Close()
	ok(t, s.Ready(t.Context()))
	_, err = s.FindBuild(t.Context(), b.ID)
	for _, err := range []error{err, s.Ready(t.Context())} {
		if core.KindOf(err) != core.KindUnavailable || !strings.Contains(core.MessageOf(err), "oore verify") {
			t.Errorf("%v", err)
		}
	}
}
