package templates

import (
	"io"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Choice is a form's list of which one is chosen. Its name is the API's.
type Choice struct {
	Name, Label, Hint string
	Options           []Option
	Field
}

// Option is one of the values of a Choice.
type Option struct{ Value, Label string }

// ProjectSettingsView is the form for a project's settings.
type ProjectSettingsView struct {
	Page
	Part                             string // general, source, schedules, secrets, notifications, access, badge, limits or danger
	At                               string // its address
	Project                          core.Project
	Name, Description, DefaultBranch Field
	Choices                          []Choice
	ReportSkipped                    bool
	HookAddress                      string // for a repository whose webhook people may have to set up; else empty
	Manages                          bool   // the reader does, and is shown the parts below
	Bounds                           bool   // the reader may set the limits
	Quota                            []RetentionField
	PublicURL                        string // of this server, for the badges of
	Pipelines                        []core.Pipeline
	Access                           AccessView
	Notifications                    NotificationsView
	Secrets                          SecretsView
	Schedules                        SchedulesView
	Confirm                          Field // the name, typed to delete the project
}

// Tabs are the parts of the project's settings that the reader may open, by their addresses.
func (v ProjectSettingsView) Tabs() []Option {
	base := "/projects/" + v.Project.ID + "/settings/"
	parts := []Option{{base + "general", "General"}, {base + "source", "Source"}, {base + "schedules", "Schedules"}}
	if v.Manages {
		parts = append(parts, Option{base + "secrets", "Secrets"}, Option{base + "notifications", "Notifications"},
			Option{base + "access", "Access"}, Option{base + "badge", "Badge"})
	}
	if v.Bounds {
		parts = append(parts, Option{base + "limits", "Limits"})
	}
	if v.Manages {
		parts = append(parts, Option{base + "danger", "Delete"})
	}
	return parts
}

// PartTitle names the part in the page's title.
func (v ProjectSettingsView) PartTitle() string {
	return map[string]string{"general": "Settings", "source": "Source", "schedules": "Schedules", "secrets": "Secrets", "notifications": "Notifications", "access": "Access", "badge": "Badges", "limits": "Limits", "danger": "Deletion"}[v.Part]
}

// Public tells whether everybody may see the badges.
func (v ProjectSettingsView) Public() bool { return v.Project.Visibility == core.VisiblePublic }

// BadgeURL is the picture of a pipeline.
func (v ProjectSettingsView) BadgeURL(p core.Pipeline) string {
	return v.PublicURL + "/badges/" + v.Project.ID + "/" + p.ID + ".svg"
}

// BadgeMarkdown is what a README needs to show it.
func (v ProjectSettingsView) BadgeMarkdown(p core.Pipeline) string {
	name := strings.NewReplacer("[", "", "]", "", "\n", " ").Replace(badgeText(p.Name))
	return "[![" + name + "](" + v.BadgeURL(p) + ")](" + v.PublicURL + "/projects/" + v.Project.ID + ")"
}

// Reports tells whether the repository's host takes results.
func (v ProjectSettingsView) Reports() bool { return reports(v.Project) }

func reports(p core.Project) bool { return p.Repository.Provider != core.ProviderGit }

// ProjectSettings writes the form for a project's settings.
func (s *Set) ProjectSettings(w io.Writer, v ProjectSettingsView) error {
	return s.render(w, "project_settings", "layout", v)
}

// HookSecretView shows a new webhook secret, this once.
type HookSecretView struct {
	Page
	Project         core.Project
	Address, Secret string
}

// HookSecret writes the page that shows a new webhook secret.
func (s *Set) HookSecret(w io.Writer, v HookSecretView) error {
	return s.render(w, "hook_secret", "layout", v)
}

// ProjectChoices are the policies of a project that mean something for its repository,
// as they are now: those that the reader may change, who manages it or does not.
func ProjectChoices(p core.Project, manages bool) []Choice {
	var choices []Choice
	if reports(p) && manages {
		choices = append(choices, forkChoice(p))
	}
	if reports(p) {
		choices = append(choices, commentChoice(p))
	}
	if p.Repository.Provider == core.ProviderGitHub {
		choices = append(choices, Choice{
			Name: "checks", Label: "Results on a commit", Field: Field{Value: string(p.Checks)},
			Hint: "A check run has a page of its own with the log’s end and a button to run it again. Branch protection can require either.",
			Options: []Option{
				{string(core.CheckStatus), "Commit statuses"},
				{string(core.CheckRun), "Check runs"},
			},
		})
	}
	return choices
}

func forkChoice(p core.Project) Choice {
	return Choice{
		Name: "forks", Label: "Pull requests from forks", Field: Field{Value: string(p.Forks)},
		Hint: "A fork’s build runs a stranger’s code on your runners. It never sees secrets.",
		Options: []Option{
			{string(core.ForksApprove), "Wait for approval"},
			{string(core.ForksBuild), "Are built at once"},
			{string(core.ForksIgnore), "Are ignored"},
		},
	}
}

func commentChoice(p core.Project) Choice {
	return Choice{
		Name: "comments", Label: "Comment on pull requests", Field: Field{Value: string(p.Comments)},
		Hint: "One comment, kept up to date.",
		Options: []Option{
			{string(core.CommentsAlways), "Always"},
			{string(core.CommentsOnFailure), "When a build fails"},
			{string(core.CommentsOff), "Never"},
		},
	}
}
