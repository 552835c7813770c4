package app_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestSearchPassesOverColorsAndCase(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	lines := []string{
		"Running Gradle task", "\x1b[1;31mERROR\x1b[0m: no such file", "ÜBER den Wolken", "a\x00b", "\xff\xfe error \xff", "K\u212Aelvin", "", "\x1b[", "trailing \x1b[31",
	}
	var records []core.LogRecord
	for i, text := range lines {
		records = append(records, core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: core.StreamStdout, Step: "s", Time: time.Unix(1, 0).UTC()})
	}
	b := h.printed(t, rand.New(rand.NewPCG(1, 1)), records)
	for range 2 { // from rows, then from the object
		for text, want := range map[string][]int64{
			"error": {1, 4}, "Error: NO": {1}, "über": {2}, "Über den w": {2}, "a\x00B": {3}, "gradle": {0}, "[31": nil, "xyz": nil, "trailing": {8}, "\uFFFD error": {4},
		} {
			found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: text, After: -1, Limit: 100})
			var got []int64
			for _, r := range found.Records {
				got = append(got, r.Sequence)
				if !bytes.Equal(r.Content, records[r.Sequence].Content) {
					t.Errorf("%q: the record %d is %q", text, r.Sequence, r.Content)
				}
			}
			if err != nil || !reflect.DeepEqual(got, want) || found.Total != int64(len(want)) {
				t.Errorf("%q: %v, want %v, %v", text, got, want, err)
			}
		}
		h.archived(t)
	}
	found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: "error", After: 1, Limit: 1})
	if err != nil || found.Total != 2 || len(found.Records) != 1 || found.Records[0].Sequence != 4 {
		t.Errorf("after the first: %+v, %v", found, err)
	}
	for _, bad := range []string{"", strings.Repeat("ü", 201)} {
		_, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: bad, After: -1, Limit: 1})
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
	stranger := core.Actor{Kind: core.ActorToken, Role: core.RoleViewer, Scope: b.ID}
	_, err = h.SearchLog(t.Context(), stranger, b.ID, app.LogSearch{Text: "x", After: -1, Limit: 1})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

// What is found is bounded in bytes, and the rest is found from there on.
func TestMuchThatIsFoundComesInPages(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	var records []core.LogRecord
	for i := range 300 {
		text := strings.Repeat("x", core.MaxLogLine)
		if i%2 == 0 {
			text = text[:100] + "needle" + text[106:]
		}
		records = append(records, core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: core.StreamStdout, Step: "s", Time: time.Unix(1, 0).UTC()})
	}
	b := h.printed(t, rand.New(rand.NewPCG(1, 1)), records)
	h.archived(t)
	var got []core.LogRecord
	for after, calls := int64(-1), 0; ; calls++ {
		found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: "Needle", After: after, Limit: 5000})
		if err != nil || found.Total != 150 || len(found.Records) > 65 || calls > 4 {
			t.Fatalf("%d of %d, %v", len(found.Records), found.Total, err)
		}
		if len(found.Records) == 0 {
			break
		}
		got = append(got, found.Records...)
		after = got[len(got)-1].Sequence
	}
	if len(got) != 150 || got[149].Sequence != 298 {
		t.Errorf("%d were found", len(got))
	}
}

// Who cannot have a turn soon is told so, and who goes away waits no longer.
func TestASearchWaitsForItsTurn(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	b := h.printed(t, rand.New(rand.NewPCG(1, 1)), []core.LogRecord{line(0, "x")})
	release := h.HoldSearches()
	_, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: "x", After: -1, Limit: 1})
	wantCode(t, err, core.KindLimited, core.CodeRateLimited)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := h.SearchLog(ctx, h.owner, b.ID, app.LogSearch{Text: "x", After: -1, Limit: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	time.AfterFunc(100*time.Millisecond, release)
	if found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: "x", After: -1, Limit: 1}); err != nil || found.Total != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}
