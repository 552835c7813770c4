package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/storetest"
)

// by asks with a bearer secret.
func (p *program) by(secret, method, path string, in any) (status int, answer []byte) {
	p.t.Helper()
	data := []byte{}
	if in != nil {
		var err error
		if data, err = json.Marshal(in); err != nil {
			p.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// mustBy is by for what has to work.
func (p *program) mustBy(secret, method, path string, in, out any) {
	p.t.Helper()
	status, answer := p.by(secret, method, path, in)
	if status >= 300 {
		p.t.Fatalf("%s %s answered %d: %s", method, path, status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			p.t.Fatal(err)
		}
	}
}

// signIn opens a link as a browser does, and returns the session.
func (p *program) signIn(link string) (session string) {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(link)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.Name == "oore_session" {
			session = c.Value
		}
	}
	if resp.StatusCode != http.StatusSeeOther || session == "" {
		p.t.Fatalf("the link was answered %d with the cookies %v", resp.StatusCode, resp.Cookies())
	}
	return session
}

// follow opens a build's stream and returns a channel that closes when the server ends it.
func (p *program) follow(path string, headers ...string) <-chan struct{} {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("the stream was answered %d", resp.StatusCode)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() {
		p.t.Fatal("the stream is empty")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer resp.Body.Close()
		for lines.Scan() {
		}
	}()
	return ended
}

func living(t *testing.T, streams map[string]<-chan struct{}) {
	t.Helper()
	for what, ended := range streams {
		select {
		case <-ended:
			t.Errorf("%s ended before anything happened", what)
		default:
		}
	}
}

// soon is less than the minute after which a stream looks by itself what its reader may see.
const soon = 45 * time.Second

func endSoon(t *testing.T, streams map[string]<-chan struct{}) {
	t.Helper()
	began, late := time.Now(), time.After(soon)
	for what, ended := range streams {
		select {
		case <-ended:
			t.Logf("%s ended within %s", what, time.Since(began)) // 5 s are promised, which a busy machine may miss
		case <-late:
			t.Errorf("%s did not end within %s", what, soon)
			late = time.After(0)
		}
	}
}

// TestFromAnInvitationToTheDoor goes the way of a person: invited, signed in, promoted,
// disabled; with all that they had then.
func TestFromAnInvitationToTheDoor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil, "OORE_RUNNERS=1").start()
		_, project, pipeline := p.shopWith(t, "echo begun; sleep 600")
		var user struct {
			ID      string
			URL     string `json:"sign_in_url"`
			Invited bool
			Role    string
		}
		p.must("POST", "/v1/users/invite", map[string]any{"email": "ada@example.com", "role": "viewer"}, &user)
		if !user.Invited || !strings.HasPrefix(user.URL, p.url+"/sign-in/") {
			t.Fatalf("%+v", user)
		}
		session := p.signIn(user.URL)
		if resp, _ := p.ask("GET", user.URL); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("the link a second time: %d", resp.StatusCode)
		}
		if status, _ := p.by(session, "PATCH", "/v1/pipelines/"+pipeline.ID, map[string]any{"name": "x"}); status != http.StatusForbidden {
			t.Errorf("a viewer changes a pipeline: %d", status)
		}
		p.must("PATCH", "/v1/users/"+user.ID+"/role", map[string]any{"role": "developer"}, nil)
		p.mustBy(session, "PATCH", "/v1/pipelines/"+pipeline.ID, map[string]any{"name": "Droid"}, nil)

		var token, narrow struct{ ID, Token, Prefix string }
		p.mustBy(session, "POST", "/v1/api-tokens", map[string]any{"name": "laptop", "expires_in": 3600}, &token)
		p.mustBy(token.Token, "POST", "/v1/api-tokens", map[string]any{"name": "narrow", "role": "viewer", "project_id": project.ID}, &narrow)
		if token.Prefix == "" || !strings.HasPrefix(token.Token, "oore_"+token.Prefix) {
			t.Errorf("%+v", token)
		}
		var b buildView
		p.mustBy(narrow.Token, "POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
		stream := "/v1/builds/" + b.ID + "/logs/stream"
		var ticket struct{ Token string }
		p.mustBy(session, "POST", "/v1/builds/"+b.ID+"/stream-token", nil, &ticket)
		p.must("POST", "/v1/users/"+user.ID+"/sign-in-link", nil, &user)

		operator := p.follow(stream, "Authorization: Bearer "+adminToken)
		streams := map[string]<-chan struct{}{
			"by session": p.follow(stream, "Authorization: Bearer "+session),
			"by cookie":  p.follow(stream, "Cookie: oore_session="+session),
			"by token":   p.follow(stream, "Authorization: Bearer "+token.Token),
			"by narrow":  p.follow(stream, "Authorization: Bearer "+narrow.Token),
			"by ticket":  p.follow(stream + "?token=" + ticket.Token),
		}
		eventually(t, "the build runs", func() bool { return p.build(b.ID).Status == "running" })
		living(t, streams)
		if status := p.call("DELETE", "/v1/users/"+user.ID, nil, nil); status != http.StatusNoContent {
			t.Fatalf("disabling: %d", status)
		}
		endSoon(t, streams)
		living(t, map[string]<-chan struct{}{"the operator's": operator})
		for what, secret := range map[string]string{"session": session, "token": token.Token, "narrow token": narrow.Token} {
			if status, answer := p.by(secret, "GET", "/v1/users/me", nil); status != http.StatusUnauthorized || !strings.Contains(string(answer), "invalid_session") {
				t.Errorf("%s: %d %s", what, status, answer)
			}
		}
		if resp, _ := p.ask("GET", p.url+stream+"?token="+ticket.Token); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("stream token: %d", resp.StatusCode)
		}
		if resp, _ := p.ask("GET", user.URL); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("sign-in link: %d", resp.StatusCode)
		}
		if resp, _ := p.ask("GET", p.url+"/", "Cookie: oore_session="+session); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
			t.Errorf("pages by cookie: %d to %s", resp.StatusCode, resp.Header.Get("Location"))
		}
		p.must("POST", "/v1/builds/"+b.ID+"/cancel", nil, nil)
		if got := p.audit("target_kind=user&target_id=" + user.ID); len(got.Logs) != 4 || got.Logs[0].Action != "user.disable" || got.Logs[3].Action != "user.invite" {
			t.Errorf("the audit log tells %+v", got)
		}
	})
}

