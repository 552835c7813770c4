package github

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// maxDescription is GitHub's limit, in characters.
const maxDescription = 140

// SetStatus implements core.Reporter with a commit status. States that are no result
// are KindLimited when little is left of the hour's budget, and left out when little
// is left of what GitHub takes for one context.
func (f *Forge) SetStatus(ctx context.Context, repo core.Repository, r core.Report) error {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return err
	}
	key := statusKey{repo.ExternalID, r.Build.SHA, strings.ToLower(r.Context)}
	if unfinished(r.State) && s.lane.statuses.crowded(key) {
		return nil
	}
	ctx, cancel, err := f.reporting(ctx, s, r.State)
	if err != nil {
		return err
	}
	defer cancel()
	description := []rune(r.Description)
	if len(description) > maxDescription {
		description = append(description[:maxDescription-1], '…')
	}
	_, _, err = s.client.Repositories.CreateStatus(ctx, s.owner, s.name, r.Build.SHA, &github.RepoStatus{
		State: github.String(statusState(r.State)), Context: github.String(r.Context),
		Description: github.String(string(description)), TargetURL: github.String(r.TargetURL),
	})
	switch {
	case err == nil:
		s.lane.statuses.add(key, 1)
		return nil
	case !full(err):
		return f.trouble(err, s)
	}
	s.lane.statuses.add(key, maxStatuses) // others sent them, or we did before a restart
	if unfinished(r.State) {
		return nil
	}
	return core.Errorf(core.KindInvalid, "The context %s has the maximum number of statuses that GitHub takes on one commit, %d; "+
		"this result is on the build's page alone", r.Context, maxStatuses).Because(err)
}

// reporting readies a context for calls that tell a state: one that is no result
// gives way to results.
func (f *Forge) reporting(ctx context.Context, s seat, state core.ReportState) (context.Context, context.CancelFunc, error) {
	if unfinished(state) {
		if err := s.lane.spare(); err != nil {
			return nil, nil, err
		}
		ctx = asProgress(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	return ctx, cancel, nil
}

func unfinished(s core.ReportState) bool { return s == core.ReportPending || s == core.ReportRunning }

// statusState is GitHub's word for a state (contract section 5).
func statusState(s core.ReportState) string {
	switch s {
	case core.ReportPending, core.ReportRunning:
		return "pending"
	case core.ReportSuccess, core.ReportSkipped: // no word for skipped, and a required one must not hang
		return "success"
	case core.ReportFailure:
		return "failure"
	case core.ReportError:
		return "error"
	}
	return "error"
}

// UpsertComment implements core.Reporter. A comment that somebody deleted is made
// anew; one whose id got lost is found by its marker. As with SetStatus, one without
// a result waits when little is left of the hour's budget.
func (f *Forge) UpsertComment(ctx context.Context, repo core.Repository, c core.Comment, known string) (string, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return "", err
	}
	ctx, cancel, err := f.reporting(ctx, s, c.State())
	if err != nil {
		return "", err
	}
	defer cancel()
	w := commentWriter{seat: s, number: c.Number, body: templates.Comment(c)}
	id, err := w.editOrCreate(ctx, known, f.botLogin)
	if err != nil {
		return "", f.trouble(err, s)
	}
	return strconv.FormatInt(id, 10), nil
}

// botLogin is the login of the App's bot user. Only comments written by it are ours.
func (f *Forge) botLogin(ctx context.Context) (string, error) {
	f.mu.Lock()
	login := f.login
	f.mu.Unlock()
	if login != "" {
		return login, nil
	}
	app, _, err := f.app.Apps.Get(ctx, "")
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.login = app.GetSlug() + "[bot]"
	return f.login, nil
}

// commentWriter writes the body of one pull request's comment.
type commentWriter struct {
	seat
	number int
	body   string
}

func (w commentWriter) editOrCreate(ctx context.Context, known string, login func(context.Context) (string, error)) (int64, error) {
	if id, err := strconv.ParseInt(known, 10, 64); err == nil {
		if err := w.edit(ctx, id); err == nil || !gone(err) {
			return id, err
		}
	}
	bot, err := login(ctx)
	if err != nil {
		return 0, err
	}
	id, err := w.find(ctx, bot)
	if err != nil {
		return 0, err
	}
	if id != 0 {
		return id, w.edit(ctx, id)
	}
	made, _, err := w.client.Issues.CreateComment(ctx, w.owner, w.name, w.number, &github.IssueComment{Body: &w.body})
	return made.GetID(), err
}

func (w commentWriter) edit(ctx context.Context, id int64) error {
	_, _, err := w.client.Issues.EditComment(ctx, w.owner, w.name, id, &github.IssueComment{Body: &w.body})
	return err
}

// find looks for our comment; 0: there is none.
func (w commentWriter) find(ctx context.Context, bot string) (int64, error) {
	options := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for {
		page, resp, err := w.client.Issues.ListComments(ctx, w.owner, w.name, w.number, options)
		if err != nil {
			return 0, err
		}
		for _, c := range page {
			if strings.EqualFold(c.GetUser().GetLogin(), bot) && strings.HasPrefix(c.GetBody(), templates.CommentMarker) {
				return c.GetID(), nil
			}
		}
		if resp.NextPage == 0 {
			return 0, nil
		}
		options.Page = resp.NextPage
	}
}

func gone(err error) bool {
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusGone
}
