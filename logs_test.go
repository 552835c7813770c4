package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// logObject waits until the log of a build is an object and nothing else.
func (p *program) logObject(t *testing.T, database, buildID string) core.LogObject {
	t.Helper()
	if database == "" {
		database = "sqlite:" + filepath.Join(environment(p.env).lookup("OORE_DATA_DIR"), "oore.db")
	}
	db, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var object core.LogObject
	eventually(t, "the log is archived", func() bool {
		extent, err := db.FindLog(t.Context(), buildID)
		if err != nil {
			t.Fatal(err)
		}
		left, err := db.ReadLog(t.Context(), buildID, -1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if extent.Object != nil {
			object = *extent.Object
		}
		return extent.Object != nil && len(left) == 0
	})
	return object
}

// streamed reads a log stream whole: each event but the build's, which changes. slow
// is called at every event.
func (p *program) streamed(buildID string, slow func(n int)) (string, error) {
	var all strings.Builder
	n := 0
	err := p.stream(context.Background(), buildID, "", func(e logEvent) {
		if e.Event != "status" {
			fmt.Fprintf(&all, "%s %s %s\n", e.Event, e.ID, e.Data)
		}
		n++
		slow(n)
	})
	return all.String(), err
}

// views are a log in all the ways in which it is read.
func (p *program) views(t *testing.T, buildID string) map[string]string {
	t.Helper()
	log := "/v1/builds/" + buildID + "/logs"
	stream, err := p.streamed(buildID, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	views := map[string]string{"stream": stream}
	for name, path := range map[string]string{
		"page": log, "middle": log + "?after_sequence=54321&limit=777", "end": log + "?after_sequence=199000&limit=5000", "beyond": log + "?after_sequence=999999",
		"search": log + "/search?q=LINE%20199", "rare": log + "/search?q=nul&limit=3",
	} {
		views[name] = p.raw(path, "application/json")
	}
	views["text"] = p.raw(log, "text/plain")
	views["text without our words"] = p.raw(log+"?system=false", "text/plain")
	views["page's text"] = p.raw("/builds/"+buildID+"/log.txt", "text/plain")
	views["window"] = logRows(p.raw("/builds/"+buildID+"?line=150000", "text/html"))
	return views
}

// logRows cuts the log out of a build's page, on which times grow old.
func logRows(page string) string {
	_, rows, _ := strings.Cut(page, `id="log"`)
	rows, _, _ = strings.Cut(rows, "</section>")
	return rows
}

// Ended logs move from the database to the blob store, and whoever reads them, while
// it happens, afterwards, or after a kill and a restart, gets the same bytes.
func TestAnEndedLogMovesToTheBlobStore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil).start()
		_, project, pipeline := p.shopWith(t, `seq -f 'line %.0f' 200000; echo oops >&2; printf 'nul \0 and \377\376\r\n'; printf 'no line feed'`)
		id := p.runs(project, pipeline, "succeeded").ID

		var archived atomic.Bool
		slowly := make(chan string, 1)
		go func() {
			stream, err := p.streamed(id, func(n int) {
				if n%500 == 0 && !archived.Load() {
					time.Sleep(200 * time.Millisecond)
				}
			})
			if err != nil {
				t.Error(err)
			}
			slowly <- stream
		}()
		before := p.views(t, id)
		if text := before["text without our words"]; !strings.HasPrefix(text, "line 1\nline 2\n") || !strings.Contains(text, "line 200000\n") ||
			!strings.Contains(text, "nul \x00 and \xff\xfe\r\n") || !strings.HasSuffix(text, "no line feed") || !strings.Contains(text, "oops\n") {
			t.Fatalf("the log has %d bytes and ends %q", len(text), text[max(0, len(text)-100):])
		}
		if !strings.Contains(before["search"], `"total":1111}`) || !strings.Contains(before["rare"], `nul \u0000 and`) {
			t.Errorf("found %.300s and %.300s", before["search"], before["rare"])
		}
		object := p.logObject(t, database, id)
		archived.Store(true)
		same := func(when string) {
			t.Helper()
			for name, view := range p.views(t, id) {
				if view != before[name] {
					t.Errorf("%s the %s is another: %d bytes, were %d", when, name, len(view), len(before[name]))
				}
			}
		}
		same("archived")
		if stream := <-slowly; stream != before["stream"] {
			t.Errorf("who read meanwhile got another stream: %d bytes, want %d", len(stream), len(before["stream"]))
		}
		p.kill()
		p.start()
		same("after a restart")

		files := p.kept(object.SHA256)
		if len(files) != 1 {
			t.Fatalf("the object lies in %q", files)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Size() != object.Size || info.Size() > int64(len(before["text"]))/3 {
			t.Errorf("the object has %v bytes of %d, %v", info, len(before["text"]), err)
		}
		p.stop()
		if err := os.Rename(files[0], files[0]+".away"); err != nil {
			t.Fatal(err)
		}
		p.start()
		for _, path := range []string{"/v1/builds/" + id + "/logs", "/v1/builds/" + id + "/logs/stream", "/v1/builds/" + id + "/logs/search?q=x", "/builds/" + id, "/builds/" + id + "/log.txt"} {
			resp, body := p.ask(http.MethodGet, p.url+path, "Authorization: Bearer "+adminToken, "Accept: text/html, application/json")
			if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "log object missing") {
				t.Errorf("%s without the object: %d %.300s", path, resp.StatusCode, body)
			}
		}
		if err := os.Rename(files[0]+".away", files[0]); err != nil {
			t.Fatal(err)
		}
		if views := p.views(t, id); !maps.Equal(views, before) {
			t.Error("the object is back, and the log is another")
		}
	})
}
