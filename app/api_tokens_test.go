package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (h *house) token(t *testing.T, as core.Actor, in app.CreateAPIToken) (secret string, c core.Credential) {
	t.Helper()
	if in.Name == "" {
		in.Name = "token"
	}
	secret, c, err := h.CreateAPIToken(t.Context(), as, in)
	if err != nil {
		t.Fatal(err)
	}
	return secret, c
}

func TestATokenShowsItsBeginningAndEndsByItself(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	ada := h.actor(t, h.invite(t, "ada", core.RoleDeveloper).session)
	secret, c := h.token(t, ada, app.CreateAPIToken{Life: time.Hour})
	if c.Prefix != secret[5:13] || c.CreatedBy != "ada" || c.UserID != ada.UserID || c.ExpiresAt == nil {
		t.Errorf("%+v of %s", c, secret)
	}
	actor := h.actor(t, secret)
	if !actor.Until.Equal(*c.ExpiresAt) || actor.CredentialID != c.ID || actor.Kind != core.ActorToken {
		t.Errorf("%+v", actor)
	}
	h.clock.forward(time.Hour)
	_, err := h.Authenticate(ctx, secret)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	_, err = h.Recheck(ctx, actor)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	for _, life := range []time.Duration{-1, 11 * 365 * 24 * time.Hour} {
		_, _, err := h.CreateAPIToken(ctx, ada, app.CreateAPIToken{Name: "x", Life: life})
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
}

func TestATokenNeverOutgrowsItsOwner(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t, func(in *app.CreateProject) { in.Visibility = core.VisibleMembers })
	ada := h.invite(t, "ada", core.RoleAdmin)
	secret, _ := h.token(t, h.actor(t, ada.session), app.CreateAPIToken{})
	small, _ := h.token(t, h.actor(t, ada.session), app.CreateAPIToken{Role: core.RoleDeveloper})
	if actor := h.actor(t, small); actor.Role != core.RoleDeveloper {
		t.Errorf("%+v", actor)
	}
	if _, err := h.FindProject(ctx, h.actor(t, small), p.ID); err != nil {
		t.Errorf("an admin's token does not see what the admin sees: %v", err)
	}
	_, err := h.CreatePipeline(ctx, h.actor(t, small), p.ID, app.PipelineInput{Name: ptr("Android")})
	if err != nil {
		t.Errorf("a developer's act: %v", err)
	}
	if _, err := h.SetUserRole(ctx, h.owner, ada.ID, core.RoleViewer); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, small, ada.session} {
		if actor := h.actor(t, s); actor.Role != core.RoleViewer || actor.SeesAll {
			t.Errorf("after the owner became a viewer: %+v", actor)
		}
		_, err := h.FindProject(ctx, h.actor(t, s), p.ID)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	}
	// A membership counts as far as the token's own role goes.
	if _, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleMaintainer); err != nil {
		t.Fatal(err)
	}
	if role, _ := h.actor(t, small).RoleIn(p); role != core.RoleDeveloper {
		t.Errorf("a token for developers is %s", role)
	}
	if role, _ := h.actor(t, ada.session).RoleIn(p); role != core.RoleMaintainer {
		t.Errorf("its owner is %s", role)
	}
}

func ptr[T any](v T) *T { return &v }

