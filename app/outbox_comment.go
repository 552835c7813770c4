package app

import (
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

func (a *App) sendComment(ctx context.Context, e *core.Effect, repo core.Repository, reporter core.Reporter) error {
	c, err := a.comment(ctx, repo, e.Number)
	if err != nil {
		return err
	}
	failed := c.State() == core.ReportFailure || c.State() == core.ReportError
	wanted, err := a.commentWanted(ctx, c, failed || e.RemoteID != "")
	if err != nil || !wanted {
		return err
	}
	parts := []any{c.SHA}
	for _, r := range c.Reports {
		parts = append(parts, r.State, r.Description, r.TargetURL, r.Pipeline.Name, len(r.Tail), len(r.Artifacts))
	}
	said := digest(parts...)
	if before, _, _ := strings.Cut(e.Sent, " "); said == before {
		return nil
	}
	if err := commentTurn(e.Sent, c, a.now()); err != nil {
		return err
	}
	start := a.now()
	id, err := reporter.UpsertComment(ctx, repo, c, e.RemoteID)
	a.told(start, *e, err, core.BuildSpan(c.Reports[0].Build), buildsOf(c)...)
	if err != nil {
		return err
	}
	e.RemoteID, e.Sent = id, commentSaid(said, c, a.now())
	return nil
}

// commentWanted applies the projects' policies: one that wants the comment is enough.
func (a *App) commentWanted(ctx context.Context, c core.Comment, failedOrKnown bool) (bool, error) {
	for _, r := range c.Reports {
		p, err := a.store.FindProject(ctx, r.Build.ProjectID)
		if err := gone(err); err != nil {
			return false, err // a server that stops must not take it for unwanted
		}
		if p.Comments == core.CommentsAlways || p.Comments == core.CommentsOnFailure && failedOrKnown {
			return true, nil
		}
	}
	return false, nil
}

// comment gathers the newest build of each pipeline for the pull request's newest commit.
func (a *App) comment(ctx context.Context, repo core.Repository, number int) (core.Comment, error) {
	builds, _, err := a.store.ListBuilds(ctx, core.BuildFilter{RepositoryID: repo.ID, PullRequest: number}, core.Page{Limit: 200})
	c := core.Comment{Number: number, UpdatedAt: a.now()}
	if err != nil || len(builds) == 0 {
		return c, err
	}
	c.SHA = headOf(builds)
	seen := map[string]bool{}
	for _, b := range builds {
		if seen[b.PipelineID] || b.SHA != c.SHA {
			continue
		}
		seen[b.PipelineID] = true
		if b, err = a.store.FindBuild(ctx, b.ID); err != nil { // a list does not know problems and tests
			return c, err
		}
		r, err := a.report(ctx, b)
		if err != nil {
			return c, err
		}
		if r.State == core.ReportFailure {
			if r.Tail, err = a.tail(ctx, b); err != nil {
				return c, err
			}
		}
		c.Reports = append(c.Reports, r)
	}
	return c, nil
}

// headOf is the commit of the newest build that an event made: a rerun of an older
// commit does not bring that commit back. builds are newest first.
func headOf(builds []core.Build) string {
	for _, b := range builds {
		if b.TriggerType == core.TriggerWebhook {
			return b.SHA
		}
	}
	return builds[0].SHA
}

// tail reads the last lines of the step that failed. A report does without them where
// the log's object cannot be read: it must not wait for the blob store.
func (a *App) tail(ctx context.Context, b core.Build) ([]string, error) {
	steps, err := a.store.ListSteps(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if s.Status != core.StepFailed || s.LastSequence == nil {
			continue
		}
		page, err := a.readLog(ctx, b.ID, max(s.FirstSequence, *s.LastSequence-tailLines+1)-1, tailLines)
		if core.CodeOf(err) == core.CodeLogGone {
			return nil, nil
		}
		if core.KindOf(err) == core.KindUnavailable {
			a.warn(ctx, "read the end of a log", "build", b.ID, "error", err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		var lines []string
		for _, r := range page.page.Records {
			if r.Sequence <= *s.LastSequence {
				lines = append(lines, string(r.Content))
			}
		}
		return lines, nil
	}
	return nil, nil
}
