package gitlab

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// ReadFile implements core.FileReader. GitLab gives the text of a link, which is the
// name of another file: like what is no file of settings, it is refused by who reads it.
func (r *Room) ReadFile(ctx context.Context, repo core.Repository, sha, path string) ([]byte, error) {
	s, err := r.seat(repo)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var file struct {
		Size    int    `json:"size"`
		Content string `json:"content"` // base64
	}
	err = s.call(ctx, http.MethodGet, "/repository/files/"+escape(path), gitlab.GetFileOptions{Ref: gitlab.Ptr(sha)}, &file)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return nil, core.Errorf(core.KindNotFound, "%s has no %s at %s", repo.FullName, path, sha).Because(err)
	case err != nil:
		return nil, s.trouble(err)
	case file.Size > core.MaxWorkflowBytes:
		return nil, core.Errorf(core.KindTooLarge, "%s has %d bytes; at most %d are read", path, file.Size, core.MaxWorkflowBytes)
	}
	content, err := base64.StdEncoding.DecodeString(file.Content)
	if err != nil {
		return nil, core.Errorf(core.KindUnavailable, "GitLab answered %s in a form that is not known; try again", path).Because(err)
	}
	return content, nil
}
