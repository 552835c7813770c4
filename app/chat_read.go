package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// chatStatus shows how builds stand: those of the pull request's head, or in Slack the
// newest of each pipeline.
func (a *App) chatStatus(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	builds, err := a.targets(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	if len(builds) == 0 {
		return saying("Nothing was built%s yet.", c.at())
	}
	var lines []string
	for _, b := range builds {
		one, err := c.project(b)
		if err != nil {
			return said{}, err
		}
		lines = append(lines, a.statusLine(one, b))
	}
	return said{text: strings.Join(lines, "\n")}, nil
}

func (a *App) statusLine(one candidate, b core.Build) string {
	took := ""
	if b.FinishedAt != nil {
		took = " in " + core.HumanDuration(b.Duration(*b.FinishedAt))
	}
	return fmt.Sprintf("- %s #%d: **%s**%s, %.7s on %s, %s", one.pipeline.Name, b.Number, b.Status, took, b.SHA, core.CodeSpan(orElse(b.Branch, b.Tag)), a.BuildURL(b.ID))
}

// chatLogs links to a log and, where not everybody could read it, shows its end.
func (a *App) chatLogs(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	builds, err := a.targets(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	if len(builds) == 0 {
		return said{}, core.Codef(core.KindNotFound, "build_not_found", "Nothing was built%s yet.", c.at())
	}
	b := builds[0]
	one, err := c.project(b)
	if err != nil {
		return said{}, err
	}
	text := a.statusLine(one, b)
	if !one.project.Repository.Private && c.door == core.DoorForge {
		return said{text: text}, nil
	}
	tail, err := a.endOfLog(ctx, b, limitOf(in, 20))
	if err != nil || len(tail) == 0 {
		return said{text: text}, err
	}
	return said{text: text + "\n\n" + fenced(tail)}, nil
}

// endOfLog is the end of the step that failed, else of the whole log.
func (a *App) endOfLog(ctx context.Context, b core.Build, limit int) ([]string, error) {
	if b.Status == core.BuildFailed {
		tail, err := a.tail(ctx, b)
		if err != nil || len(tail) > 0 {
			return tail[max(0, len(tail)-limit):], err
		}
	}
	extent, err := a.store.FindLog(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	page, err := a.readLog(ctx, b.ID, max(-1, extent.Next-int64(limit)-1), limit)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, r := range page.page.Records {
		lines = append(lines, string(r.Content))
	}
	return lines, nil
}

// fenced quotes lines of a log so that none of them acts: every line is indented by a
// character, so that none begins with what a program printed, and no fence ends early.
func fenced(lines []string) string {
	const most = 200
	var out strings.Builder
	out.WriteString("```text\n")
	for _, line := range lines {
		line = strings.ToValidUTF8(strings.ReplaceAll(line, "```", "'''"), "\uFFFD")
		if runes := []rune(line); len(runes) > most {
			line = string(runes[:most]) + "…"
		}
		line = strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' || r == '\x7f' {
				return -1
			}
			return r
		}, line)
		out.WriteString("│ " + line + "\n")
	}
	out.WriteString("```")
	return out.String()
}

// inert takes the markup out of a sentence that quotes people: names of branches are
// whatever a stranger makes them.
func inert(s string) string {
	return strings.NewReplacer("`", "'", "@", "@\u200b", "<", "‹", ">", "›", "[", "(", "]", ")", "*", "∗", "|", "¦", "&", "＆", "!", "ǃ").Replace(s)
}

