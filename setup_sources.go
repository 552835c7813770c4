package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (s setupSteps) gitHub(ctx context.Context, step *setupStep) error {
	known, err := s.connected(ctx, core.ProviderGitHub)
	if err != nil {
		return err
	}
	if len(known) > 0 {
		told(known, step)
		return nil
	}
	step.State, step.Text = stepOpen, "not connected; a GitHub App is made in the browser, since GitHub asks who you are:"
	step.URL = s.cfg.PublicURL + "/settings/sources/github"
	return nil
}

func (s setupSteps) gitLab(ctx context.Context, step *setupStep) error {
	known, err := s.connected(ctx, core.ProviderGitLab)
	if err != nil {
		return err
	}
	if s.ask.gitlab != "" {
		return s.connectGitLab(ctx, known, step)
	}
	if len(known) > 0 {
		told(known, step)
		return nil
	}
	step.State, step.Text = stepOpen, "not connected; oore setup --gitlab https://gitlab.com --gitlab-token-file FILE, or an OAuth application in the browser:"
	step.URL = s.cfg.PublicURL + "/settings/sources/gitlab"
	return nil
}

func (s setupSteps) connected(ctx context.Context, p core.Provider) (known []app.IntegrationDetail, err error) {
	all, err := s.app.ListIntegrations(ctx, commandLine())
	for _, i := range all {
		if i.Provider == p {
			known = append(known, i)
		}
	}
	return known, err
}

func told(known []app.IntegrationDetail, step *setupStep) {
	var parts []string
	for _, i := range known {
		part := fmt.Sprintf("%s at %s is connected and sees %d repositories", i.Name, i.Host, i.Repositories)
		if i.Trouble != "" {
			part += ", with trouble: " + i.Trouble
		}
		parts = append(parts, part)
	}
	step.State, step.Text = stepAlready, strings.Join(parts, "; ")
}

// connectGitLab gives a host that is connected already its new token, if there is one.
func (s setupSteps) connectGitLab(ctx context.Context, known []app.IntegrationDetail, step *setupStep) error {
	step.State = stepDone
	for _, i := range known {
		if !strings.EqualFold(strings.TrimSuffix(i.WebURL, "/"), strings.TrimSuffix(s.ask.gitlab, "/")) {
			continue
		}
		if told([]app.IntegrationDetail{i}, step); s.ask.gitlabTokenFile == "" || i.Origin == core.OriginEnvironment {
			return nil
		}
	}
	if s.ask.gitlabTokenFile == "" {
		return core.Errorf(core.KindInvalid, "make an access token with the scope api in GitLab, and give it with --gitlab-token-file FILE, or - for standard input")
	}
	token, err := secretIn(s.ask.gitlabTokenFile)
	if err != nil {
		return err
	}
	i, err := s.app.ConnectGitLab(ctx, commandLine(), app.ConnectGitLab{WebURL: s.ask.gitlab, Token: token})
	if err != nil {
		return err
	}
	state := step.State
	told([]app.IntegrationDetail{i}, step)
	step.State = state
	return nil
}
