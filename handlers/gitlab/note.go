package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// UpsertComment implements core.Reporter with a note of the merge request. One that
// somebody deleted is made anew; one whose id got lost is found by its marker and our
// name. As with SetStatus, one without a result waits when little is left of the budget.
// GitLab runs lines of a note that start with a slash as commands of ours; the template
// lets nothing from a repository start one.
func (r *Room) UpsertComment(ctx context.Context, repo core.Repository, c core.Comment, known string) (string, error) {
	s, err := r.seat(repo)
	if err != nil {
		return "", err
	}
	if unfinished(c.State()) {
		if err := s.lane.spare(); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	w := noteWriter{seat: s, notes: fmt.Sprintf("/merge_requests/%d/notes", c.Number), body: templates.Comment(c)}
	made, err := w.editOrCreate(ctx, known)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return "", core.Errorf(core.KindNotFound, "%s finds no merge request !%d in %s, or may not comment on it", s.who(), c.Number, repo.FullName).Because(err)
	case err != nil:
		return "", s.trouble(err)
	case made == "":
		return "", core.Errorf(core.KindUnavailable, "GitLab did not say which note it made; try again")
	}
	return string(made), nil
}

// noteRow is a note as the API shows it.
type noteRow struct {
	ID     id     `json:"id"`
	Body   string `json:"body"`
	Author user   `json:"author"`
}

// noteWriter writes the body of one merge request's note.
type noteWriter struct {
	seat
	notes string // where they are, within the project
	body  string
}

func (w noteWriter) editOrCreate(ctx context.Context, known string) (id, error) {
	if numericID.MatchString(known) { // note ids have the same form
		if err := w.edit(ctx, id(known)); statusOf(err) != http.StatusNotFound {
			return id(known), err
		}
	}
	found, err := w.find(ctx)
	if err != nil {
		return "", err
	}
	if found != "" {
		return found, w.edit(ctx, found)
	}
	var made noteRow
	err = w.call(ctx, http.MethodPost, w.notes, gitlab.CreateMergeRequestNoteOptions{Body: &w.body}, &made)
	return made.ID, err
}

func (w noteWriter) edit(ctx context.Context, note id) error {
	return w.call(ctx, http.MethodPut, w.notes+"/"+string(note), gitlab.UpdateMergeRequestNoteOptions{Body: &w.body}, nil)
}

// find looks for our note; empty: there is none.
func (w noteWriter) find(ctx context.Context) (id, error) {
	me, err := w.me(ctx)
	if err != nil {
		return "", err
	}
	for page := 1; ; page++ {
		var rows []noteRow
		o := gitlab.ListMergeRequestNotesOptions{
			ListOptions: gitlab.ListOptions{Page: page, PerPage: perPage}, OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("asc"),
		}
		if err := w.call(ctx, http.MethodGet, w.notes, o, &rows); err != nil {
			return "", err
		}
		for _, n := range rows {
			if n.Author.ID == me.ID && n.ID != "" && strings.HasPrefix(n.Body, templates.CommentMarker) {
				return n.ID, nil
			}
		}
		if len(rows) < perPage {
			return "", nil
		}
	}
}
