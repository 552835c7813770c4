package gitlab

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

var fullSHA = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// commitRow is a commit as the API shows it.
type commitRow struct {
	ID           string       `json:"id"`
	Message      string       `json:"message"`
	AuthorName   string       `json:"author_name"`
	CommittedAt  time.Time    `json:"committed_date"`
	LastPipeline *pipelineRow `json:"last_pipeline"`
}

// PullRequestHead implements core.Forge.
func (r *Room) PullRequestHead(ctx context.Context, repo core.Repository, number int) (string, error) {
	mr, err := r.mergeRequest(ctx, repo, number)
	switch {
	case err != nil:
		return "", err
	case !fullSHA.MatchString(mr.SHA):
		return "", core.Errorf(core.KindUnavailable, "GitLab answered merge request !%d without a commit; try again", number)
	}
	return mr.SHA, nil
}

// ResolveRef implements core.Forge. Unknown: KindNotFound, code invalid_ref; so is a
// shortened SHA, which would name another commit one day. Of a branch and a tag with
// the same name it is the branch; GitLab itself would take the tag.
func (r *Room) ResolveRef(ctx context.Context, repo core.Repository, ref string) (core.Commit, error) {
	unknown := core.Codef(core.KindNotFound, core.CodeInvalidRef, "%s has no branch, tag or full commit SHA %q", repo.FullName, ref)
	if !plainRef(ref) {
		return core.Commit{}, unknown
	}
	s, err := r.seat(repo)
	if err != nil {
		return core.Commit{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := s.commit(ctx, ref)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return core.Commit{}, unknown.Because(err)
	case err != nil:
		return core.Commit{}, s.trouble(err)
	case !fullSHA.MatchString(c.ID):
		return core.Commit{}, core.Errorf(core.KindUnavailable, "GitLab answered %s without a commit; try again", ref)
	}
	return core.Commit{SHA: c.ID, Message: c.Message, Author: c.AuthorName, At: c.CommittedAt}, nil
}

// FindCommit implements core.CommitFinder. GitLab takes a name for a branch or tag first.
func (r *Room) FindCommit(ctx context.Context, repo core.Repository, short string) (core.Commit, error) {
	s, err := r.seat(repo)
	if err != nil {
		return core.Commit{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := s.commitOf(ctx, short)
	none := core.Codef(core.KindNotFound, core.CodeInvalidRef, "%s has not one commit that begins with %s", repo.FullName, short)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return core.Commit{}, none.Because(err)
	case err != nil:
		return core.Commit{}, s.trouble(err)
	case !fullSHA.MatchString(c.ID) || !strings.HasPrefix(c.ID, short):
		return core.Commit{}, none
	}
	return core.Commit{SHA: c.ID, Message: c.Message, Author: c.AuthorName, At: c.CommittedAt}, nil
}

// commit asks for each form of name at its own place, where GitLab reads no revision
// syntax and completes nothing.
func (s seat) commit(ctx context.Context, ref string) (commitRow, error) {
	if sha := strings.ToLower(ref); fullSHA.MatchString(sha) {
		return s.commitOf(ctx, sha)
	}
	var named struct {
		Commit commitRow `json:"commit"`
	}
	branch, alone := strings.CutPrefix(ref, "refs/heads/")
	err := s.call(ctx, http.MethodGet, "/repository/branches/"+escape(branch), nil, &named)
	if statusOf(err) == http.StatusNotFound && !alone {
		err = s.call(ctx, http.MethodGet, "/repository/tags/"+escape(ref), nil, &named)
	}
	return named.Commit, err
}

func (s seat) commitOf(ctx context.Context, sha string) (c commitRow, err error) {
	return c, s.call(ctx, http.MethodGet, "/repository/commits/"+url.PathEscape(sha), gitlab.GetCommitOptions{Stats: gitlab.Ptr(false)}, &c)
}

func escape(ref string) string { return gitlab.PathEscape(ref) }

// plainRef tells whether git would take s for a name of a branch or tag. It keeps out
// steps up the path.
func plainRef(s string) bool {
	if s == "" || len(s) > 255 || strings.ContainsAny(s, " ~^:?*[\\\x7f") || strings.Contains(s, "@{") || strings.Contains(s, "..") || strings.HasSuffix(s, ".") {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == '\uFFFD' {
			return false
		}
	}
	for _, part := range strings.Split(s, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}
