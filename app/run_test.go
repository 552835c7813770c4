package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestAFormThatIsSentTwiceGivesOneBuild(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	for _, sha := range []string{shaA, shaB} {
		h.forge.standsAt(sha, "version: 1\nplatforms: [android, ios]\n")
	}
	h.forge.main = shaA
	in := app.TriggerBuild{ProjectID: p.ID, PipelineID: h.pipeline(t, p.ID, "Android").ID, Type: core.TriggerManual, Key: "k1", Note: "for QA", Platforms: []string{"ios", "android"}}
	trigger := func(actor core.Actor, in app.TriggerBuild) core.Build {
		t.Helper()
		b, err := h.TriggerBuild(t.Context(), actor, in)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := trigger(h.owner, in)
	if again := trigger(h.owner, in); again.ID != first.ID {
		t.Error("the same form made a second build")
	}
	if first.Note != "for QA" || !slices.Equal(first.Platforms, []string{"android", "ios"}) {
		t.Errorf("note %q, platforms %v", first.Note, first.Platforms)
	}
	other := in
	other.Branch = "dev"
	if b := trigger(h.owner, other); b.ID == first.ID {
		t.Error("a form in which the branch was changed made no build of its own")
	}
	if b := trigger(core.Actor{Kind: core.ActorUser, UserID: "other", Role: core.RoleViewer}, in); b.ID == first.ID {
		t.Error("somebody else's form made no build of its own")
	}
	in.Key = ""
	if a, b := trigger(h.owner, in), trigger(h.owner, in); a.ID == b.ID {
		t.Error("without a key two builds are one")
	}
	entries, _, err := h.store.ListAudit(t.Context(), core.AuditFilter{Action: core.AuditBuildTrigger}, core.Page{Limit: 50})
	if err != nil || len(entries) != 5 {
		t.Errorf("%d entries in the audit log, %v", len(entries), err)
	}
	in.Platforms = []string{"symbian"}
	_, err = h.TriggerBuild(t.Context(), h.owner, in)
	wantCode(t, err, core.KindInvalid, "invalid_input")
}

func TestWhatWillBeBuiltIsResolvedBeforehand(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	resolve := func(ref, commit string) (core.Commit, error) {
		return h.ResolveCommit(t.Context(), h.owner, p.Slug, ref, commit)
	}
	for _, ask := range []struct{ ref, commit, want string }{{"", "", shaA}, {"dev", "", shaB}, {"main", shaB[:7], shaB}, {"", shaB, shaB}} {
		c, err := resolve(ask.ref, ask.commit)
		if err != nil || c.SHA != ask.want {
			t.Errorf("%+v: %s, %v", ask, c.SHA, err)
		}
	}
	for _, ask := range [][2]string{{"none", ""}, {"", "abc"}, {"", "not-hex-at-all"}, {"", "1234567"}, {"a b", ""}} {
		_, err := resolve(ask[0], ask[1])
		wantCode(t, err, core.KindInvalid, core.CodeInvalidRef)
	}
	members := core.VisibleMembers
	if _, err := h.UpdateProject(t.Context(), h.owner, p.ID, app.UpdateProject{Visibility: &members}); err != nil {
		t.Fatal(err)
	}
	stranger := core.Actor{Kind: core.ActorUser, UserID: "other", Role: core.RoleViewer}
	if _, err := h.ResolveCommit(t.Context(), stranger, p.ID, "main", ""); core.KindOf(err) != core.KindNotFound {
		t.Errorf("a stranger: %v", err)
	}
}

func TestTheForecastCountsRunnersAndTakesTheMedian(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 1)
	b := h.queued(t)
	h.end(t, core.BuildSucceeded, 4*time.Minute)
	h.beat(t, "r1", 1)
	labels := []string{"macos"}
	mac := h.pipeline(t, b.ProjectID, "Mac", func(in *app.PipelineInput) { in.Labels = &labels })
	all, err := h.Forecast(t.Context(), h.owner, b.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	if f := all[b.PipelineID]; f.Usual.Round(time.Minute) != 4*time.Minute || f.Fit != 1 || f.Runners != 1 {
		t.Errorf("%+v", f)
	}
	if f := all[mac.ID]; f != (app.Forecast{Runners: 1}) {
		t.Errorf("nobody has its label: %+v", f)
	}
}

func TestAProjectAtOneGlance(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 1)
	b := h.queued(t)
	h.end(t, core.BuildFailed, time.Minute)
	idle := h.pipeline(t, b.ProjectID, "Idle", triggers(core.Trigger{Branches: []string{"release/*"}}))
	dev, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: b.ProjectID, PipelineID: b.PipelineID, Branch: "dev", Type: core.TriggerManual})
	if err != nil {
		t.Fatal(err)
	}
	d := h.deliver(t, push("feature/x", shaB))
	o, err := h.ProjectOverview(t.Context(), h.owner, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Pipelines) != 2 || len(o.Pipelines[0].Builds) != 3 || len(o.Pipelines[1].Builds) != 0 {
		t.Errorf("pipelines %+v", o.Pipelines)
	}
	var branches []string
	for _, b := range o.Branches {
		branches = append(branches, b.Branch)
	}
	if !slices.Equal(branches, []string{"main", "feature/x", "dev"}) || len(o.Recent) != 3 {
		t.Errorf("branches %v, %d recent", branches, len(o.Recent))
	}
	if o.LastDelivery == nil || o.LastDelivery.ID != d.ID {
		t.Errorf("last delivery %+v", o.LastDelivery)
	}
	if err := h.store.SaveHeads(t.Context(), o.Project.RepositoryID, map[string]string{"refs/heads/old": shaA, "refs/heads/main": shaA, "refs/tags/": ""}); err != nil {
		t.Fatal(err)
	}
	known, err := h.KnownBranches(t.Context(), h.owner, b.ProjectID)
	if err != nil || !slices.Equal(known, []string{"main", "feature/x", "dev", "old"}) {
		t.Errorf("known branches %v, %v", known, err)
	}
	newest, err := h.NewestBuilds(t.Context(), h.owner, o.Project)
	if err != nil || newest[o.Project.ID].ID == dev.ID || len(newest) != 1 {
		t.Errorf("newest %v, %v", newest, err)
	}

	trials, err := h.TryPipeline(t.Context(), h.owner, b.ProjectID, idle)
	if err != nil || len(trials) != 1 || trials[0].Matched || trials[0].Code != core.WhyBranch || trials[0].Branch != "feature/x" {
		t.Errorf("trials %+v, %v", trials, err)
	}
	idle.Trigger.Branches = []string{"feature/*"} // not stored
	if trials, err = h.TryPipeline(t.Context(), h.owner, b.ProjectID, idle); err != nil || !trials[0].Matched || trials[0].Delivery.Payload != nil {
		t.Errorf("trials %+v, %v", trials, err)
	}
	if n := len(h.builds(t)); n != 3 {
		t.Errorf("trying made builds: there are %d", n)
	}
}

