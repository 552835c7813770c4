package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// TriggerBuild asks for a build by hand or by API.
type TriggerBuild struct {
	ProjectID  string
	PipelineID string
	Branch     string // default: the project's
	SHA        string // full hex; default: the branch's head
	TriggerRef string
	Type       core.TriggerType // manual or api
	Note       string           // for people; one line
	Platforms  []string         // those of its configuration that are built; none: all
	Key        string           // the same again, from the same asker for the same, gives the same build; empty: a new one
}

// TriggerBuild starts a new build. Unknown branch or commit: KindInvalid, code
// invalid_ref; a disabled pipeline: KindConflict, code pipeline_disabled.
func (a *App) TriggerBuild(ctx context.Context, actor core.Actor, in TriggerBuild) (core.Build, error) {
	project, err := a.projectFor(ctx, a.store, actor, core.ActTrigger, in.ProjectID)
	if err != nil {
		return core.Build{}, err
	}
	if in.PipelineID == "" {
		return core.Build{}, core.Errorf(core.KindInvalid, "pipeline_id: say which pipeline to run")
	}
	pipeline, err := a.store.FindPipeline(ctx, in.PipelineID)
	if err != nil {
		return core.Build{}, err
	}
	if pipeline.ProjectID != project.ID {
		return core.Build{}, core.Errorf(core.KindNotFound, "Pipeline not found in this project")
	}
	if len(in.TriggerRef) > 255 || !plain(in.TriggerRef) {
		return core.Build{}, core.Errorf(core.KindInvalid, "trigger_ref: at most 255 printable characters")
	}
	if len(in.Note) > 255 || !plain(in.Note) {
		return core.Build{}, core.Errorf(core.KindInvalid, "note: at most 255 printable characters")
	}
	if err := core.ValidPlatforms(in.Platforms); err != nil {
		return core.Build{}, err
	}
	if err := enabled(pipeline); err != nil {
		return core.Build{}, err
	}
	if in.Branch == "" {
		in.Branch = project.Branch()
	}
	commit, err := a.resolve(ctx, project.Repository, in.Branch, in.SHA)
	if err != nil {
		return core.Build{}, err
	}
	if err := a.refusePlatforms(ctx, project.Repository, pipeline, commit.SHA, in.Platforms); err != nil {
		return core.Build{}, err
	}
	b := a.newBuild(pipeline, in.Type, actor)
	b.Branch, b.SHA, b.CommitMessage, b.CommitAuthor = in.Branch, commit.SHA, commit.Message, commit.Author
	b.TriggerRef, b.Note, b.DedupeKey = in.TriggerRef, in.Note, in.dedupeKey(actor)
	if len(in.Platforms) > 0 {
		b.Platforms = slices.Sorted(slices.Values(in.Platforms))
	}
	return a.createBuild(ctx, actor, core.AuditBuildTrigger, project, pipeline, b)
}

// dedupeKey is the same for a form that is sent twice, and another once something in it
// has changed.
func (in TriggerBuild) dedupeKey(actor core.Actor) string {
	if in.Key == "" {
		return ""
	}
	text := fmt.Sprintf("%q", []any{actor.Identity(), in.Key, in.PipelineID, in.Branch, in.SHA, in.Note, in.Platforms})
	sum := sha256.Sum256([]byte(text))
	return "form:" + hex.EncodeToString(sum[:16])
}

func enabled(p core.Pipeline) error {
	if p.Enabled {
		return nil
	}
	return core.Codef(core.KindConflict, core.CodePipelineDisabled, "The pipeline %q is disabled; enable it to run builds", p.Name)
}

// resolve finds the commit to build, asking the forge.
func (a *App) resolve(ctx context.Context, repo core.Repository, branch, sha string) (core.Commit, error) {
	if err := core.ValidRef(branch); err != nil {
		return core.Commit{}, core.Codef(core.KindInvalid, core.CodeInvalidRef, "branch: %s", core.MessageOf(err))
	}
	if strings.HasPrefix(branch, "refs/heads/") {
		return core.Commit{}, core.Codef(core.KindInvalid, core.CodeInvalidRef, "branch: name it without refs/heads/")
	}
	ref := branch
	if sha != "" {
		if !core.ValidSHA(sha) {
			return core.Commit{}, core.Codef(core.KindInvalid, core.CodeInvalidRef, "commit_sha: give the full commit id, 40 hexadecimal digits in lower case")
		}
		ref = sha
	}
	if repo.Unavailable != "" {
		return core.Commit{}, core.Codef(core.KindInvalid, core.CodeRepositoryUnknown, "%s cannot be reached: %s", repo.FullName, repo.Unavailable)
	}
	forge, err := a.forge(repo.Provider)
	if err != nil {
		return core.Commit{}, err
	}
	commit, err := forge.ResolveRef(ctx, repo, ref)
	switch {
	case core.CodeOf(err) == core.CodeRepositoryUnknown:
		return commit, core.Codef(core.KindInvalid, core.CodeRepositoryUnknown, "%s", core.MessageOf(err))
	case core.KindOf(err) == core.KindNotFound:
		return commit, core.Codef(core.KindInvalid, core.CodeInvalidRef, "%s has no branch, tag or commit %s", repo.FullName, ref)
	}
	return commit, err
}

func (a *App) newBuild(p core.Pipeline, how core.TriggerType, by core.Actor) core.Build {
	now := a.now()
	return core.Build{
		ID: a.newID(), ProjectID: p.ProjectID, PipelineID: p.ID, Status: core.BuildQueued,
		TriggerType: how, TriggerActor: by.Name, TriggerUser: by.Identity(),
		Timeout: p.Timeout, Labels: p.Labels, QueuedAt: now, CreatedAt: now, UpdatedAt: now,
	}
}

