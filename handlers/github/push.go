package github

import (
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Bounds under which a push's list of files is taken to be whole. GitHub documents
// that a push lists at most 2048 commits and says nothing about files per commit;
// its API and its own path filters stop at 1000 commits and 300 files, so a push
// that reaches either says nothing certain about what it left out.
const (
	maxListedCommits = 1000
	maxListedFiles   = 300
)

const mergeQueuePrefix = "gh-readonly-queue/"

type pushPayload struct {
	envelope
	Ref        string       `json:"ref"`
	Before     string       `json:"before"`
	After      string       `json:"after"`
	Created    bool         `json:"created"`
	Deleted    bool         `json:"deleted"`
	Forced     bool         `json:"forced"`
	Commits    []pushCommit `json:"commits"`
	HeadCommit *pushCommit  `json:"head_commit"`
	Pusher     struct {
		Name string `json:"name"`
	} `json:"pusher"`
}

type pushCommit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	Author  struct {
		Name     string `json:"name"`
		Username string `json:"username"`
	} `json:"author"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

func decodePush(payload []byte) (core.Event, error) {
	var p pushPayload
	if err := parse("push", payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	branch, isBranch := branchName(p.Ref)
	tag, isTag := strings.CutPrefix(p.Ref, "refs/tags/")
	e.Ref, e.Forced = p.Ref, p.Forced
	switch {
	case isBranch:
		e.Branch = branch
	case isTag:
		e.Tag = tag
	}
	if e.Actor == "" {
		e.Actor = p.Pusher.Name
	}
	switch {
	case e.RepositoryID == "" || p.Ref == "" || p.After == "":
		return core.Event{}, undocumented("push", "repository.id, ref or after is missing")
	case !isBranch && !isTag:
		return ignored(e, core.WhyRefUnknown, "Oore builds branches and tags; %s is neither.", p.Ref), nil
	case p.Deleted && isTag:
		return ignored(e, core.WhyBranchDeleted, "The push deletes the tag %s.", tag), nil
	case p.Deleted:
		return ignored(e, core.WhyBranchDeleted, "The push deletes the branch %s.", branch), nil
	case strings.Trim(p.After, "0") == "":
		return ignored(e, core.WhyEmptyPush, "The push brings no commit."), nil
	case strings.HasPrefix(branch, mergeQueuePrefix):
		return ignored(e, core.WhyMergeQueue, "A branch of the merge queue: its merge_group event is what builds it."), nil
	}
	return p.build(e, isTag)
}

// build completes an event that may start builds.
func (p pushPayload) build(e core.Event, isTag bool) (core.Event, error) {
	e.Kind, e.SHA = core.EventPush, p.After
	if strings.Trim(p.Before, "0") != "" {
		e.Before = p.Before
	}
	if isTag {
		if p.HeadCommit == nil {
			return ignored(e, core.WhyEmptyPush, "The tag %s does not point at a commit.", e.Tag), nil
		}
		// after is the tag object if the tag is annotated.
		e.Kind, e.SHA = core.EventTag, p.HeadCommit.ID
	}
	if !fullSHA.MatchString(e.SHA) {
		return core.Event{}, undocumented("push", "%q is no commit id", e.SHA)
	}
	if head := p.HeadCommit; head != nil {
		e.Message, e.Author = head.Message, head.Author.Name
		if e.Author == "" {
			e.Author = head.Author.Username
		}
	}
	e.Paths, e.PathsComplete = p.paths()
	e.PathsComplete = e.PathsComplete && !isTag
	return e, nil
}

// paths gathers the changed files, each once. They are known to be all only if the
// branch moved forward and nothing can have been cut off.
func (p pushPayload) paths() (paths []string, complete bool) {
	complete = !p.Created && !p.Forced && len(p.Commits) > 0 && len(p.Commits) < maxListedCommits
	seen := map[string]bool{}
	for _, c := range p.Commits {
		files := 0
		for _, list := range [][]string{c.Added, c.Removed, c.Modified} {
			files += len(list)
			for _, path := range list {
				if !seen[path] {
					seen[path] = true
					paths = append(paths, path)
				}
			}
		}
		complete = complete && files < maxListedFiles
	}
	return paths, complete
}
