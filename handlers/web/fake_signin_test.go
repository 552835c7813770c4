package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) Passwords() bool { return true }

func (f *fake) begun() app.NewSession {
	return app.NewSession{Secret: "session-secret", Expires: time.Now().Add(time.Hour), First: f.first}
}

func (f *fake) SignInWithPassword(_ context.Context, v app.Visitor, email, password string) (app.NewSession, error) {
	return f.begun(), f.ask("password %s %q replacing %s", email, password, v.Session)
}

func (f *fake) SetPassword(_ context.Context, _ core.Actor, _ app.Visitor, in app.SetPassword) (app.NewSession, error) {
	return f.begun(), f.ask("new password %q for %q", in.New, in.Current)
}

func (f *fake) SignInByProxy(_ context.Context, _ app.Visitor, email string) (app.NewSession, error) {
	return f.begun(), f.ask("proxy %s", email)
}

func (f *fake) SignInWays() []core.SignInWay {
	return []core.SignInWay{{ID: "oidc", Name: "login.example.com", Provider: "oidc:https://login.example.com"}, {ID: "github", Name: "GitHub", Provider: "github:github.com"}}
}

func (f *fake) departure() app.Departure {
	return app.Departure{URL: "https://login.example.com/authorize?state=s&x=%22", Name: "login.example.com", Browser: "ooren_browser", Expires: time.Now().Add(10 * time.Minute)}
}

func (f *fake) Depart(_ context.Context, _ app.Visitor, way, next string) (app.Departure, error) {
	return f.departure(), f.ask("depart %s to %s", way, next)
}

func (f *fake) DepartAgain(_ context.Context, v app.Visitor, next string) (app.Departure, bool, error) {
	if v.Session != "oores_stale" {
		return app.Departure{}, false, nil
	}
	return f.departure(), true, f.ask("depart again to %s", next)
}

func (f *fake) DepartToConnect(_ context.Context, _ core.Actor, way, next string) (app.Departure, error) {
	return f.departure(), f.ask("connect %s to %s", way, next)
}

func (f *fake) Arrive(_ context.Context, _ app.Visitor, r app.Return) (app.Arrival, error) {
	return app.Arrival{NewSession: f.begun(), Next: f.next}, f.ask("arrive %s %s %s %s %s %s", r.Way, r.Browser, r.State, r.Code, r.Issuer, r.Denied)
}

func (f *fake) ListIdentities(context.Context, core.Actor) ([]core.Identity, error) {
	used := ago(time.Minute)
	return []core.Identity{
		{Provider: "github:github.com", Subject: "7", Login: hostile, CreatedAt: ago(time.Hour), LastUsedAt: &used},
		{Provider: "oidc:https://old.example.com", Subject: "x", Login: "sam", CreatedAt: ago(time.Hour)},
	}, nil
}

func (f *fake) DisconnectIdentity(_ context.Context, _ core.Actor, provider, subject string) error {
	return f.ask("disconnect %s %s", provider, subject)
}
