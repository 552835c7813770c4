package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const goodPassword = "correct horse battery"

func TestPasswordsFromTheWelcomeToTheNextSignIn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil, "OORE_RUNNERS=0").start()
		id, link := p.invited("ada@example.com", "developer")
		ada, elsewhere := p.person(), p.person()
		if got := ada.send("GET", link, nil); got.to != "/settings/me?done=welcome" {
			t.Fatalf("the link: %d to %s", got.status, got.to)
		}
		for _, test := range []struct{ password, says string }{
			{"short", "Must have 12 characters or more"}, {"ADA@example.com", "Must not be your e-mail address"}, {strings.Repeat("x", 1025), "Must not be longer than 1024 bytes"},
		} {
			if got := ada.post("/settings/me/password", url.Values{"new_password": {test.password}}); got.status != http.StatusBadRequest || !strings.Contains(got.body, test.says) {
				t.Errorf("%.20s: %d", test.password, got.status)
			}
		}
		if got := ada.post("/settings/me/password", url.Values{"new_password": {goodPassword}}); got.to != "/settings/me?done=password" || ada.who() != "ada developer" {
			t.Fatalf("%d to %s as %q", got.status, got.to, ada.who())
		}
		// The door is open with it, by page and by API, and a session that was there is replaced.
		if got := elsewhere.post("/sign-in/password", url.Values{"email": {"ADA@example.com"}, "password": {goodPassword}, "next": {"/queue"}}); got.to != "/queue" || elsewhere.who() != "ada developer" {
			t.Fatalf("by page: %d to %s %s", got.status, got.to, got.body)
		}
		fixed := elsewhere.session()
		elsewhere.post("/sign-in/password", url.Values{"email": {"ada@example.com"}, "password": {goodPassword}})
		if status, _ := p.by(fixed, "GET", "/v1/users/me", nil); elsewhere.session() == fixed || status != http.StatusUnauthorized {
			t.Errorf("the old session after a new sign-in: %d", status)
		}
		var made struct {
			Token string `json:"session_token"`
			User  idView
		}
		p.must("POST", "/v1/auth/local/login", body{"email": "ada@example.com", "password": goodPassword}, &made)
		if made.User.ID != id {
			t.Errorf("%+v", made)
		}
		if me := ada.get("/settings/me"); !strings.Contains(me.body, "Change your password") || strings.Contains(me.body, "Last used: never") {
			t.Error("nobody says when the password was used last")
		}

		// A new password ends all that is open, links too, but for the browser that sets it.
		var again struct {
			URL string `json:"sign_in_url"`
		}
		p.must("POST", "/v1/users/"+id+"/sign-in-link", nil, &again)
		before := ada.session()
		var renewed struct {
			Token string `json:"session_token"`
		}
		p.mustBy(made.Token, "PUT", "/v1/users/me/password", body{"current_password": goodPassword, "new_password": goodPassword + " staple"}, &renewed)
		for name, session := range map[string]string{"the first browser": before, "another": elsewhere.session(), "the one that asks": made.Token} {
			if status, _ := p.by(session, "GET", "/v1/users/me", nil); status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, status)
			}
		}
		if status, _ := p.by(renewed.Token, "GET", "/v1/users/me", nil); status != http.StatusOK {
			t.Errorf("the new session: %d", status)
		}
		if got := ada.send("GET", again.URL, nil); got.status != http.StatusUnauthorized {
			t.Errorf("a link from before: %d", got.status)
		}
		if status, answer, _ := postJSON(t, p.url+"/v1/auth/local/login", body{"email": "ada@example.com", "password": goodPassword}); status != http.StatusUnauthorized {
			t.Errorf("the old password: %d %s", status, answer)
		}
		if got := p.actions("target_kind=user&target_id=" + id); !slices.Equal(got, []string{"user.password", "user.sign_in_link", "user.password", "user.invite"}) {
			t.Errorf("the audit log tells %v", got)
		}
		// A token is no person.
		var token struct{ Token string }
		p.mustBy(renewed.Token, "POST", "/v1/api-tokens", body{"name": "laptop"}, &token)
		if status, _ := p.by(token.Token, "PUT", "/v1/users/me/password", body{"new_password": goodPassword}); status != http.StatusForbidden {
			t.Errorf("a token sets a password: %d", status)
		}
	})
}

// Nobody learns who has an account here, nor gets many tries.
func TestWrongPasswordsAreAnsweredAlike(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	for _, name := range []string{"ada", "off", "none"} {
		id, link := p.invited(name+"@example.com", "viewer")
		b := p.person()
		b.send("GET", link, nil)
		if name != "none" {
			b.post("/settings/me/password", url.Values{"new_password": {goodPassword}})
		}
		if name == "off" && p.call("DELETE", "/v1/users/"+id, nil, nil) != http.StatusNoContent {
			t.Fatal("not disabled")
		}
	}
	answers := map[string]bool{}
	try := func(email, password string) (status int, header http.Header) {
		status, answer, header := postJSON(t, p.url+"/v1/auth/local/login", body{"email": email, "password": password})
		answers[string(answer)] = true
		return status, header
	}
	for _, c := range []struct{ email, password string }{
		{"ada@example.com", "wrong horse battery"},
		{"off@example.com", goodPassword},
		{"none@example.com", goodPassword},
		{"nobody@example.com", goodPassword},
		{"none@example.com", ""},
		{"", ""},
		{"ada@example.com", strings.Repeat("x", 5000)},
	} {
		if status, _ := try(c.email, c.password); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", c.email, status)
		}
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
	// Five wrong tries of an account, known or not, and it rests.
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		limited := 0
		for range 7 {
			status, header := try(email, "wrong horse battery")
			if status == http.StatusTooManyRequests && header.Get("Retry-After") != "" {
				limited++
			}
		}
		if limited < 2 || limited > 4 {
			t.Errorf("%s: %d of 7 were refused unseen", email, limited)
		}
	}
	if status, _ := try("ada@example.com", goodPassword); status != http.StatusTooManyRequests {
		t.Errorf("the right one meanwhile: %d", status)
	}
	b := p.person()
	if got := b.post("/sign-in/password", url.Values{"email": {"ada@example.com"}, "password": {goodPassword}}); got.status != http.StatusTooManyRequests || !strings.Contains(got.body, "Too many tries") || !strings.Contains(got.body, `value="ada@example.com"`) {
		t.Errorf("the page: %d", got.status)
	}
	for range 40 {
		try("somebody-else@example.com", "wrong horse battery")
	}
	if status, _ := try("one-more@example.com", goodPassword); status != http.StatusTooManyRequests {
		t.Errorf("an address that tries on and on: %d", status)
	}
}
