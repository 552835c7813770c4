package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// mergeRequestRefs is where GitLab keeps what it makes of merge requests: their heads,
// merge results and trains.
const mergeRequestRefs = "refs/merge-requests/"

// refRow is a branch or a tag as the API shows it. The commit of a tag is what it leads
// to in the end, and null if that is none.
type refRow struct {
	Name   string    `json:"name"`
	Commit commitRow `json:"commit"`
}

func (r refRow) complete() bool { return r.Name != "" && fullSHA.MatchString(r.Commit.ID) }

func (r refRow) event(repo core.Repository, kind core.EventKind) core.Event {
	e := eventOf(repo, kind)
	e.SHA, e.Message, e.Author = r.Commit.ID, r.Commit.Message, r.Commit.AuthorName
	return e
}

// mergeRequestRow is a merge request as the API shows it.
type mergeRequestRow struct {
	IID             int    `json:"iid"`
	Title           string `json:"title"`
	WebURL          string `json:"web_url"`
	State           string `json:"state"`
	Draft           bool   `json:"draft"`
	SHA             string `json:"sha"`
	SourceBranch    string `json:"source_branch"`
	TargetBranch    string `json:"target_branch"`
	SourceProjectID id     `json:"source_project_id"` // null when the fork has been deleted
	Author          user   `json:"author"`
	ChangesCount    string `json:"changes_count"` // ends with a + when GitLab counts no further
}

// complete tells whether all that a build needs is there.
func (m mergeRequestRow) complete() bool {
	return m.IID > 0 && m.SourceBranch != "" && m.TargetBranch != "" && fullSHA.MatchString(m.SHA)
}

// Heads implements core.Surveyor. The events lack who pushed, and those of merge
// requests what only the commit itself tells. A page that has not changed since the
// last survey is not sent again.
func (r *Room) Heads(ctx context.Context, repo core.Repository) ([]core.Event, error) {
	s, err := r.seat(repo)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	branches, err := listAll[refRow](ctx, s, "/repository/branches", "")
	if err != nil {
		return nil, s.trouble(err)
	}
	tags, err := listAll[refRow](ctx, s, "/repository/tags", "")
	if err != nil {
		return nil, s.trouble(err)
	}
	mergeRequests, err := listAll[mergeRequestRow](ctx, s, "/merge_requests", "opened")
	if err != nil {
		return nil, s.trouble(err)
	}
	var heads []core.Event
	for _, b := range branches {
		if b.complete() {
			e := b.event(repo, core.EventPush)
			e.Ref, e.Branch = "refs/heads/"+b.Name, b.Name
			heads = append(heads, e)
		}
	}
	for _, t := range tags {
		if t.complete() {
			e := t.event(repo, core.EventTag)
			e.Ref, e.Tag = "refs/tags/"+t.Name, t.Name
			heads = append(heads, e)
		}
	}
	for _, m := range mergeRequests {
		if m.complete() {
			heads = append(heads, m.head(repo))
		}
	}
	return heads, nil
}

func eventOf(repo core.Repository, kind core.EventKind) core.Event {
	return core.Event{Kind: kind, Provider: core.ProviderGitLab, RepositoryID: repo.ExternalID, RepositoryName: repo.FullName}
}

func (m mergeRequestRow) head(repo core.Repository) core.Event {
	e := eventOf(repo, core.EventPullRequest)
	e.Action, e.Ref = "opened", headRef(m.IID)
	e.Branch, e.TargetBranch, e.SHA, e.Draft = m.SourceBranch, m.TargetBranch, m.SHA, m.Draft
	e.Actor, e.Opener, e.OpenerID = m.Author.Username, m.Author.Username, string(m.Author.ID)
	e.PullRequest = &core.PullRequest{Number: m.IID, Title: m.Title, URL: m.WebURL, Fork: string(m.SourceProjectID) != repo.ExternalID}
	return e
}

func headRef(number int) string { return fmt.Sprintf("%s%d/head", mergeRequestRefs, number) }

// maxPages bounds the memory for pages: some kilobytes each.
const maxPages = 512

// pageCache keeps pages of lists as GitLab last gave them. Its zero value is empty.
type pageCache struct {
	mu    sync.Mutex
	pages map[string]knownPage
}

type knownPage struct {
	etag string
	rows any
}

func (c *pageCache) get(path string) knownPage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pages[path]
}

func (c *pageCache) put(path string, p knownPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages == nil || len(c.pages) >= maxPages {
		c.pages = map[string]knownPage{}
	}
	c.pages[path] = p
}

// listing is the query of a page.
type listing struct {
	State   string `url:"state,omitempty"`
	PerPage int    `url:"per_page"`
	Page    int    `url:"page"`
}

// listAll reads all pages of a list of the project.
func listAll[T any](ctx context.Context, s seat, list, state string) ([]T, error) {
	var all []T
	for number := 1; ; number++ {
		rows, err := listPage[T](ctx, s, list, listing{state, perPage, number})
		all = append(all, rows...)
		if err != nil || len(rows) < perPage {
			return all, err
		}
	}
}

func listPage[T any](ctx context.Context, s seat, list string, query listing) (rows []T, err error) {
	name := s.path(list) + " " + strconv.Itoa(query.Page)
	known := s.pages.get(name)
	knownRows, ok := known.rows.([]T)
	var condition []gitlab.RequestOptionFunc
	if ok && known.etag != "" {
		condition = append(condition, gitlab.WithHeader("If-None-Match", known.etag))
	}
	resp, err := s.do(ctx, http.MethodGet, s.path(list), query, &rows, condition...)
	if resp != nil && resp.StatusCode == http.StatusNotModified {
		return knownRows, nil // the library stumbles over the empty body
	}
	if err != nil {
		return nil, err
	}
	s.pages.put(name, knownPage{resp.Header.Get("ETag"), rows})
	return rows, nil
}
