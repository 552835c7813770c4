package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

// TestOwningBlobsWithOtherSettingsThanTheServersChangesNothing: without the server's
// OORE_BLOB_URL the command made a folder, and took the deleting away from the right one.
func TestOwningBlobsWithOtherSettingsThanTheServersChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kept, elsewhere, mistyped := filepath.Join(dir, "kept"), filepath.Join(dir, "elsewhere"), filepath.Join(dir, "mistyped")
	newProgram(t, "", nil, "OORE_BLOB_URL="+elsewhere).start().stop() // another server's
	p := newProgram(t, storetest.Postgres(t), nil, "OORE_BLOB_URL="+kept).start()
	for place, says := range map[string]string{mistyped: "no server keeps artifacts and logs in", elsewhere: "keeps artifacts and logs elsewhere"} {
		if a := p.command([]string{"OORE_BLOB_URL=" + place}, "blobs", "own"); a.code != exitFailed || !strings.Contains(a.stderr, says) {
			t.Errorf("%s: %+v", place, a)
		}
	}
	if a := p.command([]string{"OORE_BLOB_URL=" + mistyped}, "blobs", "migrate", "--to", kept); a.code != exitFailed {
		t.Errorf("%+v", a)
	}
	p.command([]string{"OORE_BLOB_URL=" + mistyped}, "doctor")
	if isThere(mistyped) {
		t.Error("a folder was made")
	}
	p.stop()
	p.command(nil, "blobs", "own")
	if a := p.command(nil, "blobs", "own"); a.code != 0 || !strings.Contains(a.stdout, "already") || !strings.Contains(a.stdout, "Nothing was changed") {
		t.Errorf("once more: %+v", a)
	}
}
