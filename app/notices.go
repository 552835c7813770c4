package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Codes of notices.
const (
	NoticePaused     = "queue_paused" // nothing is claimed; Target: empty
	NoticeNoRunner   = "no_runner"    // nobody takes builds that want certain labels; Target: empty
	NoticeDiskFull   = "disk_full"    // a runner takes no builds; Target: its id
	NoticeServerFull = "server_disk"  // a disk of the server has no room; Target: empty
	NoticeSource     = "source"       // an integration does not work; Target: its id
	NoticeRepository = "repository"   // a repository or its webhook does not work; Target: the project's id
	NoticeNothing    = "nothing_came" // a push came by no webhook; Target: the delivery's id
)

// Notice is something that keeps builds from running and that somebody should look at.
type Notice struct {
	Code   string
	Text   string
	Target string
	At     *time.Time // when it was last well; nil: not known
}

// shownNotices bounds those of one kind: behind more there is mostly one cause.
const shownNotices = 5

// notices lists what needs a look, as far as the actor may see it.
func (a *App) notices(ctx context.Context, actor core.Actor, w world, q core.Queue, places []core.QueuePlace) ([]Notice, error) {
	all := w.waiting(q, places)
	if q.Paused != nil {
		all = append(all, Notice{Code: NoticePaused, Text: q.Paused.Sentence(q.At)})
	}
	for _, d := range []*disk{&a.databaseDisk, &a.blobDisk} {
		if full := d.room(); full != nil {
			all = append(all, Notice{Code: NoticeServerFull, Text: core.MessageOf(full) + "."})
		}
	}
	labeled, err := a.store.ListLabeledPipelines(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, w.wanting(q, labeled)...)
	for _, r := range q.Runners {
		if r.State(q.At) == core.RunnerFull {
			all = append(all, Notice{Code: NoticeDiskFull, Target: r.ID, Text: fmt.Sprintf("Runner %s has almost no disk space left, so it takes no builds.", r.Name)})
		}
	}
	sources, err := a.sourceNotices(ctx, actor, w)
	if err != nil {
		return nil, err
	}
	silent, err := a.silentNotices(ctx, w, q.At)
	return fewOfEach(append(append(all, sources...), silent...)), err
}

func fewOfEach(all []Notice) []Notice {
	var few []Notice
	of := map[string]int{}
	for _, n := range all {
		if of[n.Code]++; of[n.Code] <= shownNotices {
			few = append(few, n)
		}
	}
	return few
}

// waiting speaks of builds that nobody takes, once for each reason.
func (w world) waiting(q core.Queue, places []core.QueuePlace) []Notice {
	count := map[string]int{}
	var reasons []int // the first of each, in the order of the queue
	for i, place := range places {
		if w.hidden(q.Waiting[i].ProjectID) {
			continue
		}
		switch place.Reason.Code {
		case core.WaitNoRunner, core.WaitPaused, core.WaitDraining:
			if count[place.Reason.Text]++; count[place.Reason.Text] == 1 {
				reasons = append(reasons, i)
			}
		}
	}
	var all []Notice
	for _, i := range reasons {
		n := Notice{Code: NoticeNoRunner, Text: places[i].Reason.Text}
		if places[i].Reason.Code == core.WaitNoRunner {
			n = unanswered(q, q.Waiting[i].Labels)
		}
		n.Text += " " + buildsWait(count[places[i].Reason.Text])
		all = append(all, n)
	}
	return all
}

func buildsWait(n int) string {
	if n == 1 {
		return "1 build waits."
	}
	return fmt.Sprintf("%d builds wait.", n)
}

// unanswered says that no runner with the labels answers, and since when.
func unanswered(q core.Queue, labels []string) Notice {
	n := Notice{Code: NoticeNoRunner, Text: "No runner answers."}
	if len(labels) > 0 {
		n.Text = "No runner with " + core.LabelWords(labels) + " answers."
	}
	for _, r := range q.Runners {
		if seen := r.LastSeenAt; core.Takes(r.AllLabels(), labels) && !seen.IsZero() && (n.At == nil || seen.After(*n.At)) {
			n.At = &seen
		}
	}
	return n
}

// wanting speaks of pipelines whose builds nobody would take, where none waits yet.
func (w world) wanting(q core.Queue, labeled []core.Pipeline) []Notice {
	said := map[string]bool{}
	for _, e := range q.Waiting {
		if !w.hidden(e.ProjectID) {
			said[strings.Join(e.Labels, ",")] = true
		}
	}
	var all []Notice
	for _, p := range labeled {
		key := strings.Join(p.Labels, ",")
		if said[key] || w.hidden(p.ProjectID) || taken(q, p.Labels) {
			continue
		}
		said[key] = true
		n := unanswered(q, p.Labels)
		n.Text += fmt.Sprintf(" Pipeline %s of %s wants one.", p.Name, w.projects[p.ProjectID].Name)
		all = append(all, n)
	}
	return all
}

// taken tells whether a runner with the labels answers, be it paused or full.
func taken(q core.Queue, labels []string) bool {
	for _, r := range q.Runners {
		if r.State(q.At) != core.RunnerOffline && core.Takes(r.AllLabels(), labels) {
			return true
		}
	}
	return false
}

// sourceNotices speaks of what is connected and does not work.
func (a *App) sourceNotices(ctx context.Context, actor core.Actor, w world) ([]Notice, error) {
	var all []Notice
	if core.Allow(actor, core.ActManageInstance, nil) == nil {
		integrations, err := a.store.ListIntegrations(ctx)
		if err != nil {
			return nil, err
		}
		for _, i := range integrations {
			if i.Trouble != "" {
				all = append(all, Notice{Code: NoticeSource, Target: i.ID, Text: fmt.Sprintf("%s at %s: %s", i.Name, i.Host, i.Trouble)})
			}
		}
	}
	for _, p := range w.seen {
		wrong := orElse(p.Repository.Unavailable, p.Repository.HookTrouble)
		if wrong != "" && core.Allow(actor, core.ActEditProject, &p) == nil {
			all = append(all, Notice{Code: NoticeRepository, Target: p.ID, Text: fmt.Sprintf("%s, %s: %s", p.Name, p.Repository.FullName, wrong)})
		}
	}
	return all, nil
}

// silentNotices speaks of repositories whose last change came by no webhook within the
// last day: it was found by looking.
func (a *App) silentNotices(ctx context.Context, w world, now time.Time) ([]Notice, error) {
	repositories := map[string]bool{}
	for _, p := range w.seen {
		if p.Repository.Provider != core.ProviderGit {
			repositories[repositoryKey(p.Repository.Provider, p.Repository.FullName)] = true
		}
	}
	swept, err := a.store.ListSwept(ctx, now.Add(-24*time.Hour), 4*shownNotices)
	if err != nil {
		return nil, err
	}
	var all []Notice
	for _, d := range swept {
		key := repositoryKey(d.Provider, d.Repository)
		if !repositories[key] {
			continue
		}
		delete(repositories, key) // once
		newest, _, err := a.store.ListDeliveries(ctx, core.DeliveryFilter{Provider: d.Provider, Repository: d.Repository}, core.Page{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(newest) == 1 && newest[0].ID == d.ID {
			all = append(all, Notice{Code: NoticeNothing, Target: d.ID, Text: fmt.Sprintf("%s: its last change came by no webhook; Oore found it by looking, which takes minutes.", d.Repository)})
		}
	}
	return all, nil
}