// chatList shows what there is.
func (a *App) chatList(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	what := "pipelines"
	if len(in.Args) > 0 {
		what = in.Args[0]
	}
	if what == "projects" {
		return saying("Projects: %s.", someOf(projectNames(c.projects), limitOf(in, namesShown)))
	}
	about, err := a.scope(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	if what == "builds" {
		return a.chatListBuilds(ctx, c, about, in)
	}
	if len(about.candidates) == 0 {
		return saying("There is no pipeline yet.")
	}
	limit := limitOf(in, mostListed)
	var lines []string
	for i, one := range about.candidates {
		if i == limit {
			lines = append(lines, fmt.Sprintf("- and %d more", len(about.candidates)-i))
			break
		}
		lines = append(lines, "- "+describePipeline(one.pipeline)+a.matchesPull(ctx, c, one))
	}
	return said{text: strings.Join(lines, "\n")}, nil
}

// mostListed bounds a list that nobody has bounded.
const mostListed = 50

// limitOf is how many entries a command asks for.
func limitOf(in core.ChatCommand, otherwise int) int {
	if n, err := strconv.Atoi(in.Options["limit"]); err == nil {
		return n
	}
	return otherwise
}

func describePipeline(p core.Pipeline) string {
	on := "any event"
	if len(p.Trigger.Events) > 0 {
		var events []string
		for _, e := range p.Trigger.Events {
			events = append(events, string(e))
		}
		on = strings.Join(events, ", ")
	}
	branches := "any branch"
	if len(p.Trigger.Branches) > 0 {
		branches = core.CodeSpan(strings.Join(p.Trigger.Branches, " "))
	}
	text := fmt.Sprintf("**%s** (%s): %s on %s", p.Slug, p.Name, on, branches)
	if !p.Enabled {
		text += ", disabled"
	}
	return text
}

func (a *App) matchesPull(ctx context.Context, c *conversation, one candidate) string {
	if c.door != core.DoorForge {
		return ""
	}
	pull, err := a.pullRequest(ctx, c)
	if err != nil {
		return ""
	}
	if v := one.pipeline.Trigger.Match(pull); !v.Matched {
		return ". Not for this pull request: " + inert(v.Reason)
	}
	return ". Matches this pull request."
}

func (a *App) chatListBuilds(ctx context.Context, c *conversation, about scope, in core.ChatCommand) (said, error) {
	filter := core.BuildFilter{PullRequest: c.chat.Number, ProjectIDs: []string{}} // in Slack: of any
	for _, p := range about.projects {
		filter.ProjectIDs = append(filter.ProjectIDs, p.ID)
	}
	builds, total, err := a.store.ListBuilds(ctx, filter, core.Page{Limit: limitOf(in, 5)})
	if err != nil {
		return said{}, err
	}
	lines := []string{fmt.Sprintf("%d of %d builds:", len(builds), total)}
	for _, b := range builds {
		if one, err := c.project(b); err == nil {
			lines = append(lines, a.statusLine(one, b))
		}
	}
	return said{text: strings.Join(lines, "\n")}, nil
}

// chatArtifacts links to what a build made, and to its page.
func (a *App) chatArtifacts(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	builds, err := a.targets(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	if len(builds) == 0 {
		return said{}, core.Codef(core.KindNotFound, "build_not_found", "Nothing was built%s yet.", c.at())
	}
	links, err := a.artifactLinks(ctx, builds[0])
	if err != nil {
		return said{}, err
	}
	lines := []string{fmt.Sprintf("What build #%d made is on its page: %s", builds[0].Number, a.BuildURL(builds[0].ID))}
	for i, l := range links {
		if i == maxChatArtifacts {
			lines = append(lines, fmt.Sprintf("- and %d more", len(links)-i))
			break
		}
		what := "Load"
		if l.Kind.Installable() {
			what = "Install"
		}
		lines = append(lines, fmt.Sprintf("- %s %s (%s): %s", what, core.CodeSpan(l.Name), core.HumanSize(l.Size), l.URL))
	}
	return said{text: strings.Join(lines, "\n")}, nil
}

// maxChatArtifacts bounds one answer.
const maxChatArtifacts = 20

// chatWhy says why a commit was or was not built.
func (a *App) chatWhy(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	about, err := a.scope(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	repo, sha := about.projects[0].Repository, ""
	if len(in.Args) > 0 {
		sha = in.Args[0]
	}
	if c.door == core.DoorForge {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return said{}, err
		}
		if strings.HasPrefix(pull.SHA, sha) {
			sha = pull.SHA
		}
	}
	if sha == "" {
		return said{}, core.Codef(core.KindInvalid, core.CodeMissingValue, "Say which commit, e.g. `/oore why 1a2b3c4`.")
	}
	if sha, err = a.expand(ctx, c, repo, sha); err != nil {
		return said{}, err
	}
	w, err := a.whyIn(ctx, c.actor, []core.Repository{repo}, sha)
	if err != nil {
		return said{}, err
	}
	return saying("%s %s/why?repo=%s&sha=%s", inert(w.Sentence), a.publicURL, repo.ID, sha)
}

func (a *App) chatHelp(c *conversation, in core.ChatCommand) (said, error) {
	verb := ""
	if len(in.Args) > 0 {
		verb = in.Args[0]
	}
	return saying("%s\n\nMore: %s/commands", strings.Join(core.HelpText(c.door, verb), "\n"), a.publicURL)
}

func (a *App) chatPing(ctx context.Context) (said, error) {
	waiting, err := a.store.CountBuilds(ctx, core.BuildQueued)
	if err != nil {
		return said{}, err
	}
	return saying("Oore %s is here. %d builds wait for a runner.", a.version, waiting)
}
