package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// headTries is how often a forge is asked that does not show the head that it has
// announced, before what it shows is taken: it may be behind, or the branch has moved on.
const headTries = 4

// wantSettings asks that a pipeline follow its file, if the event is a push to the
// project's default branch. Only the repository itself announces pushes: a fork is
// another repository.
func (a *App) wantSettings(ctx context.Context, tx core.Store, d core.Delivery, e core.Event, c candidate) error {
	if e.Kind != core.EventPush || e.Branch != c.project.Branch() {
		return nil
	}
	if _, ok := a.forges[c.project.Repository.Provider].(core.FileReader); !ok {
		return nil
	}
	return tx.WantEffect(ctx, core.Effect{
		Key: core.SettingsKey(c.pipeline.ID), Kind: core.EffectSettings, RepositoryID: c.project.RepositoryID, PipelineID: c.pipeline.ID,
		SHA: e.SHA, DeliveryID: d.ID, NotBefore: a.now(), UpdatedAt: a.now(),
	})
}

// settingsFile is what a pipeline's file was found to say.
type settingsFile struct {
	sha, path string         // path is empty: there is none
	workflow  *core.Workflow // nil: there is none, or it is broken
	problem   string         // empty, too, where there never was a file
}

// takeOver makes a pipeline follow its file as it is at the head of the default branch
// now, whichever push was announced last: an older one never takes the place of a newer.
func (a *App) takeOver(ctx context.Context, e core.Effect) error {
	pipeline, err := a.store.FindPipeline(ctx, e.PipelineID)
	if err != nil {
		return err
	}
	project, err := a.store.FindProject(ctx, pipeline.ProjectID)
	if err != nil {
		return err
	}
	file, err := a.readSettings(ctx, project, pipeline, e)
	if k := core.KindOf(err); err != nil && (k == core.KindUnavailable || k == core.KindLimited || k == core.KindInternal) {
		return err
	}
	if err != nil {
		file.problem = core.MessageOf(err)
	}
	return errors.Join(err, a.follow(ctx, e, project.Repository.ID, file))
}

func (a *App) readSettings(ctx context.Context, project core.Project, pipeline core.Pipeline, e core.Effect) (f settingsFile, err error) {
	repo, forge := project.Repository, a.forges[project.Repository.Provider]
	reader, ok := forge.(core.FileReader)
	if !ok {
		return f, core.Errorf(core.KindInvalid, "%s is not set up any more", repo.Provider)
	}
	head, err := forge.ResolveRef(ctx, repo, project.Branch())
	if err != nil {
		return f, err
	}
	if head.SHA != e.SHA && e.Attempts+1 < headTries {
		return f, core.Errorf(core.KindUnavailable, "%s is at %s there, not at %s as was announced", project.Branch(), shortSHA(head.SHA), shortSHA(e.SHA))
	}
	f.sha = head.SHA
	var data []byte
	if f.path, data, err = readConfig(ctx, reader, repo, pipeline, head.SHA); err != nil {
		return f, err
	}
	if f.path == "" && pipeline.File.Path == "" {
		return f, nil // there never was one
	}
	if f.path == "" {
		f.problem = fmt.Sprintf("There is no %s at %s", strings.Join(pipeline.ConfigPaths(), " or "), shortSHA(head.SHA))
		return f, nil
	}
	if f.workflow, err = core.ParseWorkflow(data); err != nil { // and no fault of ours
		f.problem = fmt.Sprintf("%s at %s is broken: %s", f.path, shortSHA(head.SHA), firstProblem(err))
	}
	return f, nil
}

func firstProblem(err error) string {
	var w *core.WorkflowError
	switch {
	case !errors.As(err, &w):
		return core.MessageOf(err)
	case len(w.Problems) > 1:
		return fmt.Sprintf("%s (and %d more)", w.Problems[0], len(w.Problems)-1)
	}
	return w.Problems[0].String()
}

// shortSHA is how a page names a commit.
func shortSHA(sha string) string { return sha[:min(len(sha), 7)] }

// follow stores what the file says. It does nothing if somebody else has begun to read
// since this sender took the effect: theirs is the newer.
func (a *App) follow(ctx context.Context, e core.Effect, repositoryID string, file settingsFile) error {
	err := a.store.InTx(ctx, func(tx core.Store) error {
		if _, err := tx.HoldRepository(ctx, repositoryID); err != nil { // one at a time, and no change by hand meanwhile
			return err
		}
		now, err := tx.FindEffect(ctx, e.Key)
		if err != nil {
			return err
		}
		if !now.NotBefore.Equal(e.NotBefore) {
			return core.Errorf(core.KindUnavailable, "It took too long, and is looked at again")
		}
		was, err := tx.FindPipeline(ctx, e.PipelineID)
		if err != nil {
			return err
		}
		return a.followIn(ctx, tx, e, was, file)
	})
	a.bell.ring(topicQueue) // other labels, or a higher max_concurrent, may let a build go
	return err
}

func (a *App) followIn(ctx context.Context, tx core.Store, e core.Effect, was core.Pipeline, file settingsFile) error {
	p := was
	if p.File.Problem = file.problem; file.workflow != nil {
		p.TakeOver(file.workflow, file.path, file.sha)
	}
	changes := pipelineChanges(was, p)
	if len(changes) > 0 {
		p.UpdatedAt = a.now()
	}
	if err := tx.UpdatePipeline(ctx, p); err != nil || len(changes) == 0 {
		return err
	}
	entry := auditPipeline(core.AuditPipelineUpdate, p)
	entry.Changes = changes
	return a.note(ctx, tx, core.Actor{Kind: core.ActorSystem, Name: file.path + " at " + shortSHA(file.sha), Delivery: e.DeliveryID}, entry)
}
