package templates

import (
	"io"

	"github.com/oore-ci/oore/app/core"
)

func roleOptions(roles ...core.Role) []Option {
	options := make([]Option, len(roles))
	for i, r := range roles {
		options[i] = Option{string(r), word(string(r))}
	}
	return options
}

// ProjectRoles are what a member may be.
func ProjectRoles() []Option {
	return roleOptions(core.RoleMaintainer, core.RoleDeveloper, core.RoleViewer)
}

// InstanceRoles are what a user may be made by somebody: owners by owners alone.
func InstanceRoles(owner bool) []Option {
	if owner {
		return roleOptions(core.RoleViewer, core.RoleDeveloper, core.RoleAdmin, core.RoleOwner)
	}
	return roleOptions(core.RoleViewer, core.RoleDeveloper, core.RoleAdmin)
}

// TokenRoles are what somebody with the role may make a token for; maintainer is for one
// of a single project.
func TokenRoles(r core.Role) []Option {
	options := roleOptions(core.RoleViewer, core.RoleDeveloper, core.RoleMaintainer)
	for _, more := range []core.Role{core.RoleAdmin, core.RoleOwner} {
		if r.AtLeast(more) {
			options = append(options, roleOptions(more)...)
		}
	}
	return options
}

// AccessView says who is let into a project, with the forms that change that.
type AccessView struct {
	Choices []Choice
	Rows    []MemberRow
	Email   Field
	Role    Field
	Roles   []Option
	Open    bool // the form for one more has something to say
}

// MemberRow is a member of a project.
type MemberRow struct {
	core.Member
	User core.User
}

// AccessChoices are who sees a project and who starts its builds, as they are now.
func AccessChoices(p core.Project) []Choice {
	return []Choice{
		{
			Name: "visibility", Label: "Who sees the project", Field: Field{Value: string(p.Visibility)},
			Options: []Option{
				{string(core.VisibleInstance), "Everybody who signs in here"},
				{string(core.VisiblePublic), "Everybody who signs in here; its badges everybody"},
				{string(core.VisibleMembers), "Its members, admins and owners"},
			},
		},
		{
			Name: "trigger_role", Label: "Who may start builds", Field: Field{Value: string(p.TriggerRole)},
			Options: []Option{
				{string(core.RoleViewer), "Everybody who sees the project"},
				{string(core.RoleDeveloper), "Developers and those above"},
				{string(core.RoleMaintainer), "The project’s maintainers, admins and owners"},
			},
		},
	}
}

// UsersView lists who may sign in, with the form for one more.
type UsersView struct {
	Page
	Rows        []UserRow
	Email, Name Field
	Role        Field
	Roles       []Option
	Open        bool // the form has something to say
}

// UserRow is a user, as far as the reader may change them.
type UserRow struct {
	core.User
	MayChange bool // role, and whether they are let in
	MayLink   bool
	Roles     []Option
}

// Chip is the user's state as a chip.
func (r UserRow) Chip() Chip {
	switch {
	case !r.Enabled:
		return Chip{"canceled", "Disabled"}
	case r.Invited:
		return Chip{"queued", "Invited"}
	}
	return Chip{"succeeded", "Active"}
}

// Users writes the list of users.
func (s *Set) Users(w io.Writer, v UsersView) error { return s.render(w, "users", "layout", v) }

// SignInLinkView shows a link that signs somebody in, this once.
type SignInLinkView struct {
	Page
	User  core.User
	URL   string
	Hours int // that it lives
}

// SignInLink writes the page that shows a link.
func (s *Set) SignInLink(w io.Writer, v SignInLinkView) error {
	return s.render(w, "sign_in_link", "layout", v)
}

// TokensView lists API tokens, with the form for one more.
type TokensView struct {
	Page
	Tokens                   TokenList
	Name, Role, Project, End Field
	Roles                    []Option
	Projects                 []core.Project
	Open                     bool // the form has something to say
}

// Ends are how long a token may live, in seconds.
func (v TokensView) Ends() []Option {
	return []Option{{"2592000", "In 30 days"}, {"7776000", "In 90 days"}, {"31536000", "In a year"}, {"", "Never"}}
}

// TokenList is a table of tokens.
type TokenList struct {
	Rows   []TokenRow
	From   string // the page that shows it: tokens or me
	Owners bool   // whose they are is shown
}

// TokenRow is a token with the names of what it belongs to.
type TokenRow struct {
	core.Credential
	Owner   string // empty: nobody's
	Project string // empty: all
}

// Tokens writes the list of tokens.
func (s *Set) Tokens(w io.Writer, v TokensView) error { return s.render(w, "tokens", "layout", v) }

// NewTokenView shows a token's secret, this once.
type NewTokenView struct {
	Page
	Token  core.Credential
	Secret string
}

// NewToken writes the page that shows a token's secret.
func (s *Set) NewToken(w io.Writer, v NewTokenView) error {
	return s.render(w, "token_new", "layout", v)
}

// MeView is what is the reader's own.
type MeView struct {
	Page
	User     core.User // none for a token without a user
	Sessions []SessionRow
	Tokens   TokenList
	Members  []MembershipRow

	Identities   []IdentityRow
	Ways         []core.SignInWay // in which the reader has no account
	Passwords    bool
	Current, New Field
}

// SignsIn tells whether there is anything to say of how the reader signs in.
func (v MeView) SignsIn() bool { return v.Passwords || len(v.Identities)+len(v.Ways) > 0 }

// IdentityRow is an account of the reader's elsewhere.
type IdentityRow struct {
	core.Identity
	Service string // its name, for people
}

// SessionRow is a session of the reader.
type SessionRow struct {
	core.Credential
	Current bool
}

// MembershipRow is what the reader is in a project.
type MembershipRow struct {
	Project core.Project
	Role    string
}

// Me writes the page of what is the reader's own.
func (s *Set) Me(w io.Writer, v MeView) error { return s.render(w, "me", "layout", v) }

// AuditView is the audit log with its filters.
type AuditView struct {
	Page
	Entries  []core.AuditEntry
	Users    []core.User // to choose from; empty: the reader may not list them
	Projects []core.Project
	Filter   map[string]string // as typed, by the names of the inputs
	From, To Field             // days
	CSV      string            // address of all of it
	Pager    Pager
}

// Actions are the choices of the filter.
func (v AuditView) Actions() []core.AuditAction { return core.AuditActions() }

// Filtered tells whether a filter is set.
func (v AuditView) Filtered() bool {
	for _, value := range v.Filter {
		if value != "" {
			return true
		}
	}
	return false
}

// Audit writes the audit log.
func (s *Set) Audit(w io.Writer, v AuditView) error { return s.render(w, "audit", "layout", v) }
