package web

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// fillAccounts adds users in each state, and what they have and did.
func (f *fake) fillAccounts() {
	seen := ago(time.Minute)
	user := func(id, name string, role core.Role, change func(*core.User)) core.User {
		u := core.User{ID: id, Name: name, Email: id + "@example.com", Role: role, Enabled: true, LastSeenAt: &seen, CreatedAt: ago(time.Hour)}
		if change != nil {
			change(&u)
		}
		f.users = append(f.users, u)
		return u
	}
	user("u1", "sam", core.RoleOwner, nil)
	user("u2", hostile, core.RoleAdmin, nil)
	kim := user("u3", "kim", core.RoleDeveloper, func(u *core.User) { u.Invited, u.LastSeenAt = true, nil })
	lee := user("u4", "lee", core.RoleViewer, func(u *core.User) { u.Enabled = false })
	f.members = []app.MemberDetail{
		{Member: core.Member{ProjectID: "p1", UserID: kim.ID, Role: core.RoleMaintainer}, User: kim},
		{Member: core.Member{ProjectID: "p1", UserID: lee.ID, Role: core.RoleViewer}, User: lee},
		{Member: core.Member{ProjectID: "p1", UserID: "u2", Role: core.RoleDeveloper}, User: f.users[1]},
	}
	end := ago(-time.Hour)
	f.tokens = []core.Credential{
		{ID: "t1", Name: hostile, Prefix: "AbCdEfGh", Role: core.RoleMaintainer, ProjectID: "p1", UserID: "u1", CreatedBy: "sam", CreatedAt: ago(time.Hour), ExpiresAt: &end, LastUsedAt: &seen},
		{ID: "t2", Name: "old", Role: core.RoleOwner, CreatedAt: ago(time.Hour)},
		{ID: "t3", Name: "gone", Role: core.RoleViewer, ProjectID: "none", UserID: "u2", CreatedAt: ago(time.Hour)},
	}
	f.sessions = []core.Credential{
		{ID: "s1", UserID: "u1", Address: "192.0.2.7", UserAgent: hostile, CreatedAt: ago(time.Hour), LastUsedAt: &seen},
		{ID: "s2", UserID: "u1", Address: "2001:db8::7", CreatedAt: ago(time.Minute)},
	}
	f.entries = []core.AuditEntry{
		{
			ID: "e2", Seq: 2, At: ago(time.Minute), ActorKind: core.ActorUser, ActorID: "u1", Actor: "sam", Door: core.ViaGitHub, Action: core.AuditUserRole, TargetKind: core.TargetUser,
			Target: hostile, Changes: core.AuditChanges{{Field: "role", From: "viewer", To: hostile}, {Field: "description", From: "x"}}, Delivery: "d1",
		},
		{ID: "e1", Seq: 1, At: ago(time.Hour), ActorKind: core.ActorStranger, Door: core.ViaWeb, Address: "192.0.2.66", Action: core.AuditSignInRefused, TargetKind: core.TargetSession},
	}
}

func (f *fake) ask(format string, args ...any) error {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
	return f.refuse
}

func (f *fake) ListUsers(_ context.Context, actor core.Actor) ([]core.User, error) {
	return f.users, core.Allow(actor, core.ActManageInstance, nil)
}

func (f *fake) FindUser(_ context.Context, _ core.Actor, id string) (core.User, error) {
	for _, u := range f.users {
		if u.ID == id {
			return u, nil
		}
	}
	return core.User{ID: id, Name: "new", Role: core.RoleViewer}, nil
}

func (f *fake) InviteUser(_ context.Context, _ core.Actor, in app.InviteUser) (core.User, app.SignInLink, error) {
	return core.User{ID: "u9", Name: in.Email}, f.link(), f.ask("invite %s %s %s", in.Email, in.Name, in.Role)
}

func (f *fake) link() app.SignInLink {
	return app.SignInLink{URL: "http://127.0.0.1:8787/sign-in/oorel_once", Expires: time.Now().Add(72 * time.Hour)}
}

func (f *fake) RenewSignInLink(_ context.Context, _ core.Actor, id string) (core.User, app.SignInLink, error) {
	return core.User{ID: id, Name: "kim"}, f.link(), f.ask("link %s", id)
}

func (f *fake) SetUserRole(_ context.Context, _ core.Actor, id string, role core.Role) (core.User, error) {
	return core.User{}, f.ask("role %s %s", id, role)
}

func (f *fake) EnableUser(_ context.Context, _ core.Actor, id string) (core.User, error) {
	return core.User{}, f.ask("enable %s", id)
}

func (f *fake) DisableUser(_ context.Context, _ core.Actor, id string) error {
	return f.ask("disable %s", id)
}

func (f *fake) ListMembers(_ context.Context, _ core.Actor, projectID string) ([]app.MemberDetail, error) {
	return slices.DeleteFunc(slices.Clone(f.members), func(m app.MemberDetail) bool { return m.ProjectID != projectID }), nil
}

func (f *fake) SetMember(_ context.Context, _ core.Actor, projectID, userID string, role core.Role) (app.MemberDetail, error) {
	return app.MemberDetail{}, f.ask("member %s %s %s", projectID, userID, role)
}

func (f *fake) SetMemberByEmail(_ context.Context, _ core.Actor, projectID, email string, role core.Role) (app.MemberDetail, error) {
	return app.MemberDetail{}, f.ask("add %s %s %s", projectID, email, role)
}

func (f *fake) DeleteMember(_ context.Context, _ core.Actor, projectID, userID string) error {
	return f.ask("remove %s %s", projectID, userID)
}

func (f *fake) CreateAPIToken(_ context.Context, _ core.Actor, in app.CreateAPIToken) (string, core.Credential, error) {
	return "oore_secret-shown-once", core.Credential{Name: in.Name}, f.ask("token %s %s %s %s", in.Name, in.Role, in.ProjectID, in.Life)
}

func (f *fake) ListAPITokens(context.Context, core.Actor) ([]core.Credential, error) {
	return f.tokens, nil
}

func (f *fake) DeleteAPIToken(_ context.Context, _ core.Actor, id string) error {
	return f.ask("revoke %s", id)
}

func (f *fake) ListSessions(context.Context, core.Actor, string) ([]core.Credential, error) {
	return f.sessions, nil
}

func (f *fake) DeleteSession(_ context.Context, _ core.Actor, id string) error {
	return f.ask("end %s", id)
}

func (f *fake) ListAudit(_ context.Context, actor core.Actor, filter core.AuditFilter, _ core.Page) ([]core.AuditEntry, int, error) {
	f.audited = append(f.audited, filter)
	if filter.ActorID == "none" {
		return nil, 0, nil
	}
	return f.entries, len(f.entries), core.Allow(actor, core.ActManageInstance, nil)
}
