package app

import (
	"context"
	"fmt"
	"slices"
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

// AskWhy names a commit. The repository is named by its id, by its full name, or by host
// and full name (git.example.com/acme/shop); a provider narrows a name.
type AskWhy struct {
	Repository string
	Provider   core.Provider // empty: any
	SHA        string        // full hex
}

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
// there asks the forge whether it tried to tell us. Of several repositories of one name
// that the actor sees, it is the one that has the commit.
func (a *App) Why(ctx context.Context, actor core.Actor, in AskWhy) (Why, error) {
	w := Why{Repository: in.Repository, SHA: in.SHA}
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return w, err
	}
	if in.Repository == "" || !core.ValidSHA(in.SHA) {
		return w, core.Errorf(core.KindInvalid, "repo and sha: give the repository's full name and the whole commit id")
	}
	named, err := a.visibleRepositories(ctx, actor, in)
	if err != nil {
		return w, err
	}
	if len(named) == 0 {
		w.Code, w.Sentence = WhyCodeUnknownRepo, fmt.Sprintf("%s is not linked to a project that you can see. Link it, and its next push is built.", in.Repository)
		return w, nil
	}
	return a.whyIn(ctx, actor, named, in.SHA)
}

// visibleRepositories lists the linked repositories that are named so, of which the actor
// sees a project.
func (a *App) visibleRepositories(ctx context.Context, actor core.Actor, in AskWhy) ([]core.Repository, error) {
	projects, err := a.visibleProjects(ctx, actor)
	if err != nil {
		return nil, err
	}
	var found []core.Repository
	seen := map[string]bool{}
	for _, p := range projects {
		r := p.Repository
		named := r.ID == in.Repository || strings.EqualFold(r.FullName, in.Repository) || r.Host != "" && strings.EqualFold(r.Host+"/"+r.FullName, in.Repository)
		if named && !seen[r.ID] && (in.Provider == "" || in.Provider == r.Provider) {
			seen[r.ID] = true
			found = append(found, r)
		}
	}
	return found, nil
}

// whyIn answers for repositories that the actor may see, one at least: for the one that
// has built the commit, else for the one that heard of it.
func (a *App) whyIn(ctx context.Context, actor core.Actor, repos []core.Repository, sha string) (Why, error) {
	var heard *Why
	for _, repo := range repos {
		w, err := a.whatIsKnown(ctx, actor, repo, sha)
		if err != nil {
			return w, err
		}
		if len(w.Builds) > 0 {
			return a.whyKnown(ctx, actor, w)
		}
		if len(w.Deliveries) > 0 && heard == nil {
			heard = &w
		}
	}
	if heard != nil {
		return a.whyKnown(ctx, actor, *heard)
	}
	var first *Why
	for _, repo := range repos {
		w, err := a.whyUndelivered(ctx, Why{Repository: repo.FullName, SHA: sha}, repo)
		if err != nil || len(w.Missed) > 0 {
			return w, err
		}
		if first == nil {
			first = &w
		}
	}
	return *first, nil
}

// whatIsKnown gathers what arrived of a commit and what was built of it.
func (a *App) whatIsKnown(ctx context.Context, actor core.Actor, repo core.Repository, sha string) (w Why, err error) {
	w = Why{Repository: repo.FullName, SHA: sha}
	h, err := a.hiddenFrom(ctx, actor)
	if err != nil {
		return w, err
	}
	if w.Deliveries, err = a.deliveriesOf(ctx, repo, core.DeliveryFilter{SHA: sha}); err != nil {
		return w, err
	}
	for i := range w.Deliveries {
		h.redactOf(&w.Deliveries[i], false)
	}
	w.Builds, _, err = a.ListBuilds(ctx, actor, core.BuildFilter{RepositoryID: repo.ID, SHA: sha}, core.Page{Limit: 20})
	return w, err
}

// deliveriesOf lists what arrived about a repository, newest first, without payload.
// Names say too little: at another host, or in another folder, there may be another of
// the same name. Of what brought more than is kept, the projects tell that it was for.
func (a *App) deliveriesOf(ctx context.Context, repo core.Repository, f core.DeliveryFilter) ([]core.Delivery, error) {
	f.Provider, f.Repository = repo.Provider, repo.FullName
	list, _, err := a.store.ListDeliveries(ctx, f, core.Page{Limit: 20})
	if err != nil {
		return nil, err
	}
	projects, err := a.store.ListProjectsOfRepository(ctx, repo.ID)
	if err != nil {
		return nil, err
	}
	own := []core.Delivery{}
	for _, d := range list {
		whole, err := a.store.FindDelivery(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		u := a.understand(ctx, whole)
		about := u.err == nil && u.event.RepositoryID == repo.ExternalID
		if whole.BodySHA256 != "" {
			about = wasFor(whole, projects)
		}
		if about && u.host == repo.Host {
			own = append(own, d)
		}
	}
	return own, nil
}

// wasFor tells whether a delivery was decided about for one of the projects.
func wasFor(d core.Delivery, projects []core.Project) bool {
	return slices.ContainsFunc(d.Verdicts, func(v core.DeliveryVerdict) bool {
		return slices.ContainsFunc(projects, func(p core.Project) bool { return p.ID == v.ProjectID })
	})
}

// whyKnown puts into words what is known.
func (a *App) whyKnown(ctx context.Context, actor core.Actor, w Why) (Why, error) {
	if len(w.Deliveries) == 0 {
		w.Code, w.Sentence = WhyCodeBuilt, howItCame(w.Builds[0])+howItStands(w.Builds[0])
		return w, nil
	}
	newest := w.Deliveries[0]
	if newest.BodySHA256 == "" {
		evaluated, err := a.EvaluateDelivery(ctx, actor, newest.ID)
		if err != nil {
			return w, err
		}
		w.Evaluation = evaluated.Verdicts
	}
	switch {
	case len(w.Builds) > 0:
		w.Code, w.Sentence = WhyCodeBuilt, "It arrived and was built: "+howItStands(w.Builds[0])
	case newest.Status == core.DeliveryReceived:
		w.Code, w.Sentence = WhyCodeNotBuilt, "It arrived and waits to be looked at."
	default:
		w.Code, w.Sentence = WhyCodeNotBuilt, "It arrived and was not built. "+newest.Reason.Text
	}
	return w, nil
}

// howItCame says of a build of whose commit nothing arrived, or nothing is left, why it is.
func howItCame(b core.Build) string {
	if b.TriggerType == core.TriggerManual || b.TriggerType == core.TriggerAPI {
		return "It was built by hand: "
	}
	return "It was built: "
}

// howItStands says of a build what its page does, with the reason if it has one.
func howItStands(b core.Build) string {
	if b.StatusMessage == "" {
		return fmt.Sprintf("build #%d is %s.", b.Number, b.Status)
	}
	return fmt.Sprintf("build #%d is %s. %s.", b.Number, b.Status, strings.TrimSuffix(b.StatusMessage, "."))
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
	w.Code, w.Sentence = WhyCodeNeverSent, "The forge never sent it. "+neverSentHint(repo)
	return w, nil
}

func neverSentHint(repo core.Repository) string {
	if repo.Unavailable != "" {
		return repo.Unavailable + "."
	}
	if repo.HookTrouble != "" {
		return "Its webhook does not work: " + repo.HookTrouble
	}
	return "Either the commit was not pushed to a branch, or the webhook does not subscribe to push and pull request events. Branch heads are looked at every five minutes all the same."
}
