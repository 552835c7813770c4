package main

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// floods prints more than a connection holds, and goes on until it is canceled.
const floods = `version: 1
platforms: []
secrets: [TOKEN]
commands:
  build:
    - head -c 3000000 /dev/zero >big; sleep 0.5; echo "$TOKEN and $TOKEN"
    - head -c 20000000 /dev/zero | tr '\0' 'x' | fold -w 1000; sleep 300
`

// reader is somebody who asks for a stream and takes nothing of it.
func (p *program) reader(path, header string) (leave func()) {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", path, header); err != nil {
		p.t.Fatal(err)
	}
	return func() { conn.Close() }
}

func TestMetricsShowARunningBuildAndItsReaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, storetest.SQLite(t), map[string]string{".oore.yaml": floods})
	project := s.githubProject("acme/shop", nil)
	s.program.pipeline(project.ID, "Android", nil)
	s.must("PUT", "/v1/projects/"+project.ID+"/secrets/TOKEN", body{"value": canary}, nil)
	f := s.scrape()
	for _, name := range []string{core.MetricWorkspaces, core.MetricMasked, core.MetricStreams, core.MetricStreamLag, core.MetricBusy} {
		if f[name] == nil || f.sum(name) != 0 {
			t.Errorf("before anything happens %s is %v", name, f[name])
		}
	}
	if n := len(f[core.MetricStreamsDropped].GetMetric()); n != 3 {
		t.Errorf("before anything happens there are %d reasons to drop streams", n)
	}
	until := func(name string, least float64, labels ...string) {
		t.Helper()
		eventually(t, fmt.Sprint(name, labels, " is at least ", least), func() bool { return s.scrape().sum(name, labels...) >= least })
	}

	id := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID
	until(core.MetricWorkspaces, 3_000_000)
	stream := "/v1/builds/" + id + "/logs/stream"
	leave := s.reader(stream, "Authorization: Bearer "+adminToken)
	until(core.MetricStreamLag, 1000)

	session := "Cookie: oore_session=" + s.signIn(regexp.MustCompile(`http://\S+/sign-in/\S+`).FindString(s.output.String()))
	for range 20 {
		defer s.reader("/stream", session)()
	}
	until(core.MetricStreams, 21) // those of the pages too
	if resp, _ := s.ask("GET", s.url+"/stream", session); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a stream too many was answered %d", resp.StatusCode)
	}
	until(core.MetricStreamsDropped, 1, "limit")
	var token struct{ ID, Token string }
	s.must("POST", "/v1/api-tokens", body{"name": "short", "role": "developer"}, &token)
	ended := s.follow(stream, "Authorization: Bearer "+token.Token)
	if status := s.call("DELETE", "/v1/api-tokens/"+token.ID, nil, nil); status != http.StatusNoContent {
		t.Fatalf("the token's end was answered %d", status)
	}
	<-ended
	until(core.MetricStreamsDropped, 1, "revoked")

	s.must("POST", "/v1/builds/"+id+"/cancel", nil, nil)
	s.ended(id)
	leave()
	until(core.MetricMasked, 2)
	eventually(t, "nothing runs and the pages alone read", func() bool {
		f := s.scrape()
		return f.sum(core.MetricWorkspaces) == 0 && f.sum(core.MetricStreams) == 20 && f.sum(core.MetricStreamLag) == 0
	})
}