// Two servers on one database: what one revokes, the other's streams hear of.
func TestStreamsOfAnotherServerEndToo(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	common := shared(t)
	one := newProgram(t, database, nil, append(common, "OORE_RUNNERS=1")...).start()
	two := newProgram(t, database, nil, append(common, "OORE_RUNNERS=0")...).start()
	_, project, pipeline := one.shopWith(t, "echo begun; sleep 600")
	var b buildView
	one.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
	stream := "/v1/builds/" + b.ID + "/logs/stream"
	person := func(name string) (id, session string) {
		var u struct {
			ID  string
			URL string `json:"sign_in_url"`
		}
		one.must("POST", "/v1/users/invite", map[string]any{"email": name + "@example.com", "role": "viewer"}, &u)
		return u.ID, one.signIn(u.URL)
	}
	disabled, disabledSession := person("disabled")
	_, endedSession := person("ended")
	_, hiddenSession := person("hidden")
	member, memberSession := person("member")
	one.must("PUT", "/v1/projects/"+project.ID+"/members/"+member, map[string]any{"role": "viewer"}, nil)
	var token struct{ ID, Token string }
	one.mustBy(hiddenSession, "POST", "/v1/api-tokens", map[string]any{"name": "revoked"}, &token)

	follow := func(secret string) <-chan struct{} { return two.follow(stream, "Authorization: Bearer "+secret) }
	streams := map[string]<-chan struct{}{"a disabled user's": follow(disabledSession), "an ended session's": follow(endedSession), "a revoked token's": follow(token.Token)}
	stranger, staying := follow(hiddenSession), follow(memberSession)
	time.Sleep(6 * time.Second) // past the look that every stream takes at its beginning
	living(t, streams)
	one.must("POST", "/v1/users/"+disabled+"/enable", nil, nil) // which changes nothing
	if status := one.call("DELETE", "/v1/users/"+disabled, nil, nil); status != http.StatusNoContent {
		t.Fatal(status)
	}
	one.mustBy(endedSession, "POST", "/v1/auth/logout", nil, nil)
	if status := one.call("DELETE", "/v1/api-tokens/"+token.ID, nil, nil); status != http.StatusNoContent {
		t.Fatal(status)
	}
	endSoon(t, streams)

	one.must("PATCH", "/v1/projects/"+project.ID, map[string]any{"visibility": "members"}, nil)
	endSoon(t, map[string]<-chan struct{}{"who sees the project no more": stranger})
	living(t, map[string]<-chan struct{}{"a member's": staying})
	if status := one.call("DELETE", "/v1/projects/"+project.ID+"/members/"+member, nil, nil); status != http.StatusNoContent {
		t.Fatal(status)
	}
	endSoon(t, map[string]<-chan struct{}{"a member's": staying})
	one.must("POST", "/v1/builds/"+b.ID+"/cancel", nil, nil)
}