func TestAProjectsTokenKnowsOfNothingElse(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	other := h.project(t, func(in *app.CreateProject) { in.Name = "Other" })
	h.pipeline(t, other.ID, "Web")
	d := h.deliver(t, push("main", shaA))
	ada := h.invite(t, "ada", core.RoleViewer)
	if _, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleMaintainer); err != nil {
		t.Fatal(err)
	}
	as := h.actor(t, ada.session)
	secret, c := h.token(t, as, app.CreateAPIToken{ProjectID: p.ID})
	if c.Role != core.RoleMaintainer || c.ProjectID != p.ID {
		t.Errorf("%+v", c)
	}
	actor := h.actor(t, secret)
	if _, err := h.CreatePipeline(ctx, actor, p.ID, app.PipelineInput{Name: ptr("Android")}); err != nil {
		t.Errorf("in its project: %v", err)
	}
	if _, err := h.UpdateProject(ctx, actor, p.ID, app.UpdateProject{Forks: ptr(core.ForksIgnore)}); err != nil {
		t.Errorf("as a maintainer: %v", err)
	}
	_, err := h.FindProject(ctx, actor, other.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	list, total, err := h.ListProjects(ctx, actor, core.Page{Limit: 10})
	if err != nil || total != 1 || list[0].ID != p.ID {
		t.Errorf("it lists %d projects, %v", total, err)
	}
	builds, total, err := h.ListBuilds(ctx, actor, core.BuildFilter{}, core.Page{Limit: 10})
	if err != nil || total != 0 || len(builds) != 0 {
		t.Errorf("it lists %d builds, %v", total, err)
	}
	seen, err := h.FindDelivery(ctx, actor, d.ID)
	if err != nil || seen.Repository != "" || seen.Payload != nil || len(seen.Verdicts) != 0 {
		t.Errorf("it sees the delivery %+v, %v", seen, err)
	}
	_, err = h.RedeliverDelivery(ctx, actor, d.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.CreateProject(ctx, actor, app.CreateProject{Name: "x"})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.ListUsers(ctx, actor)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.FindUser(ctx, actor, ada.ID)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, err = h.ListSessions(ctx, actor, "")
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	_, _, err = h.ListAudit(ctx, actor, core.AuditFilter{}, core.Page{Limit: 1})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	if _, _, err := h.ListAudit(ctx, actor, core.AuditFilter{ProjectID: p.ID}, core.Page{Limit: 1}); err != nil {
		t.Errorf("its project's audit log: %v", err)
	}
	_, _, err = h.ListAudit(ctx, actor, core.AuditFilter{ProjectID: other.ID}, core.Page{Limit: 1})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)

	for _, in := range []struct {
		role core.Role
		kind core.Kind
	}{{core.RoleAdmin, core.KindInvalid}, {core.RoleOwner, core.KindInvalid}, {"x", core.KindInvalid}} {
		_, _, err := h.CreateAPIToken(ctx, h.owner, app.CreateAPIToken{Name: "x", ProjectID: p.ID, Role: in.role})
		if core.KindOf(err) != in.kind {
			t.Errorf("a project's token for %s: %v", in.role, err)
		}
	}
	_, _, err = h.CreateAPIToken(ctx, as, app.CreateAPIToken{Name: "x", Role: core.RoleMaintainer})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	_, _, err = h.CreateAPIToken(ctx, as, app.CreateAPIToken{Name: "x", ProjectID: other.ID, Role: core.RoleDeveloper})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}

