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
	w := noteWriter{seat: s, number: c.Number, marker: templates.CommentMarker, body: templates.Comment(c)}
	made, err := w.editOrCreate(ctx, known)
	switch {
	case err != nil:
		return "", w.trouble(err)
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

// noteWriter writes the body of one note of a merge request.
type noteWriter struct {
	seat
	number int    // the merge request
	marker string // how the body begins, and no other of ours
	body   string
}

// notesOf is where the notes of a merge request are, within the project.
func notesOf(number int) string { return fmt.Sprintf("/merge_requests/%d/notes", number) }

func (w noteWriter) editOrCreate(ctx context.Context, known string) (id, error) {
	if numericID.MatchString(known) { // note ids have the same form
		if err := w.edit(ctx, id(known)); statusOf(err) != http.StatusNotFound {
			return id(known), err
		}
	}
	found, err := w.find(ctx, oldestFirst, "")
	if err != nil {
		return "", err
	}
	if found.ID != "" {
		return found.ID, w.edit(ctx, found.ID)
	}
	return w.create(ctx)
}

func (w noteWriter) create(ctx context.Context) (id, error) {
	var made noteRow
	err := w.call(ctx, http.MethodPost, notesOf(w.number), gitlab.CreateMergeRequestNoteOptions{Body: &w.body}, &made)
	return made.ID, err
}

func (w noteWriter) edit(ctx context.Context, note id) error {
	return w.call(ctx, http.MethodPut, notesOf(w.number)+"/"+string(note), gitlab.UpdateMergeRequestNoteOptions{Body: &w.body}, nil)
}

// Orders in which GitLab lists notes.
const (
	oldestFirst = "asc"
	newestFirst = "desc"
)

// find looks for our note, no further than the note until; without an ID: there is none.
// GitLab leaves out of a page what we may not see, so a short one need not be the last.
func (w noteWriter) find(ctx context.Context, order string, until id) (noteRow, error) {
	me, err := w.me(ctx)
	if err != nil {
		return noteRow{}, err
	}
	o := gitlab.ListMergeRequestNotesOptions{ListOptions: gitlab.ListOptions{PerPage: perPage}, OrderBy: gitlab.Ptr("created_at"), Sort: &order}
	for o.Page = 1; o.Page > 0; {
		var rows []noteRow
		resp, err := w.do(ctx, http.MethodGet, w.path(notesOf(w.number)), o, &rows)
		if err != nil {
			return noteRow{}, err
		}
		for _, n := range rows {
			switch {
			case n.ID == "":
			case n.Author.ID == me.ID && strings.HasPrefix(n.Body, w.marker):
				return n, nil
			case n.ID == until:
				return noteRow{}, nil
			}
		}
		o.Page = resp.NextPage
	}
	return noteRow{}, nil
}

// trouble says what a refusal means for a note.
func (w noteWriter) trouble(err error) error {
	if statusOf(err) == http.StatusNotFound {
		return core.Errorf(core.KindNotFound, "%s finds no merge request !%d in %s, or may not comment on it", w.who(), w.number, w.repo.FullName).Because(err)
	}
	return w.seat.trouble(err)
}
