package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Codes of Why: which of the three things happened.
const (
	WhyCodeBuilt       = "built"       // it arrived and builds came of it
	WhyCodeNotBuilt    = "not_built"   // it arrived and was not built
	WhyCodeUnreachable = "unreachable" // the forge tried and could not reach us
	WhyCodeNeverSent   = "never_sent"  // the forge never sent it
	WhyCodeUnknownRepo = "repo_unknown"
)

// Why answers "why was this commit not built?".
type Why struct {
	Repository string
	SHA        string
	Code       string
	Sentence   string
	Deliveries []core.Delivery        // that told us of the commit, newest first
	Missed     []core.MissedDelivery  // of the repository, that the forge could not bring
	Builds     []core.Build           // of the commit, newest first
	Evaluation []core.DeliveryVerdict // of the newest delivery, by today's settings; nothing is started
}

// Why looks for a commit among what arrived and what was built, and if it is not
// there asks the forge whether it tried to tell us.
func (a *App) Why(ctx context.Context, actor core.Actor, repository, sha string) (Why, error) {
	w := Why{Repository: repository, SHA: sha}
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return w, err
	}
	if repository == "" || !core.ValidSHA(sha) {
		return w, core.Errorf(core.KindInvalid, "repo and sha: give the repository's full name and the whole commit id")
	}
	repo, ok, err := a.visibleRepository(ctx, actor, repository)
	if err != nil {
		return w, err
	}
	if !ok {
		w.Code, w.Sentence = WhyCodeUnknownRepo, fmt.Sprintf("%s is not linked to a project that you can see. Link it, and its next push is built.", repository)
		return w, nil
	}
	w.Repository = repo.FullName
	if w.Deliveries, _, err = a.ListDeliveries(ctx, actor, core.DeliveryFilter{Provider: repo.Provider, Repository: repo.FullName, SHA: sha}, core.Page{Limit: 20}); err != nil {
		return w, err
	}
	if w.Builds, _, err = a.ListBuilds(ctx, actor, core.BuildFilter{RepositoryID: repo.ID, SHA: sha}, core.Page{Limit: 20}); err != nil {
		return w, err
	}
	if len(w.Deliveries) > 0 {
		return a.whyDelivered(ctx, actor, w)
	}
	if len(w.Builds) > 0 {
		w.Code, w.Sentence = WhyCodeBuilt, fmt.Sprintf("It was built by hand: build #%d.", w.Builds[0].Number)
		return w, nil
	}
	return a.whyUndelivered(ctx, w, repo)
}

// visibleRepository finds a linked repository by name, if the actor sees a project of it.
func (a *App) visibleRepository(ctx context.Context, actor core.Actor, name string) (core.Repository, bool, error) {
	projects, err := a.visibleProjects(ctx, actor)
	if err != nil {
		return core.Repository{}, false, err
	}
	for _, p := range projects {
		if strings.EqualFold(p.Repository.FullName, name) {
			return p.Repository, true, nil
		}
	}
	return core.Repository{}, false, nil
}

func (a *App) whyDelivered(ctx context.Context, actor core.Actor, w Why) (Why, error) {
	newest := w.Deliveries[0]
	evaluated, err := a.EvaluateDelivery(ctx, actor, newest.ID)
	if err != nil {
		return w, err
	}
	w.Evaluation = evaluated.Verdicts
	switch {
	case len(w.Builds) > 0:
		w.Code, w.Sentence = WhyCodeBuilt, fmt.Sprintf("It arrived and was built: build #%d is %s.", w.Builds[0].Number, w.Builds[0].Status)
	case newest.Status == core.DeliveryReceived:
		w.Code, w.Sentence = WhyCodeNotBuilt, "It arrived and waits to be looked at."
	default:
		w.Code, w.Sentence = WhyCodeNotBuilt, "It arrived and was not built. "+newest.Reason.Text
	}
	return w, nil
}

func (a *App) whyUndelivered(ctx context.Context, w Why, repo core.Repository) (Why, error) {
	s, ok := a.forges[repo.Provider].(core.Surveyor)
	if !ok {
		w.Code, w.Sentence = WhyCodeNeverSent, fmt.Sprintf("No message about this commit arrived, and %s keeps no list that we could ask.", repo.Provider)
		return w, nil
	}
	missed, err := a.missed(ctx, repo.Provider, s, repo)
	if err != nil && len(missed) == 0 {
		return w, err
	}
	for _, m := range missed {
		if m.RepositoryID == repo.ExternalID && (m.IntegrationID == repo.IntegrationID || repo.IntegrationID == "") {
			w.Missed = append(w.Missed, m)
		}
	}
	if n := len(w.Missed); n > 0 {
		last := w.Missed[n-1]
		w.Code = WhyCodeUnreachable
		when := ""
		if !last.At.IsZero() {
			when = " at " + last.At.UTC().Format("15:04 on 2 January")
		}
		w.Sentence = fmt.Sprintf("The forge tried to tell us of %s and could not reach us: %s%s. It is asked for again by itself.", repo.FullName, last.Status, when)
		return w, nil
	}
	w.Code, w.Sentence = WhyCodeNeverSent, "The forge never sent it. "+a.neverSentHint(repo)
	return w, nil
}

func (a *App) neverSentHint(repo core.Repository) string {
	if repo.Unavailable != "" {
		return repo.Unavailable + "."
	}
	if repo.HookTrouble != "" {
		return "Its webhook does not work: " + repo.HookTrouble
	}
	return "Either the commit was not pushed to a branch, or the webhook does not subscribe to push and pull request events. Branch heads are looked at every five minutes all the same."
}