func TestATokenMakesNoneThatIsWider(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	p := h.project(t)
	other := h.project(t, func(in *app.CreateProject) { in.Name = "Other" })
	ada := h.actor(t, h.invite(t, "ada", core.RoleAdmin).session)
	_, wide := h.token(t, ada, app.CreateAPIToken{})
	secret, _ := h.token(t, ada, app.CreateAPIToken{ProjectID: p.ID, Role: core.RoleDeveloper, Life: time.Hour})
	actor := h.actor(t, secret)
	h.clock.forward(10 * time.Minute)

	_, child := h.token(t, actor, app.CreateAPIToken{Name: "child"})
	if child.ProjectID != p.ID || child.Role != core.RoleDeveloper || child.ExpiresAt.Sub(h.clock.now()) > 50*time.Minute || child.CreatedBy != "token" || child.UserID != ada.UserID {
		t.Errorf("%+v", child)
	}
	_, shorter := h.token(t, actor, app.CreateAPIToken{Role: core.RoleViewer, Life: time.Minute})
	if shorter.ExpiresAt.Sub(h.clock.now()) > time.Minute {
		t.Errorf("%+v", shorter)
	}
	for what, in := range map[string]app.CreateAPIToken{
		"role": {ProjectID: p.ID, Role: core.RoleMaintainer}, "time": {Life: 2 * time.Hour},
	} {
		in.Name = what
		_, _, err := h.CreateAPIToken(ctx, actor, in)
		wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	}
	_, _, err := h.CreateAPIToken(ctx, actor, app.CreateAPIToken{Name: "project", ProjectID: other.ID})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)

	// Nor does it end one that may do more.
	list, err := h.ListAPITokens(ctx, actor)
	if err != nil || len(list) != 3 {
		t.Errorf("it lists %d tokens, %v", len(list), err)
	}
	wantCode(t, h.DeleteAPIToken(ctx, actor, wide.ID), core.KindNotFound, core.CodeNotFound)
	if err := h.DeleteAPIToken(ctx, actor, shorter.ID); err != nil {
		t.Error(err)
	}
	dev := h.actor(t, h.invite(t, "dev", core.RoleDeveloper).session)
	_, more := h.token(t, dev, app.CreateAPIToken{})
	viewer, less := h.token(t, dev, app.CreateAPIToken{Role: core.RoleViewer})
	wantCode(t, h.DeleteAPIToken(ctx, h.actor(t, viewer), more.ID), core.KindForbidden, core.CodePermissionDenied)
	if err := h.DeleteAPIToken(ctx, h.actor(t, viewer), less.ID); err != nil {
		t.Errorf("itself: %v", err)
	}
}

func TestAStreamTokenEndsWithWhatMadeIt(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	b := h.queued(t)
	p, err := h.store.FindProject(ctx, b.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	ada := h.invite(t, "ada", core.RoleViewer)
	secret, c := h.token(t, h.actor(t, ada.session), app.CreateAPIToken{})
	stream, _, err := h.CreateStreamToken(ctx, h.actor(t, secret), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := h.AuthenticateStream(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	read := func(actor core.Actor) error {
		_, err := h.ReadLog(ctx, actor, b.ID, -1, 0)
		return err
	}
	if err := read(actor); err != nil {
		t.Fatal(err)
	}
	if _, err := h.UpdateProject(ctx, h.owner, p.ID, app.UpdateProject{Visibility: ptr(core.VisibleMembers)}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // readers share a page for a second
	wantCode(t, read(actor), core.KindNotFound, core.CodeNotFound)
	if _, err := h.SetMember(ctx, h.owner, p.ID, ada.ID, core.RoleViewer); err != nil {
		t.Fatal(err)
	}
	if actor, err = h.Recheck(ctx, actor); err != nil || actor.Scope != b.ID {
		t.Fatalf("%+v, %v", actor, err)
	}
	if err := read(actor); err != nil {
		t.Errorf("a member: %v", err)
	}
	if err := h.DeleteAPIToken(ctx, h.owner, c.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.AuthenticateStream(ctx, stream)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	_, err = h.Recheck(ctx, actor)
	wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
	if strings.Contains(core.MessageOf(err), secret) {
		t.Error("the message says the secret")
	}
}

// A token that belongs to nobody, as the operator's own token makes it, was told 404 of the
// one project that it is for, where that is its members' alone.
func TestATokenOfNobodySeesTheProjectThatItIsFor(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	hidden := func(in *app.CreateProject) { in.Visibility = core.VisibleMembers }
	p := h.project(t, hidden)
	other := h.project(t, hidden, func(in *app.CreateProject) { in.Name = "Other" })
	operator := core.Actor{Kind: core.ActorToken, Name: "operator", Role: core.RoleOwner}
	secret, _ := h.token(t, operator, app.CreateAPIToken{ProjectID: p.ID, Role: core.RoleViewer})
	actor := h.actor(t, secret)
	if _, err := h.FindProject(ctx, actor, p.ID); err != nil {
		t.Error(err)
	}
	_, err := h.FindProject(ctx, actor, other.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.UpdateProject(ctx, actor, p.ID, app.UpdateProject{Description: ptr("x")})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}
