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

// scope is what a command is about: projects, one at least, and their pipelines, which
// may be none.
type scope struct {
	projects   []core.Project
	candidates []candidate
}

// scope narrows the conversation to one project where the command or the channel names
// one. In Slack a command needs one, unless there is only one to see.
func (a *App) scope(ctx context.Context, c *conversation, in core.ChatCommand) (scope, error) {
	name := in.Options["project"]
	if name == "" && c.door == core.DoorForge {
		return scope{c.projects, c.candidates}, nil
	}
	id := ""
	if name == "" {
		var err error
		id, err = a.store.FindChannelProject(ctx, c.chat.Team, c.chat.Channel)
		if err != nil && core.KindOf(err) != core.KindNotFound {
			return scope{}, err
		}
	}
	about := c.projects
	if named := orElse(name, id); named != "" {
		p, err := c.projectNamed(named)
		if name != "" && err != nil {
			return scope{}, err
		}
		about = []core.Project{p}
	}
	if len(about) == 1 && about[0].ID != "" {
		return scope{about, ofProject(c.candidates, about[0])}, nil
	}
	return scope{}, core.Codef(core.KindInvalid, "project_required", "Say which project with `project=`, or `/oore use <project>` once for this channel. There are: %s.", some(projectNames(c.projects)))
}

// projectNamed finds the project that a person means: by slug or id, else by its name or
// its repository's.
func (c *conversation) projectNamed(name string) (core.Project, error) {
	var found []core.Project
	for _, p := range c.projects {
		switch {
		case p.Slug == name || p.ID == name:
			return p, nil
		case p.Name == name || strings.EqualFold(p.Repository.FullName, name):
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return core.Project{}, core.Codef(core.KindNotFound, "project_not_found", "No such project. There are: %s.", some(projectNames(c.projects)))
	case 1:
		return found[0], nil
	}
	return core.Project{}, core.Codef(core.KindConflict, "ambiguous", "%d projects are named so. Say which: %s.", len(found), some(projectNames(found)))
}

func projectNames(all []core.Project) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Slug)
	}
	return names
}

func ofProject(all []candidate, p core.Project) []candidate {
	var own []candidate
	for _, c := range all {
		if c.project.ID == p.ID {
			own = append(own, c)
		}
	}
	return own
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
func some(names []string) string { return someOf(names, namesShown) }

func someOf(names []string, most int) string {
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// purpose says what pipelines are selected for: to start builds, `all` and globs mean the
// enabled ones.
type purpose bool

const (
	toStart purpose = true
	toFind  purpose = false
)

// selectPipelines finds what selectors name: each the slug, else the exact name, else a
// glob over slugs; `all` is every one.
func selectPipelines(all []candidate, selectors []string, why purpose) ([]candidate, error) {
	var chosen []candidate
	for _, s := range selectors {
		found, err := selectOne(all, s, why)
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

func selectOne(all []candidate, selector string, why purpose) ([]candidate, error) {
	by := func(match func(core.Pipeline) bool) (found []candidate) {
		for _, c := range all {
			if match(c.pipeline) {
				found = append(found, c)
			}
		}
		return found
	}
	fit := func(p core.Pipeline) bool { return p.Enabled || why == toFind }
	if found := by(fit); selector == "all" && len(found) > 0 {
		return found, nil
	}
	exact := by(func(p core.Pipeline) bool { return p.Slug == selector })
	if len(exact) == 0 {
		exact = by(func(p core.Pipeline) bool { return p.Name == selector })
	}
	if len(exact) > 1 {
		return nil, core.Codef(core.KindConflict, "ambiguous", "%d projects have this pipeline: %s. Say which with `project=`.", len(exact), some(projectsOf(exact)))
	}
	if len(exact) == 1 {
		return exact, nil
	}
	if strings.ContainsAny(selector, "*?") {
		if found := by(func(p core.Pipeline) bool { return fit(p) && core.MatchBranch([]string{selector}, p.Slug) }); len(found) > 0 {
			return found, nil
		}
	}
	return nil, core.Codef(core.KindNotFound, "no_match", "No enabled pipeline matches %s. Available: %s.", core.CodeSpan(selector), some(pipelineNames(all)))
}

// projectsOf names the projects of pipelines, each once.
func projectsOf(all []candidate) []string {
	var names []string
	for _, c := range all {
		if !slices.Contains(names, c.project.Slug) {
			names = append(names, c.project.Slug)
		}
	}
	return names
}

// findBuild finds the build with a number among the projects.
func (a *App) findBuild(ctx context.Context, all []core.Project, number string) (core.Build, error) {
	missing := core.Codef(core.KindNotFound, "build_not_found", "There is no build #%s here.", strings.TrimPrefix(number, "#"))
	n, err := strconv.Atoi(strings.TrimPrefix(number, "#"))
	if err != nil {
		return core.Build{}, missing
	}
	var found []core.Build
	for _, p := range all {
		builds, _, err := a.store.ListBuilds(ctx, core.BuildFilter{ProjectID: p.ID, Number: n}, core.Page{Limit: 1})
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
	about, err := a.scope(ctx, c, in)
	if err != nil {
		return nil, err
	}
	selectors := slices.Clone(in.List("pipeline"))
	for _, arg := range in.Args {
		switch {
		case arg == "all" || arg == "failed" || arg == "latest":
		case isNumber(arg):
			b, err := a.findBuild(ctx, about.projects, arg)
			return []core.Build{b}, err
		default:
			selectors = append(selectors, arg)
		}
	}
	if len(selectors) > 0 {
		if about.candidates, err = selectPipelines(about.candidates, selectors, toFind); err != nil {
			return nil, err
		}
	}
	return a.newest(ctx, c, about.candidates, in)
}

// newest finds each pipeline's newest build of the commit or branch in question.
func (a *App) newest(ctx context.Context, c *conversation, of []candidate, in core.ChatCommand) ([]core.Build, error) {
	filter := core.BuildFilter{Branch: in.Options["branch"], SHAPrefix: in.Options["commit"]}
	if c.door == core.DoorForge && filter.Branch == "" && filter.SHAPrefix == "" {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return nil, err
		}
		filter.SHA = pull.SHA
	}
	var found []core.Build
	for _, one := range of {
		filter.PipelineID = one.pipeline.ID
		builds, _, err := a.store.ListBuilds(ctx, filter, core.Page{Limit: 1})
		if err != nil {
			return nil, err
		}
		found = append(found, builds...)
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
