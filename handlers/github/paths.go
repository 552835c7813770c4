package github

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// Where GitHub cuts its lists of files.
const (
	maxPullFiles    = 3000
	maxCompareFiles = 300
)

// Paths implements core.Surveyor. Of a rename both names are listed. A pull request
// is asked for as it is now. For a push the list is complete only if the branch moved
// forward: what a forced push takes away GitHub does not tell, and a new branch stood
// nowhere before.
func (f *Forge) Paths(ctx context.Context, repo core.Repository, e core.Event) (paths []string, complete bool, err error) {
	pull := e.Kind == core.EventPullRequest && e.PullRequest != nil
	moved := (e.Kind == core.EventPush || e.Kind == core.EventMergeGroup) && fullSHA.MatchString(e.Before) && fullSHA.MatchString(e.SHA)
	if !pull && !moved {
		return e.Paths, false, nil
	}
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	if pull {
		paths, complete, err = s.pullPaths(ctx, e.PullRequest.Number)
	} else {
		paths, complete, err = s.comparePaths(ctx, e.Before, e.SHA)
	}
	if err != nil {
		return nil, false, f.trouble(err, s)
	}
	return paths, complete, nil
}

func (s seat) pullPaths(ctx context.Context, number int) (paths []string, complete bool, err error) {
	options, files := &github.ListOptions{PerPage: perPage}, 0
	for {
		page, resp, err := s.client.PullRequests.ListFiles(ctx, s.owner, s.name, number, options)
		if err != nil {
			return nil, false, err
		}
		files += len(page)
		paths = append(paths, pathsOf(page)...)
		if resp.NextPage == 0 {
			return paths, files < maxPullFiles, nil
		}
		options.Page = resp.NextPage
	}
}

// comparePaths asks for one commit, since all files come with the first page.
func (s seat) comparePaths(ctx context.Context, before, after string) (paths []string, complete bool, err error) {
	c, _, err := s.client.Repositories.CompareCommits(ctx, s.owner, s.name, before, after, &github.ListOptions{PerPage: 1})
	if err != nil {
		return nil, false, err
	}
	forward := c.GetStatus() == "ahead" || c.GetStatus() == "identical"
	return pathsOf(c.Files), forward && len(c.Files) < maxCompareFiles, nil
}

func pathsOf(files []*github.CommitFile) []string {
	var paths []string
	for _, file := range files {
		paths = append(paths, file.GetFilename())
		if file.GetStatus() == "renamed" {
			paths = append(paths, file.GetPreviousFilename())
		}
	}
	return paths
}
