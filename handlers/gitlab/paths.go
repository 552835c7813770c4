package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// diffRow is a changed file as the API shows it.
type diffRow struct {
	OldPath string `json:"old_path"`
	NewPath string `json:"new_path"`
}

// Paths implements core.Surveyor. Of a rename both names are listed. A merge request is
// asked for as it is now. A push is compared with where the branch stood, whichever way
// it moved; a new branch stood nowhere.
func (r *Room) Paths(ctx context.Context, repo core.Repository, e core.Event) (paths []string, complete bool, err error) {
	pull := e.Kind == core.EventPullRequest && e.PullRequest != nil
	moved := e.Kind == core.EventPush && fullSHA.MatchString(e.Before) && fullSHA.MatchString(e.SHA)
	if !pull && !moved {
		return e.Paths, false, nil
	}
	s, err := r.seat(repo)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	if pull {
		paths, complete, err = s.mergeRequestPaths(ctx, e.PullRequest.Number)
	} else {
		paths, complete, err = s.comparePaths(ctx, e.Before, e.SHA)
	}
	if err != nil {
		return nil, false, s.trouble(err)
	}
	return paths, complete, nil
}

// mergeRequestPaths counts: the list is whole if it is as long as GitLab says.
func (s seat) mergeRequestPaths(ctx context.Context, number int) (paths []string, complete bool, err error) {
	one := fmt.Sprintf("/merge_requests/%d", number)
	var mr mergeRequestRow
	if err := s.call(ctx, http.MethodGet, one, nil, &mr); err != nil {
		return nil, false, err
	}
	var files []diffRow
	for page := 1; ; page++ {
		var rows []diffRow
		if err := s.call(ctx, http.MethodGet, one+"/diffs", gitlab.ListOptions{Page: page, PerPage: perPage}, &rows); err != nil {
			return nil, false, err
		}
		files = append(files, rows...)
		if len(rows) < perPage {
			return pathsOf(files), mr.ChangesCount == strconv.Itoa(len(files)), nil
		}
	}
}

// comparePaths compares the two states themselves, not the way from one to the other.
func (s seat) comparePaths(ctx context.Context, before, after string) (paths []string, complete bool, err error) {
	var c struct {
		Diffs []diffRow `json:"diffs"`
		Cut   bool      `json:"compare_timeout"`
	}
	o := gitlab.CompareOptions{From: &before, To: &after, Straight: gitlab.Ptr(true)}
	if err := s.call(ctx, http.MethodGet, "/repository/compare", o, &c); err != nil {
		return nil, false, err
	}
	return pathsOf(c.Diffs), !c.Cut, nil
}

func pathsOf(files []diffRow) []string {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.NewPath)
		if f.OldPath != f.NewPath {
			paths = append(paths, f.OldPath)
		}
	}
	return paths
}
