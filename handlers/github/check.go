package github

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// SetCheck implements core.CheckReporter with a check run. A build that follows one
// whose check run has ended gets a check run of its own, as GitHub wants it; the id
// returned is that of the newest. As with SetStatus, what is no result gives way.
func (f *Forge) SetCheck(ctx context.Context, repo core.Repository, r core.Report, known string) (string, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return "", err
	}
	ctx, cancel, err := f.reporting(ctx, s, r.State)
	if err != nil {
		return "", err
	}
	defer cancel()
	w := checkWriter{seat: s, app: f.appID(), sha: r.Build.SHA, body: checkBodyOf(r), annotations: annotationsOf(r)}
	id, err := w.write(ctx, known)
	if err != nil {
		return "", f.trouble(err, s)
	}
	return strconv.FormatInt(id, 10), nil
}

// appID is the number that we are known by at GitHub.
func (f *Forge) appID() int64 {
	id, _ := strconv.ParseInt(f.about().ExternalID, 10, 64) // NewForge saw that it is one
	return id
}

// checkWriter writes one check run.
type checkWriter struct {
	seat
	app         int64 // ours
	sha         string
	body        checkBody
	annotations []*github.CheckRunAnnotation
}

// write sends what the check run is to say. Annotations cannot be replaced, only
// added, and so many at a time: what GitHub has of them is not sent again.
func (w checkWriter) write(ctx context.Context, known string) (int64, error) {
	id, err := w.find(ctx, known)
	if err != nil {
		return 0, err
	}
	var sent int
	if id == 0 {
		sent = min(len(w.annotations), annotationsAtOnce)
		id, _, err = w.send(ctx, 0, w.annotations[:sent])
	} else {
		_, sent, err = w.send(ctx, id, nil)
	}
	for err == nil && sent < len(w.annotations) {
		next := w.annotations[sent:min(sent+annotationsAtOnce, len(w.annotations))]
		_, _, err = w.send(ctx, id, next)
		sent += len(next)
	}
	return id, err
}

// find looks for the check run that is to be updated; 0: one must be made.
func (w checkWriter) find(ctx context.Context, known string) (int64, error) {
	if id, err := strconv.ParseInt(known, 10, 64); err == nil {
		run, _, err := w.client.Checks.GetCheckRun(ctx, w.owner, w.name, id)
		switch {
		case err == nil && w.fits(run):
			return id, nil
		case err != nil && !gone(err):
			return 0, err
		}
	}
	var found int64
	options := &github.ListCheckRunsOptions{
		CheckName: &w.body.Name, AppID: &w.app, Filter: github.String("all"), ListOptions: github.ListOptions{PerPage: perPage},
	}
	for {
		page, resp, err := w.client.Checks.ListCheckRunsForRef(ctx, w.owner, w.name, w.sha, options)
		if err != nil {
			return 0, err
		}
		for _, run := range page.CheckRuns {
			if w.fits(run) {
				found = max(found, run.GetID())
			}
		}
		if resp.NextPage == 0 {
			return found, nil
		}
		options.Page = resp.NextPage
	}
}

// fits tells whether a check run is the one to write: ours, of this name and commit,
// and of this build unless its own never ended.
func (w checkWriter) fits(run *github.CheckRun) bool {
	return run.GetApp().GetID() == w.app && run.GetHeadSHA() == w.sha && run.GetName() == w.body.Name &&
		(run.GetExternalID() == w.body.ExternalID || run.GetStatus() != checkCompleted)
}

// send makes the check run, or updates the one with the id. It exists because the
// library cannot tell when a check run that is there has started. It returns the id,
// and how many annotations GitHub has.
func (w checkWriter) send(ctx context.Context, id int64, annotations []*github.CheckRunAnnotation) (int64, int, error) {
	method, path := http.MethodPost, fmt.Sprintf("repos/%s/%s/check-runs", w.owner, w.name)
	body := w.body
	body.Output.Annotations = annotations
	if id == 0 {
		body.HeadSHA = w.sha
	} else {
		method, path = http.MethodPatch, path+"/"+strconv.FormatInt(id, 10)
	}
	request, err := w.client.NewRequest(method, path, body)
	if err != nil {
		return 0, 0, err
	}
	var run github.CheckRun
	if _, err = w.client.Do(ctx, request, &run); err != nil {
		return 0, 0, err
	}
	return run.GetID(), run.GetOutput().GetAnnotationsCount(), nil
}

