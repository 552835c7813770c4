package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// Limits of a status, in characters.
const (
	maxDescription = 255
	maxTargetURL   = 255
)

// SetStatus implements core.Reporter with a commit status. States that are no result
// are KindLimited when little is left of GitLab's budget. The commit of a fork's merge
// request lies in the fork, where the token may not write: KindNotFound.
func (r *Room) SetStatus(ctx context.Context, repo core.Repository, report core.Report) error {
	s, err := r.seat(repo)
	if err != nil {
		return err
	}
	if unfinished(report.State) {
		if err := s.lane.spare(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	w := statusWriter{seat: s, report: report, ref: refOf(report.Build)}
	return w.trouble(w.write(ctx))
}

func unfinished(s core.ReportState) bool { return s == core.ReportPending || s == core.ReportRunning }

// refOf is the branch or tag that a status belongs to. That of a fork means another
// branch in the target.
func refOf(b core.Build) string {
	switch {
	case b.PullRequest != nil && b.PullRequest.Fork:
		return ""
	case b.Tag != "":
		return b.Tag
	}
	return b.Branch
}

// statusState is GitLab's word for a state (contract section 5).
func statusState(s core.ReportState) gitlab.BuildStateValue {
	switch s {
	case core.ReportPending:
		return gitlab.Pending
	case core.ReportRunning:
		return gitlab.Running
	case core.ReportSuccess:
		return gitlab.Success
	case core.ReportFailure:
		return gitlab.Failed
	case core.ReportError:
		return gitlab.Canceled
	case core.ReportSkipped:
		return gitlab.Skipped
	}
	return gitlab.Canceled
}

// statusWriter writes one status of a commit.
type statusWriter struct {
	seat
	report core.Report
	ref    string
}

func (w statusWriter) sha() string { return w.report.Build.SHA }

// write sends the status to the pipeline that the commit's statuses went to before.
// If that takes no more, GitLab chooses one.
func (w statusWriter) write(ctx context.Context) error {
	key := pipelineKey{w.repo.ExternalID, w.sha(), w.ref}
	known, ok := w.pipelines.get(key)
	if !ok {
		var err error
		if known, err = w.lastPipeline(ctx); err != nil {
			return err
		}
	}
	used, err := w.reach(ctx, statusState(w.report.State), known)
	if known.id != 0 && pipelineClosed(err) {
		w.pipelines.forget(key)
		used, err = w.reach(ctx, statusState(w.report.State), pipeline{ref: w.ref})
	}
	if err == nil && used.id != 0 {
		w.pipelines.put(key, used)
	}
	return err
}

// lastPipeline finds a pipeline of the commit to join: the branch's own, or that of its
// merge request, which has another ref. Without one GitLab makes it.
func (w statusWriter) lastPipeline(ctx context.Context) (pipeline, error) {
	c, err := w.commitOf(ctx, w.sha())
	if err != nil {
		return pipeline{}, err
	}
	last := c.LastPipeline
	if last != nil && last.SHA == w.sha() && (last.Ref == w.ref || strings.HasPrefix(last.Ref, mergeRequestRefs)) {
		if n := last.ID.number(); n != 0 {
			return pipeline{n, last.Ref}, nil
		}
	}
	return pipeline{ref: w.ref}, nil
}

// pipelineClosed tells whether another try without the pipeline may help.
func pipelineClosed(err error) bool {
	status := statusOf(err)
	return status == http.StatusNotFound ||
		status >= 400 && status < 500 && refusedTransition(err) == "" && strings.Contains(strings.ToLower(said(err)), "pipeline")
}

// reach makes the status have the state. GitLab refuses to move one to where it is or
// behind, which is as good; and past running, which is then told first.
func (w statusWriter) reach(ctx context.Context, state gitlab.BuildStateValue, in pipeline) (pipeline, error) {
	used, err := w.post(ctx, state, in)
	from := refusedTransition(err)
	switch {
	case from == "":
		return used, err
	case from == state || rank(from) < 2 && rank(from) > rank(state) || rank(from) == 2 && rank(state) < 2:
		return in, nil
	case from == gitlab.Pending && rank(state) == 2:
		if used, err = w.post(ctx, gitlab.Running, in); err != nil && refusedTransition(err) == "" {
			return used, err
		}
		used, err = w.post(ctx, state, in)
		if refusedTransition(err) == "" {
			return used, err
		}
	}
	return in, w.readBack(ctx, state, err)
}

// rank orders states by how far they are: waiting, running, ended.
func rank(s gitlab.BuildStateValue) int {
	ended := []gitlab.BuildStateValue{gitlab.Success, gitlab.Failed, gitlab.Canceled, gitlab.Skipped}
	switch {
	case s == gitlab.Running:
		return 1
	case slices.Contains(ended, s):
		return 2
	}
	return 0
}

var transition = regexp.MustCompile(`Cannot transition status via :\w+ from :(\w+)`)

// refusedTransition is the state that the status is in, if that is what was refused for.
func refusedTransition(err error) gitlab.BuildStateValue {
	if statusOf(err) != http.StatusBadRequest {
		return ""
	}
	if m := transition.FindStringSubmatch(said(err)); m != nil {
		return gitlab.BuildStateValue(m[1])
	}
	return ""
}

// readBack settles a refusal by what GitLab shows: no use trying again if that is
// another state.
func (w statusWriter) readBack(ctx context.Context, state gitlab.BuildStateValue, refused error) error {
	var shown []statusRow
	o := gitlab.GetCommitStatusesOptions{Name: &w.report.Context}
	if err := w.call(ctx, http.MethodGet, "/repository/commits/"+url.PathEscape(w.sha())+"/statuses", o, &shown); err != nil {
		return err
	}
	for _, s := range shown {
		if s.Name == w.report.Context && s.Status == string(state) {
			return nil
		}
	}
	return core.Errorf(core.KindInvalid, "GitLab does not let the status %s become %s: %s", w.report.Context, state, said(refused)).Because(refused)
}

// statusRow is a status as the API shows it.
type statusRow struct {
	Name       string `json:"name"`
	Status     string `json:"status"`
	Ref        string `json:"ref"`
	PipelineID id     `json:"pipeline_id"`
}

func (w statusWriter) post(ctx context.Context, state gitlab.BuildStateValue, in pipeline) (pipeline, error) {
	description := []rune(w.report.Description)
	if len(description) > maxDescription {
		description = append(description[:maxDescription-1], '…')
	}
	o := gitlab.SetCommitStatusOptions{State: state, Name: &w.report.Context, Description: gitlab.Ptr(string(description))}
	if w.report.TargetURL != "" && len(w.report.TargetURL) <= maxTargetURL {
		o.TargetURL = &w.report.TargetURL
	}
	if in.ref != "" {
		o.Ref = &in.ref
	}
	if in.id != 0 {
		o.PipelineID = &in.id
	}
	var made statusRow
	err := w.call(ctx, http.MethodPost, "/statuses/"+url.PathEscape(w.sha()), o, &made)
	return pipeline{made.PipelineID.number(), made.Ref}, err
}

// trouble says of refusals what they mean for a status.
func (w statusWriter) trouble(err error) error {
	status, pull := statusOf(err), w.report.Build.PullRequest
	switch {
	case err == nil:
		return nil
	case (status == http.StatusNotFound || status == http.StatusForbidden) && pull != nil && pull.Fork:
		return core.Errorf(core.KindNotFound,
			"The commit of merge request !%d lies in the fork, where the token may not set statuses; its result stands in the comment alone", pull.Number).Because(err)
	case status == http.StatusNotFound:
		return core.Errorf(core.KindNotFound, "%s has no commit %s that the token may set statuses of", w.repo.FullName, w.sha()).Because(err)
	case status == http.StatusForbidden:
		return core.Errorf(core.KindForbidden, "%s may not set statuses in %s (%s); it needs the role Developer, and for a protected branch the right to push",
			w.who(), w.repo.FullName, said(err)).Because(err)
	}
	return w.seat.trouble(fmt.Errorf("set the status %s: %w", w.report.Context, err))
}
