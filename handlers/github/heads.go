package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// surveyTimeout bounds one survey, which may take many pages.
const surveyTimeout = time.Minute

// perPage is the most that GitHub gives at once.
const perPage = 100

// refRow is a branch or a tag as the API shows it. The commit of a tag is what it leads
// to in the end.
type refRow struct {
	Name   string `json:"name"`
	Commit struct {
		SHA string `json:"sha"`
	} `json:"commit"`
}

// Heads implements core.Surveyor. The events lack what only the commit itself tells:
// message, author, and who pushed. What has not changed since the last survey costs
// nothing of the hourly budget.
func (f *Forge) Heads(ctx context.Context, repo core.Repository) ([]core.Event, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	branches, err := listAll[refRow](ctx, s, &f.pages, "branches?")
	if err != nil {
		return nil, f.trouble(err, s)
	}
	tags, err := listAll[refRow](ctx, s, &f.pages, "tags?")
	if err != nil {
		return nil, f.trouble(err, s)
	}
	pulls, err := listAll[pullRequest](ctx, s, &f.pages, "pulls?state=open&")
	if err != nil {
		return nil, f.trouble(err, s)
	}
	var heads []core.Event
	for _, b := range branches {
		if e := eventOf(repo, core.EventPush); !strings.HasPrefix(b.Name, mergeQueuePrefix) && fullSHA.MatchString(b.Commit.SHA) {
			e.Ref, e.Branch, e.SHA = "refs/heads/"+b.Name, b.Name, b.Commit.SHA
			heads = append(heads, e)
		}
	}
	for _, t := range tags {
		if e := eventOf(repo, core.EventTag); t.Name != "" && fullSHA.MatchString(t.Commit.SHA) {
			e.Ref, e.Tag, e.SHA = "refs/tags/"+t.Name, t.Name, t.Commit.SHA
			heads = append(heads, e)
		}
	}
	for _, p := range pulls {
		if p.complete() {
			e := p.describe(eventOf(repo, core.EventPullRequest))
			e.Action, e.Actor = "opened", p.User.Login
			heads = append(heads, e)
		}
	}
	return heads, nil
}

func eventOf(repo core.Repository, kind core.EventKind) core.Event {
	return core.Event{
		Kind: kind, Provider: core.ProviderGitHub, RepositoryID: repo.ExternalID, RepositoryName: repo.FullName, InstallationID: repo.InstallationID,
	}
}

// maxPages bounds the memory for pages: some kilobytes each.
const maxPages = 512

// pageCache keeps pages of lists as GitHub last gave them. Its zero value is empty.
type pageCache struct {
	mu    sync.Mutex
	pages map[string]knownPage
}

type knownPage struct {
	etag string
	more bool // another page follows
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

// listAll reads all pages of a repository's list. The query ends where paging goes on.
func listAll[T any](ctx context.Context, s seat, cache *pageCache, query string) ([]T, error) {
	var all []T
	for number := 1; ; number++ {
		path := fmt.Sprintf("repos/%s/%s/%sper_page=%d&page=%d", s.owner, s.name, query, perPage, number)
		rows, more, err := listPage[T](ctx, s, cache, path)
		all = append(all, rows...)
		// The page that a full one is followed by may be new, and the full one the same.
		if err != nil || !more && len(rows) < perPage {
			return all, err
		}
	}
}

func listPage[T any](ctx context.Context, s seat, cache *pageCache, path string) (rows []T, more bool, err error) {
	request, err := s.client.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return nil, false, err
	}
	known := cache.get(path)
	knownRows, ok := known.rows.([]T)
	if ok && known.etag != "" {
		request.Header.Set("If-None-Match", known.etag)
	}
	resp, err := s.client.Do(ctx, request, &rows)
	if resp != nil && resp.StatusCode == http.StatusNotModified {
		return knownRows, known.more, nil
	}
	if err != nil {
		return nil, false, err
	}
	more = resp.NextPage != 0
	cache.put(path, knownPage{resp.Header.Get("ETag"), more, rows})
	return rows, more, nil
}
