package gitlab

import (
	"regexp"

	"github.com/oore-ci/oore/app/core"
)

type notePayload struct {
	envelope
	EventType string `json:"event_type"`
	Note      struct {
		ID          id     `json:"id"`
		Body        string `json:"note"`
		On          string `json:"noteable_type"`
		Action      string `json:"action"` // missing before GitLab 16.11
		AuthorID    id     `json:"author_id"`
		UpdatedByID id     `json:"updated_by_id"` // set once it was edited
		System      flag   `json:"system"`
		Internal    flag   `json:"internal"`
	} `json:"object_attributes"`
	MergeRequest struct {
		IID             id     `json:"iid"`
		State           string `json:"state"`
		TargetProjectID id     `json:"target_project_id"`
		AuthorID        id     `json:"author_id"`
		LastCommit      struct {
			ID string `json:"id"`
		} `json:"last_commit"`
	} `json:"merge_request"`
}

// tokenUser is how GitLab names the users of project and group access tokens.
var tokenUser = regexp.MustCompile(`^(?:project|group)_[0-9]+_bot`)

// decodeNote reads a comment of a merge request as what may be a command. Whether it is
// ours only its text tells.
func decodeNote(event string, payload []byte) (core.Event, error) {
	var p notePayload
	if err := parse(event, payload, &p); err != nil {
		return core.Event{}, err
	}
	e, note, mr := p.event(), p.Note, p.MergeRequest
	e.Action = note.Action
	switch {
	case note.On != "MergeRequest":
		return ignored(e, core.WhyNoCommand, "The comment is not on a merge request; commands are read there alone."), nil
	case bool(note.System):
		return ignored(e, core.WhyNoCommand, "GitLab itself wrote it, to tell of a change."), nil
	case p.edited():
		return ignored(e, core.WhyAction, "The comment was edited or removed: one is read once, as it was first written."), nil
	}
	number := mr.IID.number()
	if e.RepositoryID == "" || number == 0 || mr.TargetProjectID == "" || note.ID == "" || p.User.ID == "" || p.User.Username == "" {
		return core.Event{}, undocumented(event, "the project's id, the merge request's iid, the comment's id or its author is missing")
	}
	e.Ref = headRef(number)
	switch {
	case string(mr.TargetProjectID) != e.RepositoryID:
		return ignored(e, core.WhyPayload, "The webhook is one of project %s, and the merge request one of project %s.", e.RepositoryID, mr.TargetProjectID), nil
	case note.AuthorID != "" && note.AuthorID != p.User.ID:
		return ignored(e, core.WhyPayload, "User %s wrote the comment, and user %s sent it.", note.AuthorID, p.User.ID), nil
	}
	e.Chat = p.chat(event)
	return e, nil
}

// edited tells whether the comment is not as it was first written. A GitLab that names
// no action sends edits just the same.
func (p notePayload) edited() bool {
	return p.Note.Action != "" && p.Note.Action != "create" || p.Note.Action == "" && p.Note.UpdatedByID != ""
}

func (p notePayload) chat(event string) *core.Chat {
	mr := p.MergeRequest
	c := core.Chat{
		ID: string(p.Note.ID), Body: p.Note.Body, AuthorID: string(p.User.ID), Author: p.User.Username, Bot: tokenUser.MatchString(p.User.Username),
		Number: mr.IID.number(), Open: mr.State == "opened", OpenerID: string(mr.AuthorID), Reactable: true,
		Internal: event == confidentialNoteHook || p.EventType == "confidential_note" || bool(p.Note.Internal),
	}
	if fullSHA.MatchString(mr.LastCommit.ID) { // a merge request may have lost its commits
		c.SHA = mr.LastCommit.ID
	}
	return &c
}
