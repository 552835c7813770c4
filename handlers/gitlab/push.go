package gitlab

import (
	"strings"

	"github.com/oore-ci/oore/app/core"
)

type pushPayload struct {
	envelope
	Ref         string       `json:"ref"`
	Before      string       `json:"before"`
	After       string       `json:"after"`
	CheckoutSHA string       `json:"checkout_sha"` // the commit, also of an annotated tag; null if there is none
	Commits     []pushCommit `json:"commits"`      // at most 20
	Options     struct {
		CI struct {
			Skip flag `json:"skip"`
		} `json:"ci"`
	} `json:"push_options"`
}

type pushCommit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	Author  struct {
		Name string `json:"name"`
	} `json:"author"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Modified []string `json:"modified"`
}

func decodePush(event string, payload []byte) (core.Event, error) {
	var p pushPayload
	if err := parse(event, payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	branch, isBranch := branchName(p.Ref)
	tag, isTag := strings.CutPrefix(p.Ref, "refs/tags/")
	isTag = isTag && tag != ""
	e.Ref = p.Ref
	switch {
	case isBranch:
		e.Branch = branch
	case isTag:
		e.Tag = tag
	}
	switch {
	case e.RepositoryID == "" || p.Ref == "" || p.After == "":
		return core.Event{}, undocumented(event, "the project's id, ref or after is missing")
	case strings.HasPrefix(p.Ref, mergeRequestRefs):
		return ignored(e, core.WhyMergeQueue, "GitLab keeps merge requests and trains under %s; their own events are what builds them.", p.Ref), nil
	case !isBranch && !isTag:
		return ignored(e, core.WhyRefUnknown, "Oore builds branches and tags; %s is neither.", p.Ref), nil
	case strings.Trim(p.After, "0") == "":
		return ignored(e, core.WhyBranchDeleted, "The push deletes %s.", p.Ref), nil
	case bool(p.Options.CI.Skip):
		e.SHA = p.After // told of: a survey that finds it must not build it
		return ignored(e, core.WhySkipMark, "The push was made with the option ci.skip."), nil
	}
	return p.build(event, e, isTag)
}

// build completes an event that may start builds. Its list of paths is never taken to
// be whole: GitLab does not say whether a push was forced, and what a forced push takes
// away stands in no commit of it.
func (p pushPayload) build(event string, e core.Event, isTag bool) (core.Event, error) {
	e.Kind, e.SHA = core.EventPush, p.After
	if isTag {
		if p.CheckoutSHA == "" {
			return ignored(e, core.WhyEmptyPush, "The tag %s does not point at a commit.", e.Tag), nil
		}
		// after is the tag object if the tag is annotated.
		e.Kind, e.SHA = core.EventTag, p.CheckoutSHA
	}
	if !fullSHA.MatchString(e.SHA) {
		return core.Event{}, undocumented(event, "what was pushed is no commit id")
	}
	if strings.Trim(p.Before, "0") != "" {
		e.Before = p.Before
	}
	for _, c := range p.Commits {
		if c.ID == e.SHA {
			e.Message, e.Author = c.Message, c.Author.Name
		}
	}
	e.Paths = p.paths()
	return e, nil
}

// paths gathers the changed files, each once.
func (p pushPayload) paths() []string {
	var paths []string
	seen := map[string]bool{}
	for _, c := range p.Commits {
		for _, list := range [][]string{c.Added, c.Removed, c.Modified} {
			for _, path := range list {
				if !seen[path] {
					seen[path] = true
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}
