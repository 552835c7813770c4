package core

import (
	"fmt"
	"strings"
)

// CommandRow is a verb as documentation shows it, in no markup but `code`.
type CommandRow struct {
	Usage   string // with /oore
	Also    string // other names, with commas between; may be empty
	Who     string // may run it in pull requests, or in Slack if it is offered there alone
	Where   string
	Meaning string
	Example string // with /oore
}

// CommandTable is the grammar for README, pages and documentation.
func CommandTable() []CommandRow {
	rows := make([]CommandRow, 0, len(ChatVerbs()))
	for _, v := range ChatVerbs() {
		rows = append(rows, CommandRow{
			Usage: "/oore " + v.Usage, Also: strings.Join(v.Aliases, ", "), Who: who(v.Doors[0], v.Class), Where: where(v),
			Meaning: v.Meaning, Example: "/oore " + v.Example,
		})
	}
	return rows
}

func where(v ChatVerb) string {
	switch {
	case !v.At(DoorForge):
		return "Slack"
	case !v.At(DoorSlack):
		return "open pull requests"
	case v.Closed:
		return "pull requests, Slack"
	}
	return "open pull requests, Slack"
}

func who(door ChatDoor, class ChatClass) string {
	if door == DoorSlack {
		return map[ChatClass]string{
			ClassNone: "anyone", ClassRead: "linked users who see the project", ClassRun: "linked users who may start its builds",
			ClassCancel: "linked users who may start its builds, or asked for this one", ClassAdmin: "linked maintainers of the project",
		}[class]
	}
	return map[ChatClass]string{
		ClassNone: "anyone", ClassRead: "whoever can read the repository", ClassRun: "people with write access",
		ClassCancel: "people with write access, and whoever asked for the build", ClassApprove: "people with write access, but not the author",
	}[class]
}

// HelpText answers `help` at a door: about all its verbs or, with one, about that verb.
// The lines are Markdown that Slack reads as well; the caller adds a link to the
// documentation.
func HelpText(door ChatDoor, verb string) []string {
	if v, ok := FindChatVerb(verb); ok && v.At(door) {
		return helpVerb(door, v)
	}
	lines := []string{"```"}
	for _, v := range ChatVerbs() {
		if v.At(door) {
			lines = append(lines, fmt.Sprintf("%-38s %s", "/oore "+strings.Replace(v.Example, exampleSHA, "<full sha>", 1), v.Meaning))
		}
	}
	return append(lines, "```", whoMayRun(door), rules(door))
}

func whoMayRun(door ChatDoor) string {
	if door == DoorSlack {
		return "Who may run them: " + who(door, ClassRead) + "; `build` and `retry`: those who may start its builds; " +
			"`use`, `subscribe`, `unsubscribe`: its maintainers. Start with `/oore link`."
	}
	return "Who may run them: " + who(door, ClassRead) + "; `build`, `retry`: " + who(door, ClassRun) +
		"; `cancel`: also whoever asked for the build; `approve`, `revoke`: " + who(door, ClassApprove) + "."
}

func rules(door ChatDoor) string {
	if door == DoorSlack {
		return "`/oore help build` explains one command."
	}
	return "Commands must start a line; quotes, code blocks and edits are ignored. `/oore help build` explains one command."
}

func helpVerb(door ChatDoor, v ChatVerb) []string {
	lines := []string{fmt.Sprintf("Command `%s`: %s.", v.Name, v.Meaning), "```", "/oore " + v.Usage}
	for _, a := range append([]ChatArgument{v.Position}, v.Options...) {
		if a.Key != "" {
			lines = append(lines, fmt.Sprintf("  %-10s %s", a.Key, strings.ReplaceAll(a.Meaning, "`", "")))
		}
	}
	if v.Example != v.Usage {
		lines = append(lines, "e.g. /oore "+v.Example)
	}
	lines = append(lines, "```", "Who may run it: "+who(door, v.Class)+".")
	if len(v.Aliases) > 0 {
		lines = append(lines, "Also as `"+strings.Join(v.Aliases, "`, `")+"`.")
	}
	return lines
}
