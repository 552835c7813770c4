package store

import (
	"context"
	"errors"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

// The writer may be the first to see that a caller's time is up. The caller hears of its
// own context then, and its neighbors lose nothing by it.
func TestWhoseTimeIsUpHearsSoFromTheWriter(t *testing.T) {
	s, err := Open(t.Context(), storetest.SQLite(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := s.db.writer.(*groupWriter)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for name, single := range map[string]bool{"one statement": true, "several": false} {
		late := &turn{ctx: ctx, single: single, begin: make(chan struct{}), end: make(chan error, 1), answer: make(chan error, 1)}
		if err := w.exec("BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		kept, lost := w.give(late, false)
		if err := w.exec("COMMIT"); err != nil {
			t.Errorf("%s: the neighbors' commit: %v", name, err)
		}
		if err := <-late.answer; kept || lost != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: kept %v, lost %v, told %v", name, kept, lost, err)
		}
	}
}
