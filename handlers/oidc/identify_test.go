package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/oidc"
	"github.com/oore-ci/oore/handlers/oidc/oidctest"
)

// journey is a person's way to the provider and back. What the person comes back with is
// returned; its state is compared by the caller of the room, and so is not here.
func journey(t *testing.T, room *oidc.Room, in core.SignInRequest) (core.SignInAnswer, string) {
	t.Helper()
	page, err := room.SignInURL(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", resp.Status, err)
	}
	return core.SignInAnswer{Code: back.Query().Get("code"), Issuer: back.Query().Get("iss")}, back.Query().Get("state")
}

func request() core.SignInRequest {
	return core.SignInRequest{
		RedirectURL: "https://ci.example.com/sign-in/oidc", State: "a-state", Nonce: "a-nonce", Verifier: strings.Repeat("verifier-", 6),
	}
}

func roomOf(p *oidctest.Provider, groups ...string) *oidc.Room {
	return oidc.New(oidc.Options{Issuer: p.URL(), ClientID: p.ClientID, ClientSecret: p.ClientSecret, Setting: "OORE_OIDC", Groups: groups})
}

func TestWhatAProviderSaysOfAPersonIsTrustedOnlyIfAllOfItIsRight(t *testing.T) {
	p := oidctest.New(t)
	room := roomOf(p)
	claim := func(name string, value any) oidctest.Lies {
		return oidctest.Lies{Claims: func(c oidctest.Claims) { c[name] = value }}
	}
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	const unsigned = "not signed as it should be, or for another service"
	for _, c := range []struct {
		name string
		lies oidctest.Lies
		in   func(*core.SignInRequest, *core.SignInAnswer) // what is changed after the journey
		says string                                        // empty: it is right
	}{
		{"the truth", oidctest.Lies{}, nil, ""},
		{"for us among others", oidctest.Lies{Claims: func(c oidctest.Claims) { c["aud"], c["azp"] = []string{"oore", "other"}, "oore" }}, nil, ""},
		{"another issuer", claim("iss", "https://elsewhere.example"), nil, unsigned},
		{"an issuer with a slash more", claim("iss", p.URL()+"/"), nil, unsigned},
		{"no issuer", claim("iss", ""), nil, unsigned},
		{"an answer of another issuer", oidctest.Lies{Answer: func(v url.Values) { v.Set("iss", "https://elsewhere.example") }}, nil, "another provider's"},
		{"an answer of nobody", oidctest.Lies{Answer: func(v url.Values) { v.Del("iss") }}, nil, "another provider's"},
		{"another audience", claim("aud", "other"), nil, unsigned},
		{"an audience that looks alike", claim("aud", "OORE"), nil, unsigned},
		{"no audience", claim("aud", []string{}), nil, unsigned},
		{"several audiences and no party", claim("aud", []string{"oore", "other"}), nil, "made for another service"},
		{"another party", claim("azp", "other"), nil, "made for another service"},
		{"another nonce", claim("nonce", "another"), nil, "belongs to another sign-in"},
		{"no nonce", claim("nonce", ""), nil, "belongs to another sign-in"},
		{"the nonce of another journey", oidctest.Lies{}, func(in *core.SignInRequest, _ *core.SignInAnswer) { in.Nonce = "mine" }, "belongs to another sign-in"},
		{"expired", claim("exp", at(-time.Minute)), nil, "its time is over"},
		{"not good yet", claim("nbf", at(time.Hour)), nil, unsigned},
		{"nobody", claim("sub", ""), nil, "names nobody"},
		{"an endless name", claim("sub", strings.Repeat("x", 256)), nil, "names nobody"},
		{"an access token of another answer", claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ"), nil, "do not belong together"},
		{"alg none", oidctest.Lies{Sign: "none"}, nil, unsigned},
		{"alg HS256 with the client's secret", oidctest.Lies{Sign: "HS256"}, nil, unsigned},
		{"alg HS256 with the public key", oidctest.Lies{Sign: "public"}, nil, unsigned},
		{"a key that is known no more", oidctest.Lies{Sign: "stolen"}, nil, unsigned},
		{"nothing signed", oidctest.Lies{NoToken: true}, nil, "does not say who you are"},
		{"another code", oidctest.Lies{}, func(_ *core.SignInRequest, a *core.SignInAnswer) { a.Code = "guess" }, "has expired or was used"},
		{"another verifier", oidctest.Lies{}, func(in *core.SignInRequest, _ *core.SignInAnswer) { in.Verifier = strings.Repeat("guess", 10) }, "has expired or was used"},
		{"another way back", oidctest.Lies{}, func(in *core.SignInRequest, _ *core.SignInAnswer) { in.RedirectURL = "https://elsewhere.example/" }, "has expired or was used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.Lie(c.lies)
			in := request()
			answer, state := journey(t, room, in)
			if state != in.State {
				t.Errorf("the state comes back as %q", state)
			}
			if c.in != nil {
				c.in(&in, &answer)
			}
			person, err := room.Identify(t.Context(), in, answer)
			switch {
			case c.says == "" && (err != nil || person.Subject != "248289761001" || person.Email != "ada@example.com"):
				t.Errorf("%+v, %v", person, err)
			case c.says != "" && (core.KindOf(err) != core.KindUnauthorized || !strings.Contains(core.MessageOf(err), c.says) || person.Subject != ""):
				t.Errorf("%+v, %v, want %q", person, err, c.says)
			}
		})
	}
}