func TestInsightsSumUpDurationsWeeksStepsAndTests(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 1)
	b := h.queued(t)
	run := func(result core.Result, took time.Duration) {
		t.Helper()
		job := h.running(t)
		at := h.clock.now()
		h.clock.forward(took)
		end := h.clock.now()
		if err := h.ReportStep(t.Context(), job.Lease, core.Step{BuildID: job.Build.ID, Index: 0, Name: "build-1", Status: core.StepSucceeded, StartedAt: at, FinishedAt: &end}); err != nil {
			t.Fatal(err)
		}
		if err := h.Finish(t.Context(), job.Lease, result); err != nil {
			t.Fatal(err)
		}
	}
	red := core.TestSummary{Passed: 1, Failed: 1, Failures: []core.TestFailure{{Suite: "cart", Name: "adds"}}}
	run(core.Result{Status: core.BuildFailed, Tests: &red}, time.Minute)
	if _, err := h.RerunBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	run(core.Result{Status: core.BuildSucceeded, Tests: &core.TestSummary{Passed: 2}}, 3*time.Minute)
	in, err := h.Insights(t.Context(), h.owner, "shop", "")
	if err != nil {
		t.Fatal(err)
	}
	last := in.Weeks[len(in.Weeks)-1]
	if len(in.Weeks) != 12 || last.Judged != 2 || last.Succeeded != 1 || last.Begins.Weekday() != time.Monday {
		t.Errorf("weeks %+v", in.Weeks)
	}
	if len(in.Durations) != 2 || in.Durations[0].Took.Round(time.Minute) != 3*time.Minute {
		t.Errorf("durations %+v", in.Durations)
	}
	if len(in.Steps) != 1 || in.Steps[0].Builds != 2 || in.Steps[0].Longest.Round(time.Minute) != 3*time.Minute {
		t.Errorf("steps %+v", in.Steps)
	}
	if len(in.Flaky) != 1 || in.Flaky[0].Name != "adds" || in.Flaky[0].Failed != 1 || in.Flaky[0].Passed != 1 || in.Tested != 2 {
		t.Errorf("flaky %+v of %d", in.Flaky, in.Tested)
	}
	if _, err := h.Insights(t.Context(), h.owner, "shop", "other"); core.KindOf(err) != core.KindNotFound {
		t.Errorf("a pipeline of another project: %v", err)
	}
}
