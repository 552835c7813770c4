package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// checkLog: sequences from 0 on without gap or repeat, and of a build that ended by
// itself all that it printed.
func (s *storm) checkLog(b chaosBuild) {
	s.t.Helper()
	next, lines, built := 0, 0, 0
	for {
		var page struct {
			Logs []struct {
				Sequence        int
				Content, Stream string
			}
			Total int
		}
		s.patiently(fmt.Sprintf("/v1/builds/%s/logs?limit=90&after_sequence=%d", b.ID, next-1), &page)
		for _, r := range page.Logs {
			if r.Sequence != next {
				s.t.Errorf("build #%d: sequence %d, want %d", b.Number, r.Sequence, next)
				return
			}
			next++
			switch {
			case r.Stream != "stdout":
			case r.Content == fmt.Sprint(lines+1):
				lines++
			case r.Content == "built "+b.SHA:
				built++
			default:
				s.t.Errorf("build #%d: printed %q after %d lines", b.Number, r.Content, lines)
			}
		}
		if len(page.Logs) == 0 || next == page.Total {
			if next != page.Total {
				s.t.Errorf("build #%d: %d records, %d are said to be there", b.Number, next, page.Total)
			}
			break
		}
	}
	if b.StatusReason == "runner_lost" {
		return
	}
	want := 1
	if b.Status != "succeeded" {
		want = 0
	}
	if lines != chaosLines || built != want {
		s.t.Errorf("build #%d is %s and printed %d of %d lines, and %d times that it built", b.Number, b.Status, lines, chaosLines, built)
	}
}

// checkArtifacts: what succeeded has its file, with its own commit in it.
func (s *storm) checkArtifacts(builds []chaosBuild) {
	s.t.Helper()
	for _, b := range builds {
		var list artifactsView
		s.patiently("/v1/builds/"+b.ID+"/artifacts", &list)
		if b.Status != "succeeded" && len(list.Artifacts) == 0 || b.StatusReason == "runner_lost" && len(list.Artifacts) == 1 {
			continue
		}
		if len(list.Artifacts) != 1 || b.Status != "succeeded" {
			s.t.Errorf("build #%d is %s and has these artifacts: %+v", b.Number, b.Status, list.Artifacts)
			continue
		}
		var data []byte
		status := notTooOften(func() int {
			var r *http.Response
			r, data = s.ask("GET", s.url+"/v1/artifacts/"+list.Artifacts[0].ID+"/download", "Authorization: Bearer "+adminToken)
			return r.StatusCode
		})
		if status != http.StatusOK || string(data) != b.SHA+"\n" {
			s.t.Errorf("the artifact of build #%d is %q, want %s", b.Number, data, b.SHA)
		}
	}
}

// patiently reads what there may be thousands of after hundreds of kills.
func (s *storm) patiently(path string, out any) {
	s.t.Helper()
	var raw json.RawMessage
	if status := notTooOften(func() int { return s.call("GET", path, nil, &raw) }); status >= 300 {
		s.t.Fatalf("GET %s answered %d: %s", path, status, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		s.t.Fatal(err)
	}
}

// notTooOften asks again, for ten seconds, when it is told that it asks too often.
func notTooOften(ask func() (status int)) (status int) {
	status = ask()
	for tries := 0; status == http.StatusTooManyRequests && tries < 50; tries++ {
		time.Sleep(200 * time.Millisecond)
		status = ask()
	}
	return status
}
