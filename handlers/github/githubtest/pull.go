package githubtest

import (
	"fmt"
	"maps"
	"slices"
)

// Pull is a pull request. Zero fields are filled when it becomes known: the base is
// the repository's default branch, the author octocat.
type Pull struct {
	Number     int
	Title      string
	Author     string
	HeadBranch string
	HeadSHA    string
	BaseBranch string
	Draft      bool
	Fork       bool // the head lives in another repository
	ForkGone   bool // that has been deleted; implies Fork
	Closed     bool
}

// know keeps a pull request as it is now. The caller holds mu.
func (r *repository) know(p Pull) *Pull {
	if p.Author == "" {
		p.Author = "octocat"
	}
	if p.Title == "" {
		p.Title = fmt.Sprintf("Pull request %d", p.Number)
	}
	if p.BaseBranch == "" {
		p.BaseBranch = r.DefaultBranch
	}
	p.Fork = p.Fork || p.ForkGone
	r.pulls[p.Number] = &p
	return &p
}

// headRepository is the id of the repository in which the head lives.
func (r *repository) headRepository(p *Pull) int64 {
	if p.Fork {
		return r.ID + 1_000_000
	}
	return r.ID
}

func (p *Pull) state() string {
	if p.Closed {
		return "closed"
	}
	return "open"
}

func (s *Server) getPull(c *call) answer {
	r, a := s.repository(c, "pull_requests:read")
	if r == nil {
		return a
	}
	p := r.pulls[int(c.number("number"))]
	if p == nil {
		return notFound()
	}
	return ok(s.showPull(r, p))
}

func (s *Server) showPull(r *repository, p *Pull) object {
	head := object{"ref": p.HeadBranch, "sha": p.HeadSHA, "repo": object{"id": r.headRepository(p)}}
	if p.ForkGone {
		head["repo"] = nil
	}
	return object{
		"number": p.Number, "title": p.Title, "draft": p.Draft, "state": p.state(), "user": s.showUser(p.Author),
		"html_url": fmt.Sprintf("%s/%s/pull/%d", s.URL(), r.FullName, p.Number),
		"head":     head, "base": object{"ref": p.BaseBranch, "repo": object{"id": r.ID}},
	}
}

// listPulls lists the newest first.
func (s *Server) listPulls(c *call) answer {
	r, a := s.repository(c, "pull_requests:read")
	if r == nil {
		return a
	}
	state := c.URL.Query().Get("state")
	list := []object{}
	for _, number := range slices.Backward(slices.Sorted(maps.Keys(r.pulls))) {
		if p := r.pulls[number]; state == "all" || p.Closed == (state == "closed") {
			list = append(list, s.showPull(r, p))
		}
	}
	return paged(c, list)
}

// maxPullFiles is where GitHub cuts the files of a pull request.
const maxPullFiles = 3000

func (s *Server) listPullFiles(c *call) answer {
	r, a := s.repository(c, "pull_requests:read")
	if r == nil {
		return a
	}
	p := r.pulls[int(c.number("number"))]
	if p == nil {
		return notFound()
	}
	files := changedFiles(r.Dir, p.BaseBranch, p.HeadSHA)
	return paged(c, files[:min(len(files), maxPullFiles)])
}
