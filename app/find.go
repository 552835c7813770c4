package app

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

const (
	findLimit   = 8   // of each kind
	maxFindText = 200 // bytes that are looked at
)

// Found is what a search brings, a few of each kind: projects and pipelines by name,
// builds newest first.
type Found struct {
	Projects  []core.Project
	Pipelines []core.Pipeline
	Builds    []core.Build
}

// Find searches what the actor may see: projects by name, slug or repository, pipelines
// by name, builds by number ("142", "#142", "shop 142") or by four or more digits of
// their commit. An empty text finds nothing.
func (a *App) Find(ctx context.Context, actor core.Actor, text string) (Found, error) {
	var found Found
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return found, err
	}
	text = strings.ToLower(strings.TrimSpace(text[:min(len(text), maxFindText)]))
	if text == "" {
		return found, nil
	}
	seen, err := a.visibleProjects(ctx, actor)
	if err != nil {
		return found, err
	}
	found.Projects = first(matching(seen, text))
	if found.Pipelines, err = a.store.ListPipelinesNamed(ctx, text, ids(seen), findLimit); err != nil {
		return found, err
	}
	found.Builds, err = a.findBuilds(ctx, seen, text)
	return found, err
}

func matching(projects []core.Project, text string) []core.Project {
	var out []core.Project
	for _, p := range projects {
		if strings.Contains(strings.ToLower(p.Name+"\n"+p.Slug+"\n"+p.Repository.FullName), text) {
			out = append(out, p)
		}
	}
	return out
}

func first[T any](items []T) []T { return items[:min(len(items), findLimit)] }

func ids(projects []core.Project) []string {
	out := make([]string, len(projects))
	for i, p := range projects {
		out[i] = p.ID
	}
	return out
}

// findBuilds reads the text's last word as a number or a commit, and the words before it
// as a project.
func (a *App) findBuilds(ctx context.Context, seen []core.Project, text string) ([]core.Build, error) {
	last := text[strings.LastIndexByte(text, ' ')+1:]
	if of := strings.TrimSpace(strings.TrimSuffix(text, last)); of != "" {
		seen = matching(seen, of)
	}
	var filters []core.BuildFilter
	if n, err := strconv.ParseInt(strings.TrimPrefix(last, "#"), 10, 32); err == nil && n > 0 {
		filters = append(filters, core.BuildFilter{Number: int(n)})
	}
	if regexp.MustCompile(`^[0-9a-f]{4,40}$`).MatchString(last) {
		filters = append(filters, core.BuildFilter{SHAPrefix: last})
	}
	var out []core.Build
	for _, f := range filters {
		f.ProjectIDs = ids(seen)
		builds, _, err := a.store.ListBuilds(ctx, f, core.Page{Limit: findLimit})
		if err != nil {
			return nil, err
		}
		out = append(out, builds...)
	}
	return first(out), nil
}