// checkBody is a check run as GitHub takes it.
type checkBody struct {
	Name        string                   `json:"name"`
	HeadSHA     string                   `json:"head_sha,omitempty"` // of a new one alone
	ExternalID  string                   `json:"external_id"`
	DetailsURL  string                   `json:"details_url,omitempty"`
	Status      string                   `json:"status"`
	Conclusion  string                   `json:"conclusion,omitempty"`
	StartedAt   *time.Time               `json:"started_at,omitempty"`
	CompletedAt *time.Time               `json:"completed_at,omitempty"`
	Output      github.CheckRunOutput    `json:"output"`
	Actions     []*github.CheckRunAction `json:"actions"` // an empty list takes the buttons away
}

func checkBodyOf(r core.Report) checkBody {
	b := checkBody{
		Name: r.Context, ExternalID: r.Build.ID, DetailsURL: r.TargetURL,
		StartedAt: whole(r.Build.StartedAt), CompletedAt: whole(r.Build.FinishedAt),
		Output:  github.CheckRunOutput{Title: &r.Description, Summary: github.String(templates.CheckSummary(r))},
		Actions: []*github.CheckRunAction{},
	}
	b.Status, b.Conclusion = checkState(r)
	switch {
	case r.Build.ID == "": // nothing was built
	case b.Status == checkCompleted:
		b.Actions = append(b.Actions, &github.CheckRunAction{Label: "Re-run", Description: "Build this commit again", Identifier: retryAction})
	default:
		b.Actions = append(b.Actions, &github.CheckRunAction{Label: "Cancel", Description: "Stop this build", Identifier: cancelAction})
	}
	return b
}

// whole is the time in whole seconds, as GitHub writes it.
func whole(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	seconds := t.UTC().Truncate(time.Second)
	return &seconds
}

const checkCompleted = "completed"

// checkState is GitHub's words for a state. What waits for a person before there is
// a build is no queue: GitHub says that somebody has to act.
func checkState(r core.Report) (status, conclusion string) {
	switch r.State {
	case core.ReportPending:
		if r.Build.ID == "" {
			return checkCompleted, "action_required"
		}
		return "queued", ""
	case core.ReportRunning:
		return "in_progress", ""
	case core.ReportSuccess:
		return checkCompleted, "success"
	case core.ReportFailure:
		if r.Build.Status == core.BuildTimedOut {
			return checkCompleted, "timed_out"
		}
		return checkCompleted, "failure"
	case core.ReportError:
		return checkCompleted, "cancelled"
	case core.ReportSkipped:
		return checkCompleted, "skipped"
	}
	return checkCompleted, "failure"
}

// GitHub's bounds of annotations: at once, in bytes, in characters. We send no more
// than some of one build; its page has all.
const (
	annotationsAtOnce    = 50
	maxAnnotations       = 500
	maxAnnotationMessage = 64 << 10
	maxAnnotationTitle   = 255
)

// annotationsOf are the report's annotations as GitHub takes them, in their order. One
// that says nothing would make GitHub refuse all.
func annotationsOf(r core.Report) []*github.CheckRunAnnotation {
	var all []*github.CheckRunAnnotation
	for _, a := range r.Annotations[:min(len(r.Annotations), maxAnnotations)] {
		if a.Path == "" || a.Message == "" {
			continue
		}
		level := "failure"
		if a.Level == core.LevelWarning {
			level = "warning"
		}
		message := strings.ToValidUTF8(a.Message[:min(len(a.Message), maxAnnotationMessage)], "")
		title := []rune(a.Title)
		all = append(all, &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: github.Int(max(a.Line, 1)), EndLine: github.Int(max(a.Line, 1)), AnnotationLevel: &level,
			Message: &message, Title: github.String(string(title[:min(len(title), maxAnnotationTitle)])),
		})
	}
	return all
}
