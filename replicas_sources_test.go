package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/storetest"
)

// What is connected and disconnected, and that the queue is paused, is so at every server.
func TestWhatOneServerIsToldTheOthersKnow(t *testing.T) {
	t.Parallel()
	database, common := storetest.Postgres(t), append(shared(t), "OORE_RUNNERS=0")
	l := newLab(t, database, workflow("echo ok"), common...)
	second := newProgram(t, database, nil, append(common, "OORE_RUNNERS=1")...).start()

	app := l.gl.AddApplication(l.url+"/settings/sources/gitlab/callback", "api")
	made := l.connectByAPI(map[string]any{"web_url": l.gl.URL(), "application_id": app.ID, "secret": app.Secret})
	pipeline := l.link(nil)
	build := func() (id string, status int) { // the second asks GitLab where the branch stands
		var b buildView
		status = second.call("POST", "/v1/projects/"+l.project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID, "branch": "main"}, &b)
		return b.ID, status
	}
	l.must("POST", "/v1/queue/pause", map[string]any{}, nil)
	began := time.Now()
	id := ""
	eventually(t, "the second knows what the first has connected", func() (known bool) {
		made, status := build()
		id = made
		return status == http.StatusOK
	})
	t.Logf("connected: known elsewhere after %s", time.Since(began).Round(time.Millisecond))
	time.Sleep(3 * time.Second) // longer than a runner waits for a ring
	if b := l.build(id); b.Status != "queued" {
		t.Errorf("the queue is paused and the build is %s", b.Status)
	}
	l.must("POST", "/v1/queue/resume", nil, nil)
	if b := l.ended(id); b.Status != "succeeded" {
		t.Errorf("the build at the second server is %s: %s", b.Status, b.StatusMessage)
	}

	if status := l.call("DELETE", "/v1/integrations/"+made.ID, nil, nil); status != http.StatusNoContent {
		t.Fatal(status)
	}
	began = time.Now()
	eventually(t, "the second knows what the first has disconnected", func() bool {
		_, status := build()
		return status != http.StatusOK
	})
	t.Logf("disconnected: known elsewhere after %s", time.Since(began).Round(time.Millisecond))
}