func queuedEvent(b core.Build) core.BuildEvent {
	return core.BuildEvent{BuildID: b.ID, To: core.BuildQueued, Actor: b.TriggerActor, Reason: string(b.TriggerType), At: b.QueuedAt}
}

// createBuild stores a build that shares its commit with no other. Where its DedupeKey is
// taken, it is the one that has it.
func (a *App) createBuild(ctx context.Context, actor core.Actor, action core.AuditAction, p core.Project, pipeline core.Pipeline, wanted core.Build) (b core.Build, err error) {
	if err := a.databaseDisk.room(); err != nil {
		return core.Build{}, err
	}
	var canceled []core.Build
	created := false
	err = a.store.InTx(ctx, func(tx core.Store) (err error) { // perhaps more than once
		if err := a.admit(ctx, tx, candidate{p, pipeline}, wanted); err != nil {
			return err
		}
		if b, created, err = tx.CreateBuild(ctx, wanted, queuedEvent(wanted)); err != nil || !created {
			return err
		}
		if err := a.noteBuild(ctx, tx, actor, action, b); err != nil {
			return err
		}
		if canceled, err = a.supersede(ctx, tx, p.Repository, pipeline, b); err != nil {
			return err
		}
		return a.wantReports(ctx, tx, p.Repository, b)
	})
	if err != nil {
		return core.Build{}, err
	}
	if !created {
		return b, nil
	}
	for _, old := range canceled {
		a.ringCanceled(old)
	}
	a.listed()
	a.bell.ring(topicQueue, topicOutbox)
	return b, nil
}

// noteBuild notes that somebody asked for a build.
func (a *App) noteBuild(ctx context.Context, tx core.Store, actor core.Actor, action core.AuditAction, b core.Build) error {
	entry := auditBuild(action, b)
	entry.Changes = core.AuditChanges{}.With("branch", "", orElse(b.Branch, b.Tag)).With("commit_sha", "", b.SHA)
	return a.note(ctx, tx, actor, entry)
}

// CancelBuild ends a build that has not ended; its runner stops within a second.
// An ended one: KindConflict, code invalid_transition.
func (a *App) CancelBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error) {
	b, project, err := a.buildFor(ctx, actor, core.ActTrigger, id)
	if err != nil {
		return core.Build{}, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) (err error) {
		if b, err = tx.FindBuild(ctx, id); err != nil {
			return err
		}
		return a.cancelFor(ctx, tx, actor, project.Repository, &b)
	})
	if err != nil {
		return core.Build{}, err
	}
	a.ringCanceled(b)
	return b, nil
}

// cancelFor is cancel by a person.
func (a *App) cancelFor(ctx context.Context, tx core.Store, actor core.Actor, repo core.Repository, b *core.Build) error {
	entry := auditBuild(core.AuditBuildCancel, *b)
	entry.Changes = core.AuditChanges{}.With("status", b.Status, core.BuildCanceled)
	if err := a.cancel(ctx, tx, repo, b, actor.Name, core.ReasonCanceledByUser, "Canceled by "+actor.Name); err != nil {
		return err
	}
	return a.note(ctx, tx, actor, entry)
}

// cancel moves a build to canceled. The lease stays with the runner until it has
// killed what runs and written what was printed.
func (a *App) cancel(ctx context.Context, tx core.Store, repo core.Repository, b *core.Build, actor, reason, message string) error {
	from, lease := b.Status, b.LeaseToken
	event, err := b.Transition(core.BuildCanceled, actor, reason, a.now())
	if err != nil {
		return err
	}
	b.StatusMessage = message
	if err := tx.UpdateBuild(ctx, *b, from, lease, &event); err != nil {
		return err
	}
	return a.wantReports(ctx, tx, repo, *b)
}

func (a *App) ringCanceled(b core.Build) {
	a.listed()
	a.bell.ring(topicCancel(b.ID), topicBuild(b.ID), topicOutbox, topicQueue)
}

// RerunBuild makes a new build of the same commit. Only an ended build can be run
// again: KindConflict, code invalid_transition.
func (a *App) RerunBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error) {
	b, project, err := a.buildFor(ctx, actor, core.ActTrigger, id)
	if err != nil {
		return core.Build{}, err
	}
	if !b.Status.Terminal() {
		return core.Build{}, core.Codef(core.KindConflict, core.CodeInvalidTransition,
			"Build #%d is %s; only an ended build can be run again", b.Number, b.Status)
	}
	pipeline, err := a.store.FindPipeline(ctx, b.PipelineID)
	if err != nil {
		return core.Build{}, err
	}
	if err := enabled(pipeline); err != nil {
		return core.Build{}, err
	}
	if err := a.trusted(ctx, a.store, project, core.Event{SHA: b.SHA, PullRequest: b.PullRequest}); err != nil {
		return core.Build{}, err
	}
	return a.createBuild(ctx, actor, core.AuditBuildRerun, project, pipeline, a.rerunOf(b, pipeline, actor))
}

// rerunOf is a new build of what b built, shown where b was asked for.
func (a *App) rerunOf(b core.Build, p core.Pipeline, by core.Actor) core.Build {
	again := a.newBuild(p, core.TriggerRerun, by)
	again.SourceBuildID, again.TriggerEvent, again.TriggerRef = b.ID, b.TriggerEvent, b.TriggerRef
	again.ChatChannel, again.Note, again.Platforms = b.ChatChannel, b.Note, b.Platforms
	again.Branch, again.Tag, again.SHA, again.PullRequest = b.Branch, b.Tag, b.SHA, b.PullRequest
	again.CommitMessage, again.CommitAuthor, again.DeliveryID = b.CommitMessage, b.CommitAuthor, b.DeliveryID
	return again
}