// An e-mail address that the provider has not verified is none, wherever it says so.
func TestAnAddressThatNobodyVerifiedIsNone(t *testing.T) {
	p := oidctest.New(t)
	room := roomOf(p)
	for _, c := range []struct {
		name             string
		verified, beside any // in what is signed, and in what is told beside it; nil: not there
		want             string
	}{
		{"verified", true, nil, "ada@example.com"},
		{"verified in a word", "true", nil, "ada@example.com"},
		{"not verified", false, false, ""},
		{"not verified in a word", "false", "false", ""},
		{"nothing said", nil, nil, ""},
		{"a number", 1, false, ""},
		{"another word", "yes", false, ""},
		{"verified beside", nil, true, "ada@example.com"},
	} {
		set := func(claims oidctest.Claims, value any) {
			if delete(claims, "email_verified"); value != nil {
				claims["email_verified"] = value
			}
		}
		p.Lie(oidctest.Lies{Claims: func(x oidctest.Claims) { set(x, c.verified) }, UserInfo: func(x oidctest.Claims) { set(x, c.beside) }})
		in := request()
		answer, _ := journey(t, room, in)
		person, err := room.Identify(t.Context(), in, answer)
		if err != nil || person.Email != c.want || person.Subject == "" {
			t.Errorf("%s: %+v, %v", c.name, person, err)
		}
	}
	p.Lie(oidctest.Lies{Claims: func(x oidctest.Claims) { x["email_verified"] = false }, UserInfo: func(x oidctest.Claims) { x["sub"] = "another" }})
	in := request()
	answer, _ := journey(t, room, in)
	if _, err := room.Identify(t.Context(), in, answer); core.KindOf(err) != core.KindUnauthorized {
		t.Errorf("told of somebody else: %v", err)
	}
}

func TestOnlyWhoIsInAGroupMayComeWhereThereAreSome(t *testing.T) {
	p := oidctest.New(t)
	for _, c := range []struct {
		groups any
		want   bool
	}{{[]string{"staff", "Acme/Mobile"}, true}, {[]string{"acme"}, false}, {[]string{"acme/mobile/guests"}, false}, {[]string{}, false}, {nil, false}} {
		p.Lie(oidctest.Lies{UserInfo: func(x oidctest.Claims) { x["groups"] = c.groups }})
		room, in := roomOf(p, "acme/mobile"), request()
		answer, _ := journey(t, room, in)
		person, err := room.Identify(t.Context(), in, answer)
		if person.Admitted != c.want || c.want != (err == nil) || !c.want && core.KindOf(err) != core.KindForbidden {
			t.Errorf("%v: %+v, %v", c.groups, person, err)
		}
	}
}

func TestAProviderThatIsNotTheOne(t *testing.T) {
	p := oidctest.New(t)
	p.Lie(oidctest.Lies{Document: func(x oidctest.Claims) { x["issuer"] = "https://elsewhere.example" }})
	_, err := roomOf(p).SignInURL(t.Context(), request())
	if core.KindOf(err) != core.KindUnavailable || !strings.Contains(core.MessageOf(err), "OORE_OIDC_ISSUER") {
		t.Errorf("another issuer: %v", err)
	}
	if check := roomOf(p).Examine(t.Context()); check.State != core.CheckFailed || !strings.Contains(check.Value, "elsewhere.example") {
		t.Errorf("%+v", check)
	}
	p.Lie(oidctest.Lies{Document: func(x oidctest.Claims) { x["authorization_endpoint"] = "javascript:alert(1)" }})
	if page, err := roomOf(p).SignInURL(t.Context(), request()); err == nil {
		t.Errorf("people are sent to %s", page)
	}
	p.Lie(oidctest.Lies{Silent: true})
	if _, err := roomOf(p).SignInURL(t.Context(), request()); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("a silent one: %v", err)
	}
	p.Lie(oidctest.Lies{})
	room := oidc.New(oidc.Options{Issuer: p.URL(), ClientID: p.ClientID, ClientSecret: "another", Setting: "OORE_OIDC"})
	in := request()
	answer, _ := journey(t, room, in)
	if _, err := room.Identify(t.Context(), in, answer); core.KindOf(err) != core.KindInvalid || !strings.Contains(core.MessageOf(err), "OORE_OIDC_CLIENT_SECRET") {
		t.Errorf("another secret: %v", err)
	}
}

// A provider that is away for a while is as it was, and its new keys are found.
func TestAProviderIsRememberedAndItsNewKeysAreFound(t *testing.T) {
	p := oidctest.New(t)
	now := time.Now()
	room := oidc.New(oidc.Options{Issuer: p.URL(), ClientID: p.ClientID, ClientSecret: p.ClientSecret, Setting: "OORE_OIDC", Now: func() time.Time { return now }})
	for range 3 {
		in := request()
		answer, _ := journey(t, room, in)
		if _, err := room.Identify(t.Context(), in, answer); err != nil {
			t.Fatal(err)
		}
		p.RotateKey(t)
	}
	if n := p.Asked("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("it was asked %d times who it is", n)
	}
	now = now.Add(2 * time.Hour)
	p.Lie(oidctest.Lies{Silent: true})
	if _, err := room.SignInURL(t.Context(), request()); err != nil {
		t.Errorf("while it is away: %v", err)
	}
}
