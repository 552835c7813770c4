package main

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// TestTwoThousandDeliveriesOfFiftyProjectsFindTheirOwn sends them at once, each with the
// secret of its own project's webhook, and every tenth once more with a neighbor's.
func TestTwoThousandDeliveriesOfFiftyProjectsFindTheirOwn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		const projects, each = 50, 40
		l := newLab(t, database, workflow("echo ok"), "OORE_RUNNERS=0")
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
		var names, secrets []string
		var payloads [][]byte
		for i := range projects {
			name := fmt.Sprintf("acme/app-%02d", i)
			p := l.gl.AddProject(name, true, l.git.Dir)
			var made projectView
			l.must("POST", "/v1/projects", map[string]any{"name": name, "repository": map[string]any{"provider": "gitlab", "full_name": name}}, &made)
			l.pipeline(made.ID, name, map[string]any{"trigger_config": map[string]any{"branches": []string{"main"}}}) // builds none of these
			names, secrets, payloads = append(names, name), append(secrets, l.gl.Hooks(p)[0].Token), append(payloads, l.gl.PushPayload(p, "BRANCH", "", l.head))
		}
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
		defer client.CloseIdleConnections()
		work := make(chan int)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for n := range work {
					i := n % projects
					payload := bytes.ReplaceAll(payloads[i], []byte("BRANCH"), fmt.Appendf(nil, "b-%d", n))
					d := gitlabtest.Delivery{Token: secrets[i], Key: fmt.Sprintf("%s#%d", names[i], n), Client: client}
					if status, code := l.sendRaw(payload, d); status != http.StatusOK || code != "" {
						t.Errorf("%s: %d %s", d.Key, status, code)
					}
					if n%10 == 0 {
						d.Token, d.Key = secrets[(i+1)%projects], "forged"+d.Key
						if status, code := l.sendRaw(payload, d); status != http.StatusUnauthorized || code != "invalid_token" {
							t.Errorf("%s with a neighbor's secret: %d %s", names[i], status, code)
						}
					}
				}
			})
		}
		for n := range projects * each {
			work <- n
		}
		close(work)
		all.Wait()
		var counted deliveriesView
		eventually(t, "all are decided", func() bool {
			l.must("GET", "/v1/deliveries?status=received&limit=1", nil, &counted)
			return counted.Total == 0
		})
		if l.must("GET", "/v1/deliveries?limit=1", nil, &counted); counted.Total != projects*each {
			t.Errorf("%d deliveries, want %d", counted.Total, projects*each)
		}
		for _, name := range names {
			var own deliveriesView
			l.must("GET", "/v1/deliveries?limit=200&repository="+name, nil, &own)
			if own.Total != each {
				t.Errorf("%s: %d deliveries", name, own.Total)
			}
			for _, d := range own.Deliveries {
				if key, _, _ := bytes.Cut([]byte(d.DeliveryID), []byte("#")); string(key) != name || len(d.Verdicts) != 1 || d.Verdicts[0].Pipeline != name || d.Verdicts[0].Code != "branch_no_match" {
					t.Errorf("%s: %+v", name, d)
				}
			}
		}
	})
}
