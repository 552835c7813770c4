package apitest

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *Commands) session() app.NewSession {
	return app.NewSession{Secret: "oores_new", Expires: time.Unix(1_800_000_000, 0), User: f.User}
}

// Passwords answers true.
func (f *Commands) Passwords() bool { return true }

// SignInWithPassword answers a session of User.
func (f *Commands) SignInWithPassword(_ context.Context, v app.Visitor, email, password string) (app.NewSession, error) {
	return f.session(), f.note("SignInWithPassword", core.Actor{}, email, [2]any{v, password})
}

// SetPassword answers a session of User.
func (f *Commands) SetPassword(_ context.Context, actor core.Actor, _ app.Visitor, in app.SetPassword) (app.NewSession, error) {
	return f.session(), f.note("SetPassword", actor, "", in)
}

// SignInByProxy answers a session of User.
func (f *Commands) SignInByProxy(_ context.Context, v app.Visitor, email string) (app.NewSession, error) {
	return f.session(), f.note("SignInByProxy", core.Actor{}, email, v)
}

// SignInWays answers one.
func (f *Commands) SignInWays() []core.SignInWay {
	return []core.SignInWay{{ID: "oidc", Name: "login.example.com", Provider: "oidc:https://login.example.com"}}
}

// Depart answers an address elsewhere.
func (f *Commands) Depart(_ context.Context, v app.Visitor, way, next string) (app.Departure, error) {
	return f.departure(), f.note("Depart", core.Actor{}, way, [2]any{v, next})
}

// DepartAgain knows no session that is stale.
func (f *Commands) DepartAgain(context.Context, app.Visitor, string) (app.Departure, bool, error) {
	return app.Departure{}, false, nil
}

func (f *Commands) departure() app.Departure {
	return app.Departure{URL: "https://login.example.com/authorize?state=s", Name: "login.example.com", Browser: "ooren_browser", Expires: time.Now().Add(10 * time.Minute)}
}

// DepartToConnect answers an address elsewhere.
func (f *Commands) DepartToConnect(_ context.Context, actor core.Actor, way, next string) (app.Departure, error) {
	return f.departure(), f.note("DepartToConnect", actor, way, next)
}

// Arrive answers a session of User.
func (f *Commands) Arrive(_ context.Context, _ app.Visitor, r app.Return) (app.Arrival, error) {
	return app.Arrival{NewSession: f.session(), Next: "/builds"}, f.note("Arrive", core.Actor{}, r.Way, r)
}

// ListIdentities answers Identity.
func (f *Commands) ListIdentities(_ context.Context, actor core.Actor) ([]core.Identity, error) {
	return []core.Identity{f.Identity}, f.note("ListIdentities", actor, "", nil)
}

// DisconnectIdentity answers Err.
func (f *Commands) DisconnectIdentity(_ context.Context, actor core.Actor, provider, subject string) error {
	return f.note("DisconnectIdentity", actor, provider, subject)
}
