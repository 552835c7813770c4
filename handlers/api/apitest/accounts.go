package apitest

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// CreateAPIToken answers Secret and Credential.
func (f *Commands) CreateAPIToken(_ context.Context, actor core.Actor, in app.CreateAPIToken) (string, core.Credential, error) {
	return f.Secret, f.Credential, f.note("CreateAPIToken", actor, "", in)
}

// ListAPITokens answers Credential.
func (f *Commands) ListAPITokens(_ context.Context, actor core.Actor) ([]core.Credential, error) {
	return []core.Credential{f.Credential}, f.note("ListAPITokens", actor, "", nil)
}

// DeleteAPIToken answers Err.
func (f *Commands) DeleteAPIToken(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeleteAPIToken", actor, id, nil)
}

func (f *Commands) link() app.SignInLink {
	return app.SignInLink{URL: "https://ci.example.com/sign-in/" + f.Secret, Expires: f.Expires}
}

// ListUsers answers User and an empty one.
func (f *Commands) ListUsers(_ context.Context, actor core.Actor) ([]core.User, error) {
	return []core.User{f.User, {CreatedAt: f.User.CreatedAt, UpdatedAt: f.User.UpdatedAt}}, f.note("ListUsers", actor, "", nil)
}

// FindUser answers User.
func (f *Commands) FindUser(_ context.Context, actor core.Actor, id string) (core.User, error) {
	return f.User, f.note("FindUser", actor, id, nil)
}

// InviteUser answers User and a link with Secret.
func (f *Commands) InviteUser(_ context.Context, actor core.Actor, in app.InviteUser) (core.User, app.SignInLink, error) {
	return f.User, f.link(), f.note("InviteUser", actor, "", in)
}

// RenewSignInLink answers User and a link with Secret.
func (f *Commands) RenewSignInLink(_ context.Context, actor core.Actor, id string) (core.User, app.SignInLink, error) {
	return f.User, f.link(), f.note("RenewSignInLink", actor, id, nil)
}

// SetUserRole answers User.
func (f *Commands) SetUserRole(_ context.Context, actor core.Actor, id string, role core.Role) (core.User, error) {
	return f.User, f.note("SetUserRole", actor, id, role)
}

// EnableUser answers User.
func (f *Commands) EnableUser(_ context.Context, actor core.Actor, id string) (core.User, error) {
	return f.User, f.note("EnableUser", actor, id, nil)
}

// DisableUser answers Err.
func (f *Commands) DisableUser(_ context.Context, actor core.Actor, id string) error {
	return f.note("DisableUser", actor, id, nil)
}

// ListMembers answers Member.
func (f *Commands) ListMembers(_ context.Context, actor core.Actor, projectID string) ([]app.MemberDetail, error) {
	return []app.MemberDetail{f.Member}, f.note("ListMembers", actor, projectID, nil)
}

// SetMember answers Member.
func (f *Commands) SetMember(_ context.Context, actor core.Actor, projectID, userID string, role core.Role) (app.MemberDetail, error) {
	return f.Member, f.note("SetMember", actor, projectID, core.Member{UserID: userID, Role: role})
}

// SetMemberByEmail answers Member.
func (f *Commands) SetMemberByEmail(_ context.Context, actor core.Actor, projectID, email string, role core.Role) (app.MemberDetail, error) {
	return f.Member, f.note("SetMemberByEmail", actor, projectID, core.Member{UserID: email, Role: role})
}

// DeleteMember answers Err.
func (f *Commands) DeleteMember(_ context.Context, actor core.Actor, projectID, userID string) error {
	return f.note("DeleteMember", actor, projectID, userID)
}

// ListSessions answers Credential.
func (f *Commands) ListSessions(_ context.Context, actor core.Actor, userID string) ([]core.Credential, error) {
	return []core.Credential{f.Credential}, f.note("ListSessions", actor, userID, nil)
}

// DeleteSession answers Err.
func (f *Commands) DeleteSession(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeleteSession", actor, id, nil)
}

// ListAudit answers those of Audit that the filter's Before lets through, a page of them.
func (f *Commands) ListAudit(_ context.Context, actor core.Actor, filter core.AuditFilter, page core.Page) ([]core.AuditEntry, int, error) {
	var out []core.AuditEntry
	for _, e := range f.Audit {
		if filter.Before == 0 || e.Seq < filter.Before {
			out = append(out, e)
		}
	}
	return out[:min(len(out), page.Limit)], len(f.Audit), f.note("ListAudit", actor, "", filter)
}

// Recheck answers the actor as it is, good until what Until was given, or what Revoke or
// RevokeUnheard was given.
func (f *Commands) Recheck(_ context.Context, actor core.Actor) (core.Actor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	actor.Until = f.until
	return actor, f.revoked
}

// Until sets when actors end.
func (f *Commands) Until(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = t
}

// RevokeUnheard is Revoke that nobody hears of.
func (f *Commands) RevokeUnheard(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked = err
}

// AccessChanged closes when Revoke is called next.
func (f *Commands) AccessChanged(core.Actor) (user, credential <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.access == nil {
		f.access = make(chan struct{})
	}
	return f.access, nil
}

// Revoke tells open streams to look again; with an error that is what they find.
func (f *Commands) Revoke(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked = err
	if f.access != nil {
		close(f.access)
		f.access = nil
	}
}
