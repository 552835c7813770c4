package web

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
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
	SetMemberByEmail(ctx context.Context, actor core.Actor, projectID, email string, role core.Role) (app.MemberDetail, error)
	DeleteMember(ctx context.Context, actor core.Actor, projectID, userID string) error

	CreateAPIToken(ctx context.Context, actor core.Actor, in app.CreateAPIToken) (secret string, c core.Credential, err error)
	ListAPITokens(ctx context.Context, actor core.Actor) ([]core.Credential, error)
	DeleteAPIToken(ctx context.Context, actor core.Actor, id string) error
	ListSessions(ctx context.Context, actor core.Actor, userID string) ([]core.Credential, error)
	DeleteSession(ctx context.Context, actor core.Actor, id string) error

	ListAudit(ctx context.Context, actor core.Actor, f core.AuditFilter, page core.Page) ([]core.AuditEntry, int, error)
}

// The pages of the settings.
const (
	usersPath  = "/settings/users"
	tokensPath = "/settings/tokens"
	auditPath  = "/settings/audit"
	mePath     = "/settings/me"
	systemPath = "/settings/system"

	generalPath = "/settings/general"
	storagePath = "/settings/storage"
)

// settingsPage is page for a part of the settings, named by its path.
func settingsPage(c *fiber.Ctx, actor core.Actor, title, path, api string) templates.Page {
	p := page(c, actor, title, "settings", api)
	p.Part = path
	return p
}

// onlyNow keeps a page out of every cache: it shows a secret.
func onlyNow(c *fiber.Ctx, err error) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return err
}
