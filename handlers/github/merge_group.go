package github

import "github.com/oore-ci/oore/app/core"

type mergeGroupPayload struct {
	envelope
	MergeGroup struct {
		HeadSHA    string `json:"head_sha"`
		BaseSHA    string `json:"base_sha"`
		HeadRef    string `json:"head_ref"`
		BaseRef    string `json:"base_ref"`
		HeadCommit struct {
			Message string `json:"message"`
			Author  struct {
				Name string `json:"name"`
			} `json:"author"`
		} `json:"head_commit"`
	} `json:"merge_group"`
}

// decodeMergeGroup names the branch that the queue merges into as both Branch and
// TargetBranch: that is what people filter on, while the queue's own branch has a
// random name. Ref keeps the queue's branch.
func decodeMergeGroup(payload []byte) (core.Event, error) {
	var p mergeGroupPayload
	if err := parse("merge_group", payload, &p); err != nil {
		return core.Event{}, err
	}
	e, group := p.event(), p.MergeGroup
	base, ok := branchName(group.BaseRef)
	if e.RepositoryID == "" || !ok || !fullSHA.MatchString(group.HeadSHA) {
		return core.Event{}, undocumented("merge_group", "repository.id, head_sha or base_ref is missing")
	}
	e.Ref, e.Branch, e.TargetBranch, e.SHA, e.Before = group.HeadRef, base, base, group.HeadSHA, group.BaseSHA
	e.Message, e.Author = group.HeadCommit.Message, group.HeadCommit.Author.Name
	if p.Action != "checks_requested" {
		return ignored(e, core.WhyAction, "Merge group action %q brings no new commit.", p.Action), nil
	}
	e.Kind = core.EventMergeGroup
	return e, nil
}
