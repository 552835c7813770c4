package github

import (
	"context"
	"net/http"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// ReadFile implements core.FileReader. A link within the repository is followed by
// GitHub.
func (f *Forge) ReadFile(ctx context.Context, repo core.Repository, sha, path string) ([]byte, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	file, _, _, err := s.client.Repositories.GetContents(ctx, s.owner, s.name, path, &github.RepositoryContentGetOptions{Ref: sha})
	switch {
	case statusOf(err) == http.StatusNotFound:
		return nil, core.Errorf(core.KindNotFound, "%s has no %s at %s", repo.FullName, path, sha).Because(err)
	case err != nil:
		return nil, f.trouble(err, s)
	case file.GetType() != "file": // nil: a folder
		return nil, core.Errorf(core.KindInvalid, "%s is no plain file", path)
	case file.GetSize() > core.MaxWorkflowBytes:
		return nil, core.Errorf(core.KindTooLarge, "%s has %d bytes; at most %d are read", path, file.GetSize(), core.MaxWorkflowBytes)
	}
	content, err := file.GetContent()
	if err != nil {
		return nil, core.Errorf(core.KindUnavailable, "GitHub answered %s in a form that is not known; try again", path).Because(err)
	}
	return []byte(content), nil
}

// ReadFile implements core.FileReader.
func (r *Room) ReadFile(ctx context.Context, repo core.Repository, sha, path string) ([]byte, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return nil, err
	}
	return f.ReadFile(ctx, repo, sha, path)
}
