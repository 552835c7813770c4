package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (s setupSteps) repository(ctx context.Context, step *setupStep) error {
	if s.ask.repository == "" {
		return s.ownProjects(ctx, step)
	}
	address := s.ask.repository
	if isThere(address) {
		var err error
		if address, err = filepath.Abs(address); err != nil {
			return err
		}
	}
	look, err := s.app.LookAtRepository(ctx, commandLine(), address)
	if err != nil {
		return err
	}
	step.Repository = lookedAt(look)
	words := step.Repository.String()
	switch {
	case look.Linked != nil:
		step.State, step.Text = stepAlready, words+"; the project "+look.Linked.Name+" is of it"
		step.ProjectID, step.URL = look.Linked.ID, s.cfg.PublicURL+"/projects/"+look.Linked.ID
		return nil
	case s.ask.look:
		step.State, step.Text = stepOpen, words
		return nil
	}
	b, err := s.app.StartRepository(ctx, commandLine(), address)
	if err != nil {
		step.Text = words + "."
		return err
	}
	s.started(b, words, step)
	return nil
}

func (s setupSteps) ownProjects(ctx context.Context, step *setupStep) error {
	projects, _, err := s.app.ListProjects(ctx, commandLine(), core.Page{})
	var names []string
	for _, p := range projects {
		if !s.app.IsDemo(p) {
			names = append(names, p.Name)
		}
	}
	step.State, step.Text = stepOpen, "your own: oore setup --repository PATH|URL"
	if len(names) > 0 {
		step.State, step.Text = stepAlready, plural(len(names), "project")+": "+strings.Join(names[:min(len(names), 5)], ", ")
	}
	return err
}

func lookedAt(l app.RepositoryLook) *setupRepository {
	return &setupRepository{
		Name: l.Name, Branch: l.Branch, CommitSHA: l.Commit.SHA, Flutter: l.App.Flutter, Version: l.Flutter, Workflow: l.Workflow,
		Platforms: l.Platforms, Labels: l.Labels, Unread: l.Unread, Runners: l.Forecast.Runners, WouldRun: l.Forecast.Fit,
	}
}

// String says in words what is found and proposed.
func (r setupRepository) String() string {
	kind := "a repository"
	if r.Flutter {
		kind = strings.Join(strings.Fields("a Flutter "+r.Version+" app"), " ")
	}
	runs := "nothing, since there is no .oore.yaml"
	switch {
	case r.Workflow != "":
		runs = "what " + r.Workflow + " says"
	case len(r.Platforms) > 0:
		runs = "flutter build for " + strings.Join(r.Platforms, " and ")
	case r.Unread != "":
		runs = "what its .oore.yaml says (" + r.Unread + ")"
	}
	on := ""
	if r.Runners > 0 { // the server has started before
		on = fmt.Sprintf(", on %d of %d runners", r.WouldRun, r.Runners)
	}
	if len(r.Labels) > 0 {
		on += ", those with " + strings.Join(r.Labels, " and ")
	}
	return fmt.Sprintf("%s, %s at %.7s of %s, runs %s%s", r.Name, kind, r.CommitSHA, r.Branch, runs, on)
}
