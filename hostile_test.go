package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/runner/logtest"
)

// TestHostileLogsAreKeptByteForByte prints every hostile log in one build, read live by
// one reader and whole by another.
func TestHostileLogsAreKeptByteForByte(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		remote := database != ""
		slots := "OORE_RUNNERS=1"
		if remote {
			slots = "OORE_RUNNERS=0"
		}
		y := newYard(t, newProgram(t, database, nil, slots).start())
		if remote {
			newRemoteRunner(t, y.url, "one")
		}
		dir, all := t.TempDir(), logtest.Hostile()
		var want strings.Builder
		for i, log := range all {
			file := filepath.Join(dir, fmt.Sprint(i))
			if err := os.WriteFile(file, log.Content, 0o600); err != nil {
				t.Fatal(err)
			}
			want.Write(log.Content)
		}
		id := y.trigger(y.script("Hostile", fmt.Sprintf("for i in $(seq 0 %d); do cat %s/$i; done", len(all)-1, dir)))
		ctx, stop := context.WithTimeout(t.Context(), 3*patience) // for megabytes, line by line
		defer stop()
		next := int64(0)
		err := y.stream(ctx, id, "", func(e logEvent) {
			if e.Event != "log" {
				return
			}
			var record struct {
				Sequence int64
				Content  string
			}
			if err := json.Unmarshal(e.Data, &record); err != nil || record.Sequence != next {
				t.Errorf("at %d comes %.80s: %v", next, e.Data, err)
			}
			next++
		})
		if err != nil {
			t.Errorf("the live log ended after %d lines: %v", next, err)
		}
		y.mustSucceed(id)
		if got := y.rawLog(id); got != want.String() {
			t.Errorf("%d bytes went in and %d came out", want.Len(), len(got))
		}
	})
}
