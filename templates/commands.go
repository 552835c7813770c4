package templates

import (
	"io"

	"github.com/oore-ci/oore/app/core"
)

// CommandsView is the manual of the commands.
type CommandsView struct {
	Page
	Rows  []core.CommandRow
	Line  string // tried; empty: none
	Read  string // the command that it is; empty: none, for the Fault
	Fault string
	Next  []core.Completion
}

// CommandExample is a whole command, and what it does.
type CommandExample struct{ Line, Meaning string }

// Examples are commands that say more than one word.
func (CommandsView) Examples() []CommandExample {
	return []CommandExample{
		{"/oore build ios-release android", "builds two pipelines of the pull request’s newest commit"},
		{"/oore build ios-* platform=ios", "builds every pipeline whose name begins with ios-, for iOS alone"},
		{`/oore build pipeline="iOS release" note="for the testers"`, "puts values with spaces into quotes, and a note beside the build"},
		{"/oore logs latest limit=50", "shows how the newest log ends"},
		{"/oore build ios-release project=my-app branch=main", "names the project and the branch, as in a Slack channel that has none of its own"},
	}
}

// Commands writes the manual of the commands.
func (s *Set) Commands(w io.Writer, v CommandsView) error {
	return s.render(w, "commands", "layout", v)
}

// LinkSlackView asks whether a Slack user is to be linked with who is signed in, says
// that it was done, or with an Alert that it was not.
type LinkSlackView struct {
	Page
	Secret string // of the link; empty: there is nothing to ask
	Done   bool
}

// LinkSlack writes the page that links a Slack user.
func (s *Set) LinkSlack(w io.Writer, v LinkSlackView) error {
	return s.render(w, "slack_link", "layout", v)
}
