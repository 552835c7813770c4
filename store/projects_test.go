package store_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestRepositoryIsSavedByItsIdentity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		first := newRepository("1")
		stored, err := s.SaveRepository(ctx, first)
		ok(t, err)
		equal(t, stored, first)

		renamed := newRepository("1")
		renamed.FullName, renamed.IntegrationID, renamed.UpdatedAt = "acme/renamed", "other", at(5)
		renamed.Unavailable = "The App is suspended"
		ok(t, s.NoteHook(ctx, first.ID, "The token may not", "It had been switched off", at(4)))
		refused(t, s.NoteHook(ctx, "none", "", "", at(4)), core.KindNotFound, core.CodeNotFound)
		stored, err = s.SaveRepository(ctx, renamed) // it knows nothing of the webhook
		ok(t, err)
		renamed.HookTrouble, renamed.HookNote = "The token may not", "It had been switched off"
		renamed.ID, renamed.CreatedAt = first.ID, first.CreatedAt
		equal(t, stored, renamed)

		found, err := s.FindRepository(ctx, first.ID)
		ok(t, err)
		equal(t, found, renamed)
		found, err = s.HoldRepository(ctx, first.ID)
		ok(t, err)
		equal(t, found, renamed)
		_, err = s.HoldRepository(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		found, err = s.FindRepositoryByExternalID(ctx, core.ProviderGitHub, "forge", "1")
		ok(t, err)
		equal(t, found, renamed)
		_, err = s.FindRepositoryByExternalID(ctx, core.ProviderGitLab, "forge", "1")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		list, err := s.ListRepositories(ctx, core.ProviderGitHub)
		ok(t, err)
		equal(t, list, []core.Repository{renamed})
		list, err = s.ListRepositories(ctx, core.ProviderGitLab)
		ok(t, err)
		equal(t, list, []core.Repository{})
	})
}

func TestOneExternalIDIsAnotherRepositoryAtEachHost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		want := map[string]core.Repository{}
		for _, host := range []string{"github.com", "git.acme.dev/code", ""} {
			r := newRepository("1")
			r.Host = host
			stored, err := s.SaveRepository(ctx, r)
			ok(t, err)
			equal(t, stored, r)
			want[host] = r
		}
		for host, r := range want {
			found, err := s.FindRepositoryByExternalID(ctx, core.ProviderGitHub, host, "1")
			ok(t, err)
			equal(t, found, r)
		}
		_, err := s.FindRepositoryByExternalID(ctx, core.ProviderGitHub, "elsewhere", "1")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		list, err := s.ListRepositories(ctx, core.ProviderGitHub)
		ok(t, err)
		equal(t, len(list), len(want))
	})
}

func TestRepositoryWithoutAForgeIsItsAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		r := newRepository("#https://git.acme.dev/shop#1")
		r.Provider, r.Host, r.IntegrationID = core.ProviderGit, "", ""
		stored, err := s.SaveRepository(ctx, r)
		ok(t, err)
		equal(t, stored, r)
		found, err := s.FindRepositoryByExternalID(ctx, core.ProviderGit, "", r.ExternalID)
		ok(t, err)
		equal(t, found, r)
	})
}

func TestProjects(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		repo, err := s.SaveRepository(ctx, newRepository("1"))
		ok(t, err)
		zoo, ant := newProject(repo, "zoo"), newProject(repo, "ant")
		ok(t, s.CreateProject(ctx, zoo))
		ok(t, s.CreateProject(ctx, ant))
		refused(t, s.CreateProject(ctx, newProject(repo, "zoo")), core.KindConflict, core.CodeNameTaken)

		found, err := s.FindProject(ctx, zoo.ID)
		ok(t, err)
		equal(t, found, zoo)

		list, total, err := s.ListProjects(ctx, core.Page{})
		ok(t, err)
		equal(t, total, 2)
		equal(t, list, []core.Project{ant, zoo})
		list, total, err = s.ListProjects(ctx, core.Page{Limit: 1, Offset: 1})
		ok(t, err)
		equal(t, total, 2)
		equal(t, list, []core.Project{zoo})
		list, err = s.ListProjectsOfRepository(ctx, repo.ID)
		ok(t, err)
		equal(t, list, []core.Project{ant, zoo})

		ant.Name, ant.Description, ant.DefaultBranch, ant.UpdatedAt = "Ant 2", "", "trunk", at(1)
		ant.Forks, ant.Comments, ant.TriggerRole, ant.Visibility = core.ForksBuild, core.CommentsOff, core.RoleDeveloper, core.VisibleMembers
		ant.Checks, ant.ReportSkipped = core.CheckRun, true
		ok(t, s.UpdateProject(ctx, ant))
		found, err = s.FindProject(ctx, ant.ID)
		ok(t, err)
		equal(t, found, ant)

		refused(t, s.UpdateProject(ctx, newProject(repo, "nowhere")), core.KindNotFound, core.CodeNotFound)
		refused(t, s.DeleteProject(ctx, "nowhere"), core.KindNotFound, core.CodeNotFound)
		_, err = s.FindProject(ctx, "nowhere")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}

