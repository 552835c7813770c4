package api

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// AccountCommands are those about who may do what, and who did.
type AccountCommands interface {
	ListUsers(ctx context.Context, actor core.Actor) ([]core.User, error)
	FindUser(ctx context.Context, actor core.Actor, id string) (core.User, error)
	InviteUser(ctx context.Context, actor core.Actor, in app.InviteUser) (core.User, app.SignInLink, error)
	RenewSignInLink(ctx context.Context, actor core.Actor, id string) (core.User, app.SignInLink, error)
	SetUserRole(ctx context.Context, actor core.Actor, id string, role core.Role) (core.User, error)
	EnableUser(ctx context.Context, actor core.Actor, id string) (core.User, error)
	DisableUser(ctx context.Context, actor core.Actor, id string) error

	ListMembers(ctx context.Context, actor core.Actor, projectID string) ([]app.MemberDetail, error)
	SetMember(ctx context.Context, actor core.Actor, projectID, userID string, role core.Role) (app.MemberDetail, error)
	DeleteMember(ctx context.Context, actor core.Actor, projectID, userID string) error

	CreateAPIToken(ctx context.Context, actor core.Actor, in app.CreateAPIToken) (secret string, c core.Credential, err error)
	ListAPITokens(ctx context.Context, actor core.Actor) ([]core.Credential, error)
	DeleteAPIToken(ctx context.Context, actor core.Actor, id string) error
	ListSessions(ctx context.Context, actor core.Actor, userID string) ([]core.Credential, error)
	DeleteSession(ctx context.Context, actor core.Actor, id string) error

	SignInWithPassword(ctx context.Context, v app.Visitor, email, password string) (app.NewSession, error)
	SetPassword(ctx context.Context, actor core.Actor, v app.Visitor, in app.SetPassword) (app.NewSession, error)
	ListIdentities(ctx context.Context, actor core.Actor) ([]core.Identity, error)
	DisconnectIdentity(ctx context.Context, actor core.Actor, provider, subject string) error

	ListAudit(ctx context.Context, actor core.Actor, f core.AuditFilter, page core.Page) ([]core.AuditEntry, int, error)

	// Recheck and AccessChanged are for what goes on long after it was let in.
	Recheck(ctx context.Context, actor core.Actor) (core.Actor, error)
	AccessChanged(actor core.Actor) (user, credential <-chan struct{})
}
