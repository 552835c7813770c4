package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/oidc/oidctest"
)

// proofVariable makes the test binary a server that believes an OpenID provider so long.
const proofVariable = "OORE_TEST_PROOF"

// Who an OpenID provider had let in once stayed for a week, whatever it said of them since.
func TestAnOpenIDProviderIsAskedAgainWhileASessionLives(t *testing.T) {
	t.Parallel()
	p, idp := newOIDC(t, "", proofVariable+"=2s")
	p.stop()
	p.path = os.Args[0]
	p.start()
	p.invited("ada@example.com", "developer")
	begin := func() *person {
		t.Helper()
		b := p.person()
		if got := b.through("oidc"); got.status != http.StatusSeeOther {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return b
	}
	open := func(b *person, path string) page { return b.send("GET", p.url+path, nil, "Sec-Fetch-Mode", "navigate") }
	// away waits until the session is believed no more, and goes where the browser is sent.
	away := func(b *person) (login page) {
		t.Helper()
		eventually(t, "the session is stale", func() bool { return b.get("/builds?status=failed").status == http.StatusSeeOther })
		to := b.get("/builds?status=failed").to
		if got := b.send("GET", p.url+to, nil, "Sec-Fetch-Mode", "cors"); got.status != http.StatusOK {
			t.Errorf("a script of a page is sent to the provider: %d", got.status)
		}
		login = open(b, to)
		if status, _ := p.by(b.session(), "GET", "/v1/users/me", nil); status != http.StatusUnauthorized {
			t.Errorf("the API takes a stale session: %d", status)
		}
		return login
	}

	b := begin()
	first := b.session()
	login := away(b)
	there, err := url.Parse(login.to)
	if err != nil || login.status != http.StatusSeeOther || there.Query().Get("prompt") != "none" || there.Path != "/authorize" {
		t.Fatalf("%d to %s", login.status, login.to)
	}
	other := open(b, "/login?next=%2Fbuilds%3Fstatus%3Dfailed") // another tab, which a browser opens at the same time
	if got := b.send("GET", b.away(login.to), nil); got.status != http.StatusBadRequest {
		t.Errorf("the tab that left first: %d", got.status)
	}
	if got := b.send("GET", b.away(other.to), nil); got.status != http.StatusSeeOther || got.to != "/builds?status=failed" || b.session() == first || b.session() == "" {
		t.Errorf("whom the provider knows still: %d to %s", got.status, got.to)
	}

	idp.Lie(oidctest.Lies{NotQuiet: "temporarily_unavailable"})
	login = away(b)
	if got := b.post("/settings/retention", nil); got.status != http.StatusSeeOther || !strings.Contains(open(b, got.to).body, "What you sent was not done") {
		t.Errorf("a form that is lost: %d to %s", got.status, got.to)
	}
	if got := b.send("GET", b.away(login.to), nil); got.status != http.StatusBadRequest || b.session() == "" || open(b, "/login").status != http.StatusSeeOther {
		t.Errorf("a provider that is down: %d", got.status)
	}
	idp.Lie(oidctest.Lies{NotQuiet: "login_required"})
	login = away(b)
	got := b.send("GET", b.away(login.to), nil)
	if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "wants you to sign in there again") || !strings.Contains(got.body, `value="/builds?status=failed"`) {
		t.Errorf("whom the provider knows no more: %d %s", got.status, got.body)
	}
	if got := open(b, "/login"); got.status != http.StatusOK {
		t.Errorf("they go round in circles: %d to %s", got.status, got.to)
	}

	// A session that was ended is not begun again unasked.
	idp.Lie(oidctest.Lies{})
	b = begin()
	away(b)
	b.post("/logout", nil)
	if got := open(b, "/login"); got.status != http.StatusOK {
		t.Errorf("who has signed out is signed in: %d to %s", got.status, got.to)
	}
	me := struct {
		Sessions []struct{ ID string }
	}{}
	eventually(t, "the sessions are listed before this one is stale", func() bool {
		b = begin()
		status, answer := p.by(b.session(), "GET", "/v1/sessions", nil)
		return status == http.StatusOK && json.Unmarshal(answer, &me) == nil
	})
	for _, s := range me.Sessions {
		if status := p.call("DELETE", "/v1/sessions/"+s.ID, nil, nil); status != http.StatusNoContent {
			t.Errorf("end a session: %d", status)
		}
	}
	time.Sleep(2 * time.Second) // it would be stale now
	if got := open(b, "/login"); got.status != http.StatusOK {
		t.Errorf("whose session an admin ended is signed in: %d to %s", got.status, got.to)
	}
}
