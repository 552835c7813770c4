package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestBuildIsKeptWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.newBuild()
		b.TriggerEvent, b.TriggerRef, b.Tag, b.CommitMessage, b.CommitAuthor = "push", "ref", "v1", "message", "author"
		b.PullRequest = &core.PullRequest{Number: 7, Title: "t", URL: "u", Fork: true}
		b.DedupeKey, b.DeliveryID, b.SourceBuildID, b.LostRuns, b.Labels = "key", "delivery", "source", 1, []string{"linux"}
		b.TriggerUser, b.ChatChannel, b.Note, b.Platforms = "user:1", "T1/C1", "note", []string{"ios"}
		stored := h.queue(t, b)
		b.Number = 1
		equal(t, stored, b)
		found, err := h.FindBuild(ctx, b.ID)
		ok(t, err)
		equal(t, found, b)
		events, err := h.ListBuildEvents(ctx, b.ID)
		ok(t, err)
		equal(t, events, []core.BuildEvent{queued(b)})

		two := h.newBuild()
		two.CreatedAt, two.QueuedAt = at(1), at(1)
		two = h.queue(t, two)
		equal(t, two.Number, 2)
		newest, err := h.NewestBuild(ctx, h.pipeline.ID, "cafe")
		ok(t, err)
		equal(t, newest, two)
		_, err = h.NewestBuild(ctx, h.pipeline.ID, "beef")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}

func TestDedupeKeyGivesOneBuildAndNumbersWithoutGap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		var mu sync.Mutex
		ids, created := map[string]bool{}, 0
		ok(t, inParallel(50, func(int) error {
			b := h.newBuild()
			b.DedupeKey = "same"
			stored, isNew, err := h.CreateBuild(ctx, b, queued(b))
			mu.Lock()
			defer mu.Unlock()
			ids[stored.ID] = true
			if isNew {
				created++
			}
			return err
		}))
		equal(t, created, 1)
		equal(t, len(ids), 1)
		ok(t, inParallel(20, func(int) error {
			b := h.newBuild()
			_, _, err := h.CreateBuild(ctx, b, queued(b))
			return err
		}))
		list, total, err := h.ListBuilds(ctx, core.BuildFilter{ProjectID: h.project.ID}, core.Page{Limit: 200})
		ok(t, err)
		equal(t, total, 21)
		var numbers []int
		for _, b := range list {
			numbers = append(numbers, b.Number)
			events, err := h.ListBuildEvents(ctx, b.ID)
			ok(t, err)
			equal(t, len(events), 1)
		}
		slices.Sort(numbers)
		for i, n := range numbers {
			equal(t, n, i+1)
		}
	})
}

func TestUpdateBuildComparesAndSets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		event, err := b.Transition(core.BuildRunning, "one", "", at(2))
		ok(t, err)
		refused(t, h.UpdateBuild(ctx, b, core.BuildQueued, "lease", &event), core.KindConflict, core.CodeInvalidTransition)
		refused(t, h.UpdateBuild(ctx, b, core.BuildAssigned, "other", &event), core.KindConflict, core.CodeInvalidTransition)
		events, err := h.ListBuildEvents(ctx, b.ID)
		ok(t, err)
		equal(t, len(events), 2)

		ok(t, h.UpdateBuild(ctx, b, core.BuildAssigned, "lease", &event))
		event, err = b.Transition(core.BuildFailed, "one", core.ReasonCommandFailed, at(3))
		ok(t, err)
		code := 3
		b.LeaseToken, b.LeaseExpiresAt, b.ExitCode, b.StatusMessage = "", time.Time{}, &code, "build-1 failed"
		b.PullRequest = &core.PullRequest{Number: 9, Title: "late"}
		ok(t, h.UpdateBuild(ctx, b, core.BuildRunning, "lease", &event))
		found, err := h.FindBuild(ctx, b.ID)
		ok(t, err)
		equal(t, found, b)
		events, err = h.ListBuildEvents(ctx, b.ID)
		ok(t, err)
		equal(t, events[3], event)
	})
}

func TestOneOfManyUpdatesWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.queue(t, h.newBuild())
		var mu sync.Mutex
		won := 0
		ok(t, inParallel(16, func(int) error {
			mine := b
			event, err := mine.Transition(core.BuildCanceled, "ann", core.ReasonCanceledByUser, at(1))
			if err != nil {
				return err
			}
			err = h.UpdateBuild(ctx, mine, core.BuildQueued, "", &event)
			if core.CodeOf(err) == core.CodeInvalidTransition {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			won++
			return err
		}))
		equal(t, won, 1)
		events, err := h.ListBuildEvents(ctx, b.ID)
		ok(t, err)
		equal(t, len(events), 2)
	})
}

func TestListBuildsFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		repo2, err := h.SaveRepository(ctx, newRepository("2"))
		ok(t, err)
		other := h
		other.project = newProject(repo2, "other")
		ok(t, h.CreateProject(ctx, other.project))
		other.pipeline = newPipeline(other.project, "android")
		ok(t, h.CreatePipeline(ctx, other.pipeline))

		a := h.newBuild()
		a.Branch, a.SHA, a.PullRequest, a.SourceBuildID = "feature", "aaa", &core.PullRequest{Number: 5}, "source"
		a = h.queue(t, a)
		b := h.newBuild()
		b.TriggerType, b.CreatedAt, b.Status = core.TriggerWebhook, at(1), core.BuildSucceeded
		b = h.queue(t, b)
		c := other.newBuild()
		c.CreatedAt, c.PullRequest = at(2), &core.PullRequest{Number: 5}
		c = other.queue(t, c)

		for name, test := range map[string]struct {
			filter core.BuildFilter
			want   []core.Build
		}{
			"nothing":       {core.BuildFilter{}, []core.Build{c, b, a}},
			"project":       {core.BuildFilter{ProjectID: h.project.ID}, []core.Build{b, a}},
			"projects":      {core.BuildFilter{ProjectIDs: []string{other.project.ID, "x"}}, []core.Build{c}},
			"no projects":   {core.BuildFilter{ProjectIDs: []string{}}, []core.Build{}},
			"pipeline":      {core.BuildFilter{PipelineID: other.pipeline.ID}, []core.Build{c}},
			"statuses":      {core.BuildFilter{Statuses: []core.BuildStatus{core.BuildSucceeded, core.BuildFailed}}, []core.Build{b}},
			"branch":        {core.BuildFilter{Branch: "feature"}, []core.Build{a}},
			"commit":        {core.BuildFilter{SHA: "aaa"}, []core.Build{a}},
			"short commit":  {core.BuildFilter{SHAPrefix: "ca"}, []core.Build{c, b}},
			"longer commit": {core.BuildFilter{SHAPrefix: "cafe0"}, []core.Build{}},
			"run again":     {core.BuildFilter{SourceID: "source"}, []core.Build{a}},
			"trigger":       {core.BuildFilter{TriggerType: core.TriggerWebhook}, []core.Build{b}},
			"pull request":  {core.BuildFilter{PullRequest: 5}, []core.Build{c, a}},
			"of repository": {core.BuildFilter{PullRequest: 5, RepositoryID: repo2.ID}, []core.Build{c}},
			"NUL":           {core.BuildFilter{Branch: "\x00\xff"}, []core.Build{}},
		} {
			got, total, err := h.ListBuilds(ctx, test.filter, core.Page{Limit: 50})
			ok(t, err)
			if !slices.EqualFunc(got, test.want, func(x, y core.Build) bool { return x.ID == y.ID }) || total != len(test.want) {
				t.Errorf("%s: got %d builds of %d: %v", name, len(got), total, got)
			}
		}
		page, total, err := h.ListBuilds(ctx, core.BuildFilter{}, core.Page{Limit: 1, Offset: 1})
		ok(t, err)
		equal(t, total, 3)
		equal(t, page, []core.Build{b})
		n, err := h.CountBuilds(ctx, core.BuildQueued)
		ok(t, err)
		equal(t, n, 2)
		old, err := h.ListQueuedBefore(ctx, at(0).Add(time.Microsecond))
		ok(t, err)
		equal(t, len(old), 2)
		old, err = h.ListQueuedBefore(ctx, at(0))
		ok(t, err)
		equal(t, len(old), 0)
	})
}

func TestSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.queue(t, h.newBuild())
		second := core.Step{BuildID: b.ID, Index: 1, Name: "build", Command: "make", Status: core.StepRunning, FirstSequence: 4, StartedAt: at(2)}
		first := core.Step{BuildID: b.ID, Index: 0, Name: "checkout", Status: core.StepRunning, StartedAt: at(1)}
		ok(t, h.SaveStep(ctx, second))
		ok(t, h.SaveStep(ctx, first))
		code, last, end := 0, int64(3), at(2)
		first.Status, first.ExitCode, first.LastSequence, first.FinishedAt = core.StepSucceeded, &code, &last, &end
		ok(t, h.SaveStep(ctx, first))
		steps, err := h.ListSteps(ctx, b.ID)
		ok(t, err)
		equal(t, steps, []core.Step{first, second})
		first.BuildID = "gone"
		refused(t, h.SaveStep(ctx, first), core.KindNotFound, core.CodeNotFound)
	})
}

// PostgreSQL takes neither NUL nor invalid UTF-8 in text; git takes both.
func TestHostileText(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.newBuild()
		b.CommitMessage, b.Branch, b.CommitAuthor, b.DedupeKey = "a\x00b\xffc", "\xc3(", "\x00", "k\x00"
		b.Labels = []string{"x\x00\xff"}
		b = h.queue(t, b)
		found, err := h.FindBuild(ctx, b.ID)
		ok(t, err)
		equal(t, found.CommitMessage, "a\uFFFDb\uFFFDc")
		equal(t, found.Branch, "\uFFFD(")
		again := h.newBuild()
		again.DedupeKey = "k\x00"
		same, created, err := h.CreateBuild(ctx, again, queued(again))
		ok(t, err)
		equal(t, created, false)
		equal(t, same.ID, b.ID)
		_, err = h.FindBuild(ctx, "\x00\xff")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		d := newDelivery("id\x00\xff")
		d.Event, d.Actor = "\x00", "\xff"
		_, created, err = h.ReceiveDelivery(ctx, d)
		ok(t, err)
		equal(t, created, true)
		stored, err := h.FindDelivery(ctx, d.ID)
		ok(t, err)
		equal(t, stored.DeliveryID, "id\uFFFD\uFFFD")
		equal(t, stored.Payload, d.Payload)
		stored.Reason, stored.Verdicts = core.Reason{Code: "x", Text: "\x00"}, []core.DeliveryVerdict{{Pipeline: "\x00\xff"}}
		ok(t, h.UpdateDelivery(ctx, stored, ""))
	})
}
