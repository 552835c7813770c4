package app_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// A log that grows is read on from where it was, and an archived one is the same.
func TestOutlineGrowsWithTheLog(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	var records []core.LogRecord
	for i, text := range []string{"::group::a", "x", "::endgroup::", "y", "::group::b", "z"} {
		records = append(records, core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: core.StreamStdout, Step: "s", Time: time.Unix(int64(i), 0).UTC()})
	}
	b := h.printed(t, rand.New(rand.NewPCG(1, 1)), records)
	for _, want := range [][]string{{"a 0-2, b 4--1", "a 0-2, b 4-5"}, {"a 0-2, b 4-5"}} { // it may be archived already
		groups, err := h.LogOutline(t.Context(), h.owner, b.ID)
		got := ""
		for i, g := range groups {
			if i > 0 {
				got += ", "
			}
			got += fmt.Sprintf("%s %d-%d", g.Name, g.First, g.Last)
		}
		if err != nil || !slices.Contains(want, got) {
			t.Errorf("%s, want one of %q, %v", got, want, err)
		}
		h.archived(t)
	}
	stranger := core.Actor{Kind: core.ActorToken, Role: core.RoleViewer, Scope: b.ID}
	_, err := h.LogOutline(t.Context(), stranger, b.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

func TestSearchMindsCaseIfAsked(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	b := h.printed(t, rand.New(rand.NewPCG(1, 1)), []core.LogRecord{line(0, "Error"), line(1, "\x1b[1merror Ü"), line(2, "ERROR ü")})
	for text, want := range map[string]int64{"error": 1, "Error": 1, "rror": 2, "Ü": 1, "ü": 1, "x": 0} {
		found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: text, Case: true, After: -1, Limit: 10})
		if err != nil || found.Total != want {
			t.Errorf("%q: %d, want %d, %v", text, found.Total, want, err)
		}
	}
}

// What changes rings for those who look at lists, and is seen at once.
func TestListsHearOfChanges(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	before, err := h.BuildsVersion(t.Context(), h.owner)
	if err != nil {
		t.Fatal(err)
	}
	ring := h.BuildsChanged()
	h.printed(t, rand.New(rand.NewPCG(1, 1)), []core.LogRecord{line(0, "x")})
	select {
	case <-ring:
	case <-time.After(time.Minute):
		t.Fatal("nothing rang")
	}
	if after, err := h.BuildsVersion(t.Context(), h.owner); err != nil || after == before {
		t.Errorf("%+v, %+v, %v", before, after, err)
	}
	_, err = h.BuildsVersion(t.Context(), core.Actor{Kind: core.ActorStranger})
	if err == nil {
		t.Error("a stranger may look")
	}
}
