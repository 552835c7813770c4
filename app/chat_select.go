package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

const namesShown = 10 // valid choices that an error lists

// scope narrows the candidates to one project where the command or the channel names
// one. In Slack a command needs one, unless there is only one to see.
func (a *App) scope(ctx context.Context, c *conversation, in core.ChatCommand) ([]candidate, error) {
	name := in.Options["project"]
	if name == "" && c.door == core.DoorForge {
		return c.candidates, nil
	}
	id := ""
	if name == "" {
		var err error
		id, err = a.store.FindChannelProject(ctx, c.chat.Team, c.chat.Channel)
		if err != nil && core.KindOf(err) != core.KindNotFound {
			return nil, err
		}
	}
	scoped := slices.DeleteFunc(slices.Clone(c.candidates), func(one candidate) bool {
		switch {
		case name != "":
			return !namesProject(name, one.project)
		case id != "":
			return one.project.ID != id
		}
		return false
	})
	projects := projectNames(scoped)
	if len(projects) == 1 {
		return scoped, nil
	}
	if name != "" {
		return nil, core.Codef(core.KindNotFound, "project_not_found", "No such project with a pipeline. There are: %s.", some(projectNames(c.candidates)))
	}
	return nil, core.Codef(core.KindInvalid, "project_required", "Say which project with `project=`, or `/oore use <project>` once for this channel. There are: %s.", some(projectNames(c.candidates)))
}

func namesProject(name string, p core.Project) bool {
	return name == p.Slug || name == p.Name || name == p.ID || strings.EqualFold(name, p.Repository.FullName)
}

func projectNames(all []candidate) []string {
	var names []string
	for _, c := range all {
		if !slices.Contains(names, c.project.Slug) {
			names = append(names, c.project.Slug)
		}
	}
	return names
}

func pipelineNames(all []candidate) []string {
	var names []string
	for _, c := range all {
		if c.pipeline.Enabled && !slices.Contains(names, c.pipeline.Slug) {
			names = append(names, c.pipeline.Slug)
		}
	}
	return names
}

// some lists names for a sentence: ten at most.
func some(names []string) string {
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > namesShown:
		return strings.Join(names[:namesShown], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// selectPipelines finds what selectors name: each the slug, else the exact name, else a
// glob over slugs; `all` is every enabled one. A disabled one that is named is refused.
func selectPipelines(all []candidate, selectors []string) ([]candidate, error) {
	var chosen []candidate
	for _, s := range selectors {
		found, err := selectOne(all, s)
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			if !slices.ContainsFunc(chosen, func(c candidate) bool { return c.pipeline.ID == one.pipeline.ID }) {
				chosen = append(chosen, one)
			}
		}
	}
	return chosen, nil
}

func selectOne(all []candidate, selector string) ([]candidate, error) {
	by := func(match func(core.Pipeline) bool) (found []candidate) {
		for _, c := range all {
			if match(c.pipeline) {
				found = append(found, c)
			}
		}
		return found
	}
	on := func(p core.Pipeline) bool { return p.Enabled }
	if selector == "all" {
		return by(on), nil
	}
	exact := by(func(p core.Pipeline) bool { return p.Slug == selector })
	if len(exact) == 0 {
		exact = by(func(p core.Pipeline) bool { return p.Name == selector })
	}
	if len(exact) > 1 {
		return nil, core.Codef(core.KindConflict, "ambiguous", "%d projects have this pipeline: %s. Say which with `project=`.", len(exact), some(projectNames(exact)))
	}
	if len(exact) == 1 {
		return exact, enabled(exact[0].pipeline)
	}
	if strings.ContainsAny(selector, "*?") {
		if found := by(func(p core.Pipeline) bool { return p.Enabled && core.MatchBranch([]string{selector}, p.Slug) }); len(found) > 0 {
			return found, nil
		}
	}
	return nil, core.Codef(core.KindNotFound, "no_match", "No enabled pipeline matches %s. Available: %s.", quoted(selector), some(pipelineNames(all)))
}

// quoted shows a person's text where it can start neither a line nor markup.
func quoted(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '`' || r < ' ' {
			return -1
		}
		return r
	}, s)
	return "`" + s[:min(len(s), 60)] + "`"
}

// findBuild finds the build with a number among the candidates' projects.
func (a *App) findBuild(ctx context.Context, all []candidate, number string) (core.Build, error) {
	missing := core.Codef(core.KindNotFound, "build_not_found", "There is no build #%s here.", strings.TrimPrefix(number, "#"))
	n, err := strconv.Atoi(strings.TrimPrefix(number, "#"))
	if err != nil {
		return core.Build{}, missing
	}
	var found []core.Build
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.project.ID] {
			continue
		}
		seen[c.project.ID] = true
		builds, _, err := a.store.ListBuilds(ctx, core.BuildFilter{ProjectID: c.project.ID, Number: n}, core.Page{Limit: 1})
		if err != nil {
			return core.Build{}, err
		}
		found = append(found, builds...)
	}
	switch len(found) {
	case 0:
		return core.Build{}, missing
	case 1:
		return a.store.FindBuild(ctx, found[0].ID)
	}
	return core.Build{}, core.Codef(core.KindConflict, "ambiguous", "%d projects have a build #%d. Say which with `project=`.", len(found), n)
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(strings.TrimPrefix(s, "#"))
	return err == nil
}

// targets lists the newest build of each pipeline that a command is about: one by
// number, those of named pipelines, or all of the pull request's head (in Slack: of the
// project's branch).
func (a *App) targets(ctx context.Context, c *conversation, in core.ChatCommand) ([]core.Build, error) {
	scoped, err := a.scope(ctx, c, in)
	if err != nil {
		return nil, err
	}
	selectors := slices.Clone(in.List("pipeline"))
	for _, arg := range in.Args {
		switch {
		case arg == "all" || arg == "failed" || arg == "latest":
		case isNumber(arg):
			b, err := a.findBuild(ctx, scoped, arg)
			return []core.Build{b}, err
		default:
			selectors = append(selectors, arg)
		}
	}
	if len(selectors) > 0 {
		if scoped, err = selectPipelines(scoped, selectors); err != nil {
			return nil, err
		}
	}
	return a.newest(ctx, c, scoped, in)
}

// newest finds each pipeline's newest build of the commit or branch in question.
func (a *App) newest(ctx context.Context, c *conversation, scoped []candidate, in core.ChatCommand) ([]core.Build, error) {
	filter := core.BuildFilter{Branch: in.Options["branch"]}
	if c.door == core.DoorForge && filter.Branch == "" && in.Options["commit"] == "" {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return nil, err
		}
		filter.SHA = pull.SHA
	}
	var found []core.Build
	for _, one := range scoped {
		filter.PipelineID = one.pipeline.ID
		builds, _, err := a.store.ListBuilds(ctx, filter, core.Page{Limit: 20})
		if err != nil {
			return nil, err
		}
		for _, b := range builds {
			if strings.HasPrefix(b.SHA, in.Options["commit"]) {
				found = append(found, b)
				break
			}
		}
	}
	return found, nil
}

// project returns the candidate that a build belongs to.
func (c *conversation) project(b core.Build) (candidate, error) {
	for _, one := range c.candidates {
		if one.pipeline.ID == b.PipelineID {
			return one, nil
		}
	}
	return candidate{}, fmt.Errorf("pipeline %s of build %s is not among those of the conversation", b.PipelineID, b.ID)
}