func TestProjectShowsStatusesIfNobodyChose(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		silent := newProject(h.project.Repository, "silent")
		silent.Checks = ""
		ok(t, h.CreateProject(ctx, silent))
		found, err := h.FindProject(ctx, silent.ID)
		ok(t, err)
		equal(t, found.Checks, core.CheckStatus)
		silent.Checks = core.CheckRun
		ok(t, h.UpdateProject(ctx, silent))
		silent.Checks = ""
		ok(t, h.UpdateProject(ctx, silent))
		found, err = h.FindProject(ctx, silent.ID)
		ok(t, err)
		equal(t, found.Checks, core.CheckStatus)
	})
}

func TestDeletedProjectTakesAllWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		ok(t, h.AppendLog(ctx, "lease", []core.LogChunk{chunk(b, 0, 3)}))
		ok(t, h.SaveStep(ctx, core.Step{BuildID: b.ID, Name: "checkout", Status: core.StepRunning, StartedAt: at(1)}))
		ok(t, h.DeleteProject(ctx, h.project.ID))

		_, err := h.FindBuild(ctx, b.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = h.FindPipeline(ctx, h.pipeline.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		extent, err := h.FindLog(ctx, b.ID)
		ok(t, err)
		equal(t, extent, core.LogExtent{})
		events, err := h.ListBuildEvents(ctx, b.ID)
		ok(t, err)
		equal(t, events, []core.BuildEvent{})
		steps, err := h.ListSteps(ctx, b.ID)
		ok(t, err)
		equal(t, steps, []core.Step{})
		_, _, err = h.CreateBuild(ctx, h.newBuild(), core.BuildEvent{})
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}

func TestPipelines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		found, err := h.FindPipeline(ctx, h.pipeline.ID)
		ok(t, err)
		equal(t, found, h.pipeline)

		second := newPipeline(h.project, "ios")
		second.CreatedAt, second.Labels = at(1), nil
		ok(t, h.CreatePipeline(ctx, second))
		refused(t, h.CreatePipeline(ctx, newPipeline(h.project, "ios")), core.KindConflict, core.CodeNameTaken)
		list, err := h.ListPipelines(ctx, h.project.ID)
		ok(t, err)
		equal(t, list, []core.Pipeline{h.pipeline, second})

		taken := second
		taken.Slug = h.pipeline.Slug
		refused(t, h.UpdatePipeline(ctx, taken), core.KindConflict, core.CodeNameTaken)
		second.Name, second.Enabled, second.Timeout, second.Labels = "iPhone", false, 30*time.Minute, []string{"macos"}
		second.Concurrency = core.Concurrency{CancelPrevious: true, MaxConcurrent: 2}
		second.Trigger, second.UpdatedAt = core.Trigger{}, at(2)
		ok(t, h.UpdatePipeline(ctx, second))
		found, err = h.FindPipeline(ctx, second.ID)
		ok(t, err)
		equal(t, found, second)
		refused(t, h.UpdatePipeline(ctx, newPipeline(h.project, "none")), core.KindNotFound, core.CodeNotFound)

		for part, want := range map[string][]string{"PHONE": {second.ID}, "ios": {second.ID}, "%": nil, "_": nil, "!": nil} {
			named, err := h.ListPipelinesNamed(ctx, part, []string{h.project.ID}, 8)
			ok(t, err)
			if len(named) != len(want) || len(want) > 0 && named[0].ID != want[0] {
				t.Errorf("%q finds %v", part, named)
			}
		}
		none, err := h.ListPipelinesNamed(ctx, "i", []string{}, 8)
		ok(t, err)
		equal(t, len(none), 0)

		found, err = h.FindPipelineByContext(ctx, h.project.RepositoryID, "oore/ios")
		ok(t, err)
		equal(t, found.ID, second.ID)
		_, err = h.FindPipelineByContext(ctx, "other", "oore/ios")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		b := h.queue(t, h.newBuild())
		ok(t, h.DeletePipeline(ctx, h.pipeline.ID))
		_, err = h.FindBuild(ctx, b.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		refused(t, h.DeletePipeline(ctx, h.pipeline.ID), core.KindNotFound, core.CodeNotFound)
	})
}

// A name that is taken must leave the transaction usable: on PostgreSQL a
// duplicate-key error would end it.
func TestTakenNamesLeaveTheTransactionUsable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		user := core.User{ID: newID("user"), Email: "ann@example.org", Role: core.RoleOwner, CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, h.CreateUser(ctx, user))
		other := newPipeline(h.project, "other")
		ok(t, h.CreatePipeline(ctx, other))
		other.Slug = h.pipeline.Slug
		last := newProject(h.project.Repository, "last")
		ok(t, h.InTx(ctx, func(tx core.Store) error {
			refused(t, tx.CreateProject(ctx, newProject(h.project.Repository, h.project.Slug)), core.KindConflict, core.CodeNameTaken)
			refused(t, tx.CreatePipeline(ctx, newPipeline(h.project, h.pipeline.Slug)), core.KindConflict, core.CodeNameTaken)
			refused(t, tx.UpdatePipeline(ctx, other), core.KindConflict, core.CodeNameTaken)
			user.ID = newID("user")
			refused(t, tx.CreateUser(ctx, user), core.KindConflict, core.CodeEmailExists)
			return tx.CreateProject(ctx, last)
		}))
		_, err := h.FindProject(ctx, last.ID)
		ok(t, err)
	})
}
