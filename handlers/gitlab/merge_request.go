package gitlab

import (
	"slices"

	"github.com/oore-ci/oore/app/core"
)

type mergeRequestPayload struct {
	envelope
	MergeRequest struct {
		IID             id     `json:"iid"`
		Title           string `json:"title"`
		URL             string `json:"url"`
		Action          string `json:"action"` // missing from test deliveries
		State           string `json:"state"`
		OldRevision     string `json:"oldrev"` // set when commits were pushed
		Draft           flag   `json:"draft"`
		WorkInProgress  flag   `json:"work_in_progress"` // what drafts were called
		SourceBranch    string `json:"source_branch"`
		TargetBranch    string `json:"target_branch"`
		SourceProjectID id     `json:"source_project_id"` // null when the fork has been deleted
		TargetProjectID id     `json:"target_project_id"`
		AuthorID        id     `json:"author_id"`
		LastCommit      struct {
			ID      string `json:"id"`
			Message string `json:"message"`
			Author  struct {
				Name string `json:"name"`
			} `json:"author"`
		} `json:"last_commit"`
	} `json:"object_attributes"`
	Changes struct {
		Draft          change[flag]   `json:"draft"`
		WorkInProgress change[flag]   `json:"work_in_progress"`
		TargetBranch   change[string] `json:"target_branch"`
	} `json:"changes"`
	Assignees []person `json:"assignees"`
	Reviewers []person `json:"reviewers"`
}

// change is what an update did to a field.
type change[T any] struct {
	Previous T `json:"previous"`
	Current  T `json:"current"`
}

type person struct {
	ID       id     `json:"id"`
	Username string `json:"username"`
}

func decodeMergeRequest(payload []byte) (core.Event, error) {
	var p mergeRequestPayload
	if err := parse(mergeRequestHook, payload, &p); err != nil {
		return core.Event{}, err
	}
	e, mr := p.event(), p.MergeRequest
	number := mr.IID.number()
	if e.RepositoryID == "" || mr.TargetProjectID == "" || number == 0 || mr.SourceBranch == "" || mr.TargetBranch == "" || !fullSHA.MatchString(mr.LastCommit.ID) {
		return core.Event{}, undocumented(mergeRequestHook, "the project's id, iid, a branch or last_commit is missing")
	}
	e.Action, e.Ref = mr.Action, headRef(number)
	e.Branch, e.TargetBranch, e.SHA, e.Draft = mr.SourceBranch, mr.TargetBranch, mr.LastCommit.ID, bool(mr.Draft || mr.WorkInProgress)
	e.Message, e.Author, e.Before = mr.LastCommit.Message, mr.LastCommit.Author.Name, mr.OldRevision
	e.OpenerID, e.Opener = string(mr.AuthorID), p.opener()
	e.PullRequest = &core.PullRequest{Number: number, Title: mr.Title, URL: mr.URL, Fork: mr.SourceProjectID != mr.TargetProjectID}
	if string(mr.TargetProjectID) != e.RepositoryID {
		return ignored(e, core.WhyPayload, "The webhook is one of project %s, and the merge request one of project %s.", e.RepositoryID, mr.TargetProjectID), nil
	}
	return p.decide(e), nil
}

// decide tells whether there is a new commit, or another reason to build.
func (p mergeRequestPayload) decide(e core.Event) core.Event {
	mr := p.MergeRequest
	switch {
	case mr.Action == "close" || mr.Action == "merge":
		e.Closed = true
		return ignored(e, core.WhyAction, "The merge request was closed or merged.")
	case mr.Action == "":
		return ignored(e, core.WhyAction, "The payload does not say what happened, as those of GitLab's Test button; the webhook works.")
	case mr.State != "" && mr.State != "opened":
		return ignored(e, core.WhyAction, "The merge request is %s.", mr.State)
	case mr.Action == "open" || mr.Action == "reopen" || mr.Action == "update" && p.moved():
		e.Kind = core.EventPullRequest
		e.Retargeted = mr.Action == "update" && p.Changes.TargetBranch.Previous != p.Changes.TargetBranch.Current
		return e
	case mr.Action == "update":
		return ignored(e, core.WhyAction, "The merge request was edited; it has no new commit.")
	}
	return ignored(e, core.WhyAction, "Merge request action %q brings no new commit.", mr.Action)
}

// moved tells whether an update brought commits, ended a draft or chose another target.
func (p mergeRequestPayload) moved() bool {
	mr, c := p.MergeRequest, p.Changes
	ready := bool(c.Draft.Previous && !c.Draft.Current || c.WorkInProgress.Previous && !c.WorkInProgress.Current)
	return mr.OldRevision != "" && mr.OldRevision != mr.LastCommit.ID || ready || c.TargetBranch.Previous != c.TargetBranch.Current
}

// opener is the login of the author, whom the payload names by id alone; empty if they
// are none of the people in it.
func (p mergeRequestPayload) opener() string {
	for _, one := range slices.Concat([]person{person(p.User)}, p.Assignees, p.Reviewers) {
		if one.ID != "" && one.ID == p.MergeRequest.AuthorID {
			return one.Username
		}
	}
	return ""
}
