//go:build soak

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

const (
	// soakMinutes is how long each database is loaded, unless OORE_TEST_SOAK says so. A
	// minute is about as much as two hours of a busy team.
	soakMinutes  = 10
	soakWebhooks = 40 // a second
	soakBuilds   = 2  // a second
	soakReaders  = 8  // who come and go
	soakSample   = 2 * time.Second
	// soakGrowth is how much of its mean a figure may grow by from the end of the warm-up,
	// a third of the time, to the end.
	soakGrowth = 0.10
)

// soakFigures are the metrics that must stay level, and what they may grow by whatever
// their mean.
func soakFigures() map[string]float64 {
	return map[string]float64{
		"process_resident_memory_bytes": 24 << 20,
		"go_memstats_heap_inuse_bytes":  16 << 20,
		"go_goroutines":                 12,
		"process_open_fds":              12,
		"oore_sqlite_wal_bytes":         8 << 20,
	}
}

// TestSoak loads the server for a while with webhooks, builds, readers of live logs, pages
// and lists, and looks whether what it takes of the machine grows.
func TestSoak(t *testing.T) {
	minutes := envNumber(t, "OORE_TEST_SOAK", soakMinutes)
	onBoth(t, func(t *testing.T, database string) {
		s := newSoak(t, database)
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(minutes)*time.Minute)
		defer stop()
		var load sync.WaitGroup
		load.Go(func() { s.every(ctx, time.Second/soakWebhooks, s.push) })
		load.Go(func() { s.every(ctx, time.Second/soakBuilds, s.build) })
		load.Go(func() { s.every(ctx, 250*time.Millisecond, s.look) })
		for range soakReaders {
			load.Go(func() { s.every(ctx, 200*time.Millisecond, s.read) })
		}
		s.watch(ctx)
		load.Wait()
		s.judge()
		s.stop()
		if a := s.command(nil, "verify", "--blobs"); a.code != 0 {
			t.Errorf("verify says %+v", a)
		}
	})
}

// soak is a site under a load that lasts.
type soak struct {
	*site
	project  string
	pipeline pipelineView
	payload  []byte
	client   *http.Client

	mu     sync.Mutex
	pushed int
	newest string // build

	samples map[string][]float64
}

func newSoak(t *testing.T, database string) *soak {
	t.Helper()
	s := &soak{site: newSite(t, database, workflow("seq 50; sleep 0.05; seq 50 > made.txt")), client: &http.Client{Timeout: patience}, samples: map[string][]float64{}}
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Release", map[string]any{
		"trigger_config": map[string]any{"branches": []string{"release/*"}},
	})
	local := githubtest.NewGitRepo(t)
	files := workflow("seq 50; sleep 0.05; echo $OORE_BUILD_ID > made.txt")
	files[".oore.yaml"] += "artifacts: {patterns: [made.txt]}\n"
	local.Commit("main", files, "First")
	var project projectView
	s.must("POST", "/v1/projects", map[string]any{"name": "Local", "local_repository_path": local.Dir}, &project)
	s.project = project.ID
	s.pipeline = s.program.pipeline(project.ID, "Android", nil)
	s.payload = s.gh.PushPayload(s.repo, "main", "", s.head)
	return s
}

// every does something again and again, and what takes longer less often.
func (s *soak) every(ctx context.Context, pause time.Duration, do func(context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				s.t.Error(err)
				return
			}
		}
	}
}

func (s *soak) push(context.Context) error {
	s.pushed++ // by one goroutine alone
	resp, err := s.gh.Deliver(s.url+"/v1/webhooks/github", "push", s.payload, githubtest.Delivery{ID: fmt.Sprintf("soak-%d", s.pushed), Client: s.client})
	if err != nil {
		return err
	}
	return s.drained(resp)
}

func (s *soak) build(ctx context.Context) error {
	body := strings.NewReader(fmt.Sprintf(`{"pipeline_id": %q}`, s.pipeline.ID))
	var b buildView
	if err := s.request(ctx, "POST", "/v1/projects/"+s.project+"/builds", body, &b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = b.ID
	return nil
}

// look asks for pages and lists, as browsers and scripts do.
func (s *soak) look(ctx context.Context) error {
	for _, path := range []string{"/v1/builds?limit=50", "/v1/deliveries?limit=50", "/v1/queue", "/v1/projects", "/metrics", "/readyz", "/"} {
		if err := s.request(ctx, "GET", path, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// read follows the log of the newest build to its end.
func (s *soak) read(ctx context.Context) error {
	s.mu.Lock()
	id := s.newest
	s.mu.Unlock()
	if id == "" {
		return nil
	}
	return s.request(ctx, "GET", "/v1/builds/"+id+"/logs/stream", nil, nil)
}

func (s *soak) request(ctx context.Context, method, path string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	if out == nil {
		return s.drained(resp)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s is answered %d", method, path, resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (s *soak) drained(resp *http.Response) error {
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is answered %d", resp.Request.URL, resp.StatusCode)
	}
	_, err := io.Copy(io.Discard, resp.Body)
	return err
}

// watch reads the metrics until ctx ends.
func (s *soak) watch(ctx context.Context) {
	s.t.Helper()
	began := time.Now()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(soakSample):
		}
		values, err := s.metrics()
		if err != nil {
			s.t.Error(err)
			return
		}
		for name := range soakFigures() {
			s.samples[name] = append(s.samples[name], values[name])
		}
		if n%15 == 0 {
			fmt.Printf("%6s  %4.0f MB resident  %4.0f MB heap  %4.0f goroutines  %4.0f descriptors  %4.0f MB WAL  %d webhooks\n", time.Since(began).Round(time.Second),
				values["process_resident_memory_bytes"]/(1<<20), values["go_memstats_heap_inuse_bytes"]/(1<<20), values["go_goroutines"],
				values["process_open_fds"], values["oore_sqlite_wal_bytes"]/(1<<20), s.pushed)
		}
	}
}

func (s *soak) metrics() (map[string]float64, error) {
	resp, err := s.client.Get(s.url + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			values[name] = n
		}
	}
	return values, nil
}

// judge fits a line through what came after the warm-up.
func (s *soak) judge() {
	s.t.Helper()
	for name, least := range soakFigures() {
		all := s.samples[name]
		level := all[len(all)/3:]
		if len(level) < 10 {
			s.t.Fatalf("%d samples of %s tell nothing: let it run longer", len(level), name)
		}
		slope, mean := trend(level)
		growth := slope * float64(len(level))
		s.t.Logf("%-32s mean %.4g, grew by %.3g (%.1f %%) in %s", name, mean, growth, 100*growth/math.Max(mean, 1), time.Duration(len(level))*soakSample)
		if growth > math.Max(least, soakGrowth*mean) {
			s.t.Errorf("%s grows: by %.3g from a mean of %.4g; samples %.4g", name, growth, mean, all)
		}
	}
}

// trend is the line of least squares: its slope for a sample, and the mean.
func trend(y []float64) (slope, mean float64) {
	middle := float64(len(y)-1) / 2
	for _, v := range y {
		mean += v / float64(len(y))
	}
	var above, below float64
	for i, v := range y {
		x := float64(i) - middle
		above += x * (v - mean)
		below += x * x
	}
	return above / below, mean
}
