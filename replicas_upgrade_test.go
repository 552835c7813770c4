package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// demand triggers builds behind a balancer, one after another, until it is stopped. A call
// that fails is tried once more.
type demand struct {
	*program
	path    string
	stop    chan struct{}
	done    sync.WaitGroup
	started []string
	retried int
}

func (p *program) under(project projectView, pipeline pipelineView) *demand {
	l := &demand{program: p, path: "/v1/projects/" + project.ID + "/builds", stop: make(chan struct{})}
	l.done.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if id, err := l.trigger(pipeline); err == nil {
				l.started = append(l.started, id)
				continue
			}
			l.retried++
			id, err := l.trigger(pipeline)
			if err != nil {
				p.t.Errorf("a call failed twice: %v", err)
				return
			}
			l.started = append(l.started, id)
		}
	})
	return l
}

func (l *demand) trigger(pipeline pipelineView) (string, error) {
	req, err := http.NewRequest(http.MethodPost, l.url+l.path, strings.NewReader(fmt.Sprintf(`{"pipeline_id":%q}`, pipeline.ID)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", errors.Join(err, fmt.Errorf("answered %d: %s", resp.StatusCode, answer))
	}
	var b buildView
	err = json.Unmarshal(answer, &b)
	return b.ID, err
}

// TestServersAreUpgradedOneAfterAnotherAndGoBack upgrades two servers to the next version
// under load, one after another, and goes back one step in the same way: the schema is
// the next version's then.
func TestServersAreUpgradedOneAfterAnotherAndGoBack(t *testing.T) {
	t.Parallel()
	next, front, servers := nextProgram(t), newBalancer(t), newServers(t, 2)
	for _, p := range servers {
		front.add(p.addr)
		p.env = append(p.env, "OORE_PUBLIC_URL="+front.url, "OORE_RUNNERS=1")
		p.start()
	}
	_, project, pipeline := servers[0].shopWith(t, "echo built")
	behind := *servers[0]
	behind.url = front.url
	l := behind.under(project, pipeline)
	for _, path := range []string{next, ""} {
		for _, p := range servers {
			p.stop()
			p.path = path
			p.start()
			other := servers[0]
			if p == other {
				other = servers[1]
			}
			other.ready() // whatever the one did to the schema
		}
	}
	if out := servers[0].output.String(); !strings.Contains(out, "_next") {
		t.Errorf("the next version has not migrated the schema:\n%s", out)
	}
	close(l.stop)
	l.done.Wait()
	var all []buildView
	eventually(t, "all builds have ended", func() bool {
		all = nil
		for len(all)%200 == 0 {
			var page buildsView
			servers[0].must("GET", fmt.Sprintf("/v1/builds?limit=200&offset=%d", len(all)), nil, &page)
			if all = append(all, page.Builds...); len(page.Builds) == 0 {
				break
			}
		}
		return !slices.ContainsFunc(all, func(b buildView) bool { return !b.ended() })
	})
	again := map[string]buildView{} // by the build that it runs again
	known := map[string]buildView{}
	for _, b := range all {
		known[b.ID] = b
		if b.SourceBuildID != "" {
			again[b.SourceBuildID] = b
		}
	}
	for _, id := range l.started {
		b := known[id]
		for next, ok := again[b.ID]; ok; next, ok = again[b.ID] {
			b = next
		}
		if b.Status != "succeeded" {
			t.Errorf("build %s came to %+v", id, b)
		}
	}
	t.Logf("%d builds, %d of them runs again, %d calls were tried twice", len(all), len(again), l.retried)
	for _, p := range servers {
		p.stop()
	}
	if a := servers[0].command(nil, "verify", "--blobs"); a.code != 0 {
		t.Errorf("verify says %+v", a)
	}
}
