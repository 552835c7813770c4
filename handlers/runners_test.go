package handlers

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
	"github.com/oore-ci/oore/runner"
)

const runnerToken = "Authorization: Bearer session" // what the stand-in has as Secret

func runnerServer(t *testing.T) (*testServer, *runner.Remote) {
	t.Helper()
	s := serve(t, nil)
	s.fake.Runner = app.RunnerDetail{Runner: core.Runner{ID: someID, Name: "mini", Labels: []string{"fast"}, Platform: "linux/x64", Enabled: true}}
	remote, err := runner.NewRemote(runner.RemoteOptions{Server: s.url + "/", Token: "session", Version: "1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	self, err := remote.Identify(t.Context())
	if err != nil || self.ID != someID || self.Name != "mini" || !slices.Equal(self.Labels, []string{"fast", "linux", "x64"}) {
		t.Fatalf("it is %+v, %v", self, err)
	}
	return s, remote
}

// Both ends of the way between a runner and its server.
func TestARunnersCallsArriveAsTheyWereMade(t *testing.T) {
	s, remote := runnerServer(t)
	lease := core.Lease{BuildID: otherID, RunnerID: someID, Token: "lease"}
	code := 3
	now := time.Unix(1_763_800_000, 1000).UTC()
	s.fake.Job = &core.Job{
		Lease: lease, Build: core.Build{ID: otherID, SHA: "cafe", QueuedAt: now, Timeout: time.Minute, Labels: []string{"fast"}},
		Pipeline:   core.Pipeline{Execution: core.ExecutionConfig{Commands: core.Commands{Build: []core.Command{{Run: "make"}, {Name: "Test", Run: "make <test>"}}}}},
		Repository: core.Repository{CloneURL: "https://git.example.com/shop.git"}, NextLog: 4, LogLimit: 5, LeaseTTL: time.Hour,
	}
	job, err := remote.Claim(t.Context(), core.Runner{}, time.Second)
	if err != nil || !reflect.DeepEqual(job, s.fake.Job) {
		t.Errorf("claimed %+v, %v", job, err)
	}
	beat := core.RunnerBeat{RunnerID: someID, Session: "s", First: true, Platform: "linux/x64", Version: "1", Slots: 2, Draining: true}
	chunk := core.EncodeLog(otherID, []core.LogRecord{{Sequence: 4, Content: []byte("a\xff\x00"), Stream: core.StreamStderr, Step: "build", Time: now, Partial: true}})
	step := core.Step{BuildID: otherID, Index: 1, Name: "build", Command: "make", Status: core.StepFailed, ExitCode: &code, StartedAt: now}
	result := core.Result{
		Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "exit 3", ExitCode: &code, Problems: []core.Annotation{{Path: "a", Message: "m", Level: core.LevelError}},
		Log: &core.LogTally{From: 4, Next: 5, Bytes: int64(len(chunk.Data)), CRC32C: 1<<32 - 1},
	}
	s.fake.Renewal.Canceled = true
	record := core.Record{
		Ran:   &core.Ran{Source: ".oore.yaml", Env: []string{"A"}, Secrets: 1, Cache: []core.RanCache{{Key: "k", Paths: []string{"p"}}}, Timeout: time.Hour},
		Tests: []core.TestCase{{Suite: "s", Name: "t", Status: core.TestFailed, Duration: time.Second}},
	}
	artifact := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK, Size: core.ArtifactPart + 1, SHA256: strings.Repeat("ab", 32), Metadata: map[string]string{"a": "b"}}
	for _, call := range []struct {
		do   func() error
		want apitest.Call
	}{
		{func() error { return remote.Heartbeat(t.Context(), beat) }, apitest.Call{Command: "Heartbeat", ID: someID, In: beat}},
		{func() error {
			r, err := remote.Renew(t.Context(), lease, 20*time.Second)
			if !r.Canceled {
				t.Error("it is not canceled")
			}
			return err
		}, apitest.Call{Command: "Renew", ID: otherID, In: lease}},
		{func() error {
			from, err := remote.Checkout(t.Context(), lease)
			if want := (core.Checkout{URL: "https://git.example.com/shop.git", Username: "x", Password: "p"}); from != want {
				t.Errorf("checkout %+v", from)
			}
			return err
		}, apitest.Call{Command: "Checkout", ID: otherID, In: lease}},
		{func() error {
			values, err := remote.Secrets(t.Context(), lease, []string{"KEY"})
			if len(values) != 1 || values[0] != (core.SecretValue{Name: "KEY", Value: "value of KEY", File: true, Branch: "main"}) {
				t.Errorf("%d secrets", len(values))
			}
			return err
		}, apitest.Call{Command: "Secrets", ID: otherID, In: []string{"KEY"}}},
		{func() error { return remote.Start(t.Context(), lease, strings.Repeat("ab", 20)) }, apitest.Call{Command: "Start", ID: otherID, In: strings.Repeat("ab", 20)}},
		{func() error { return remote.AppendLog(t.Context(), lease, []core.LogChunk{chunk}) }, apitest.Call{Command: "AppendLog", ID: otherID, In: []core.LogChunk{chunk}}},
		{func() error { return remote.ReportStep(t.Context(), lease, step) }, apitest.Call{Command: "ReportStep", ID: otherID, In: step}},
		{func() error { return remote.Record(t.Context(), lease, record) }, apitest.Call{Command: "Record", ID: otherID, In: record}},
		{func() error {
			return remote.PutArtifact(t.Context(), lease, artifact, bytes.NewReader(make([]byte, core.ArtifactPart+1)))
		}, apitest.Call{Command: "JoinArtifact", ID: otherID, In: apitest.Joined{Artifact: artifact, Parts: []string{"sum-of-part", "sum-of-part"}}}},
		{func() error {
			return remote.PutArtifact(t.Context(), lease, core.Artifact{Name: "empty"}, strings.NewReader(""))
		}, apitest.Call{Command: "JoinArtifact", ID: otherID, In: apitest.Joined{Artifact: core.Artifact{Name: "empty"}, Parts: []string{}}}},
		{func() error { return remote.Finish(t.Context(), lease, result) }, apitest.Call{Command: "Finish", ID: otherID, In: result}},
	} {
		if err := call.do(); err != nil {
			t.Errorf("%s: %v", call.want.Command, err)
		}
		if got := s.fake.Last(); !reflect.DeepEqual(got, call.want) {
			t.Errorf("%s arrived as\n%+v, want\n%+v", call.want.Command, got, call.want)
		}
	}
	s.fake.Err = core.Codef(core.KindConflict, core.CodeLeaseLost, "The runner no longer holds it")
	if err := remote.Start(t.Context(), lease, ""); core.KindOf(err) != core.KindConflict || core.CodeOf(err) != core.CodeLeaseLost {
		t.Errorf("a lost lease: %v", err)
	}
}

func TestARunnersTokenOpensItsOwnRoutesOnly(t *testing.T) {
	s, _ := runnerServer(t)
	s.fake.Actors = map[string]core.Actor{"token": tokenActor} // the runner's token is nobody's session
	s.expect(s.ask("GET", "/v1/projects", "", runnerToken), 401, "invalid_session")
	s.expect(s.ask("GET", "/v1/runners", "", runnerToken), 401, "invalid_session")
	s.expect(s.ask("DELETE", "/v1/runners/"+someID, "", runnerToken), 401, "invalid_session")
	for _, path := range []string{"/claim", "/heartbeat", "/jobs/" + otherID + "/finish"} {
		s.expect(s.ask("POST", "/v1/runners/"+otherID+path, "{}", runnerToken), 404, "not_found")
		s.expect(s.ask("POST", "/v1/runners/"+someID+path, "{}", bearer), 401, "invalid_session")
		s.expect(s.ask("POST", "/v1/runners/"+someID+path, "{}"), 401, "missing_auth")
	}
	s.expect(s.ask("GET", "/v1/runners/self", "", "Cookie: "+cookie), 401, "missing_auth")
	job := "/v1/runners/" + someID + "/jobs/"
	s.expect(s.ask("POST", job+otherID+"/finish", `{"Status":"succeeded"}`, runnerToken), 400, "invalid_input") // no lease
	lease := "X-Oore-Lease: lease"
	s.expect(s.ask("POST", job+"1/finish", `{"Status":"succeeded"}`, runnerToken, lease), 404, "not_found")
	s.expect(s.ask("POST", job+otherID+"/finish", `{"Status":"queued"}`, runnerToken, lease), 400, "invalid_input")
	s.expect(s.ask("POST", job+otherID+"/start", `{"commit_sha":"--upload-pack=x"}`, runnerToken, lease), 400, "invalid_input")
	s.expect(s.ask("POST", job+otherID+"/logs", `{"chunks":[{"BuildID":"x","Count":1,"Data":"AA=="}]}`, runnerToken, lease), 400, "invalid_input")
	s.expect(s.ask("POST", "/v1/runners/"+someID+"/claim?wait=31", "", runnerToken), 400, "invalid_input")
}

func TestWhoAsksForWorkAndHangsUpGetsNone(t *testing.T) {
	s, remote := runnerServer(t)
	if job, err := remote.Claim(t.Context(), core.Runner{}, 0); job != nil || err != nil {
		t.Errorf("without work: %+v, %v", job, err)
	}
	ended := make(chan error, 1)
	s.fake.Waiting = func(ctx context.Context) {
		<-ctx.Done()
		ended <- ctx.Err()
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/runners/%s/claim?wait=30 HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 0\r\n\r\n", someID, runnerToken)
	for s.fake.Last().Command != "Claim" || s.fake.Last().In != 30*time.Second {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-ended:
		t.Fatal("it did not wait")
	case <-time.After(3 * 200 * time.Millisecond): // it has looked
	}
	conn.Close()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it waits for nobody")
	}
}

// A first beat that lay at a server which stood still would take the runner from the process
// that speaks for it by now.
func TestAFirstBeatOfWhoHasHungUpIsNotHeard(t *testing.T) {
	s, _ := runnerServer(t)
	came, goOn := make(chan struct{}, 2), make(chan struct{})
	s.fake.Standstill = func() {
		came <- struct{}{}
		<-goOn
	}
	for _, first := range []bool{true, false} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"Session":"s","First":%t,"Platform":"linux/x64","Version":"1","Slots":1}`, first)
		fmt.Fprintf(conn, "POST /v1/runners/%s/heartbeat HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", someID, runnerToken, len(body), body)
		<-came
		conn.Close()
		if first {
			time.Sleep(100 * time.Millisecond) // until it is seen
		}
		goOn <- struct{}{}
		if first {
			time.Sleep(100 * time.Millisecond) // it would be heard by now
		}
	}
	for s.fake.Last().Command != "Heartbeat" {
		time.Sleep(time.Millisecond)
	}
	for _, call := range s.fake.Calls() {
		if beat, ok := call.In.(core.RunnerBeat); ok && beat.First {
			t.Error("it was heard")
		}
	}
}

// A server that stopped answered 200 to a renewal that it had not stored, and to one that it
// had refused: the runner went on with a build that another could have.
func TestAServerThatStopsConfirmsNoLeaseThatItDidNotStore(t *testing.T) {
	for _, test := range []struct {
		name   string
		end    func(ctx context.Context) error
		status int
		code   string
	}{
		{"broken off", func(ctx context.Context) error { return fmt.Errorf("renew the lease: %w", ctx.Err()) }, 503, "unavailable"},
		{"refused", func(context.Context) error {
			return core.Codef(core.KindConflict, core.CodeLeaseLost, "Another has it")
		}, 409, "lease_lost"},
		{"stored", func(context.Context) error { return nil }, 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := runnerServer(t)
			s.fake.Waiting = func(ctx context.Context) {
				s.stop()
				<-ctx.Done()
				s.fake.Fail(test.end(ctx))
			}
			got := s.ask("POST", "/v1/runners/"+someID+"/jobs/"+otherID+"/renew?wait=30", "", runnerToken, "X-Oore-Lease: lease")
			if test.code != "" {
				s.expect(got, test.status, test.code)
			} else if got.status != test.status {
				t.Errorf("answered %d: %s", got.status, got.body)
			}
		})
	}
}

// TestAJoinThatGoesOnIsSaidToWhoKnowsTheWord: an older runner takes every 2xx for the end.
func TestAJoinThatGoesOnIsSaidToWhoKnowsTheWord(t *testing.T) {
	s, _ := runnerServer(t)
	s.fake.Err = core.Codef(core.KindUnavailable, core.CodeArtifactJoining, "It goes on")
	join := func(headers ...string) answer {
		return s.ask("POST", "/v1/runners/"+someID+"/jobs/"+otherID+"/artifacts", `{"artifact":{"Name":"app.apk"},"parts":[]}`, append(headers, runnerToken, "X-Oore-Lease: lease", "Content-Type: application/json")...)
	}
	s.expect(join(), 503, core.CodeArtifactJoining)
	for _, prefer := range []string{"respond-async", "respond-async, wait=1", "wait=5,respond-async"} {
		if got := join("Prefer: " + prefer); got.status != 202 || got.header.Get("Retry-After") != "1" || got.body != "" {
			t.Errorf("%s is answered %+v", prefer, got)
		}
	}
	s.fake.Err = nil
	if got := join("Prefer: respond-async"); got.status != 204 {
		t.Errorf("a file that is there: %+v", got)
	}
}

// After a step back of the servers, runners that had been upgraded were turned away for a
// field more.
func TestWhatANewerRunnerSaysIsLeftAlone(t *testing.T) {
	s, _ := runnerServer(t)
	beat := `{"Session":"s","Platform":"linux/x64","Slots":1,"Mood":"good"}`
	headers := func(more ...string) []string { return append([]string{runnerToken}, more...) }
	path := "/v1/runners/" + someID + "/heartbeat"
	job := "/v1/runners/" + someID + "/jobs/" + otherID
	for _, c := range []struct {
		path, body string
		headers    []string
		status     int
		says       string
	}{
		{path, beat, headers(), 204, ""},
		{path, beat, headers("X-Oore-Protocol: 2"), 204, ""},
		{path, beat, headers("X-Oore-Protocol: 3"), 409, "update the server"},
		{path, beat, headers("X-Oore-Protocol: -1"), 400, "X-Oore-Protocol"},
		{job + "/start", `{"commit_sha":"","Mood":"good"}`, headers("X-Oore-Lease: lease"), 204, ""},
		{job + "/finish", `{"Status":"succeeded","Mood":"good"}`, headers("X-Oore-Lease: lease"), 204, ""},
		{job + "/finish", `{"Status":7}`, headers("X-Oore-Lease: lease"), 400, "must be a string"},
	} {
		got := s.ask("POST", c.path, c.body, c.headers...)
		if got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s %s with %v is answered %d %s, want %d %q", c.path, c.body, c.headers, got.status, got.body, c.status, c.says)
		}
	}
}
