package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// setupSteps does the first steps, one after the other: one that fails holds up no other.
type setupSteps struct {
	app *app.App
	cfg Config
	ask setupAsk
}

func (s setupSteps) all(ctx context.Context) []setupStep {
	var steps []setupStep
	for _, one := range []struct {
		name string
		do   func(context.Context, *setupStep) error
	}{{"owner", s.owner}, {"demo", s.demo}, {"github", s.gitHub}, {"gitlab", s.gitLab}, {"repository", s.repository}} {
		step := setupStep{Step: one.name}
		if err := one.do(ctx, &step); err != nil {
			step.State, step.Text = stepFailed, strings.TrimSpace(step.Text+" "+core.MessageOf(err))
		}
		steps = append(steps, step)
	}
	return steps
}

func (s setupSteps) owner(ctx context.Context, step *setupStep) error {
	if s.ask.admin != "" {
		if _, err := s.app.EnsureOwner(ctx); err != nil {
			return err
		}
	}
	users, err := s.app.ListUsers(ctx, commandLine())
	if err != nil {
		return err
	}
	owner := ownerOf(users, s.ask.admin)
	known := app.Introduced(owner)
	switch {
	case owner.ID == "" || !known && s.ask.admin == "":
		step.State, step.Text = stepOpen, "nobody has said who owns this server: oore setup --admin YOU@EXAMPLE.COM"
		return nil
	case known && s.ask.admin != "" && !strings.EqualFold(owner.Email, s.ask.admin):
		return core.Errorf(core.KindConflict, "%s <%s> owns this server already; people are invited under Settings → Users", owner.Name, owner.Email)
	case !known:
		if owner, err = s.introduce(ctx, owner); err != nil {
			return err
		}
	}
	step.State, step.Text = stepAlready, fmt.Sprintf("%s <%s> owns this server", owner.Name, owner.Email)
	if !known {
		step.State = stepDone
	}
	if s.ask.passwordFile != "" {
		return s.password(ctx, owner, step)
	}
	if !known {
		step.Text += "; this link signs in, once, within an hour:"
		step.SignInLink, err = s.app.CreateSignInLink(ctx, commandLine())
	}
	return err
}

// ownerOf is the owner with the address, else the one who has not said who they are, else
// the oldest.
func ownerOf(users []core.User, email string) (found core.User) {
	best := 0
	for _, u := range users {
		fit := 1
		switch {
		case u.Role != core.RoleOwner || !u.Enabled:
			continue
		case strings.EqualFold(u.Email, email):
			fit = 3
		case !app.Introduced(u):
			fit = 2
		}
		if fit > best {
			found, best = u, fit
		}
	}
	return found
}

// as is the command line doing what a person does for themself.
func as(u core.User) core.Actor {
	return core.Actor{Kind: core.ActorUser, UserID: u.ID, Name: u.Name, Role: u.Role, Door: core.ViaCLI}
}

func (s setupSteps) introduce(ctx context.Context, owner core.User) (core.User, error) {
	name := s.ask.name
	if name == "" {
		name, _, _ = strings.Cut(s.ask.admin, "@")
	}
	if err := s.app.Introduce(ctx, as(owner), name, s.ask.admin); err != nil {
		return owner, err
	}
	return s.app.FindUser(ctx, commandLine(), owner.ID)
}

func (s setupSteps) password(ctx context.Context, owner core.User, step *setupStep) error {
	if owner.Password != "" {
		step.Text += ", and has a password"
		return nil
	}
	secret, err := secretIn(s.ask.passwordFile)
	if err == nil {
		var session app.NewSession
		if session, err = s.app.SetPassword(ctx, as(owner), app.Visitor{Door: core.ViaCLI}, app.SetPassword{New: secret}); err == nil {
			err = s.app.SignOut(ctx, app.Visitor{Door: core.ViaCLI}, session.Secret)
		}
	}
	if err != nil {
		step.Text += ", but has no password:"
		return err
	}
	step.State = stepDone
	step.Text += ", and signs in with the password"
	step.URL = s.cfg.PublicURL + "/login"
	return nil
}

func (s setupSteps) demo(ctx context.Context, step *setupStep) error {
	projects, _, err := s.app.ListProjects(ctx, commandLine(), core.Page{})
	if err != nil {
		return err
	}
	for _, p := range projects {
		if s.app.IsDemo(p) {
			return s.demoOf(ctx, p, step)
		}
	}
	if !s.ask.demo {
		step.State, step.Text = stepOpen, "a sample repository with a build of a few seconds: oore setup --demo"
		return nil
	}
	return s.startDemo(ctx, step)
}

func (s setupSteps) demoOf(ctx context.Context, p core.Project, step *setupStep) error {
	builds, _, err := s.app.ListBuilds(ctx, commandLine(), core.BuildFilter{ProjectID: p.ID}, core.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(builds) == 0 && s.ask.demo {
		return s.startDemo(ctx, step)
	}
	step.State, step.Text, step.ProjectID = stepAlready, "the project "+p.Name+" is there", p.ID
	step.URL = s.cfg.PublicURL + "/projects/" + p.ID
	return nil
}

func (s setupSteps) startDemo(ctx context.Context, step *setupStep) error {
	b, err := s.app.StartDemo(ctx, commandLine())
	if err == nil {
		s.started(b, "the sample repository", step)
	}
	return err
}

func (s setupSteps) started(b core.Build, what string, step *setupStep) {
	step.State, step.Text = stepDone, fmt.Sprintf("%s; build %d:", what, b.Number)
	step.ProjectID, step.BuildID, step.URL = b.ProjectID, b.ID, s.app.BuildURL(b.ID)
}
