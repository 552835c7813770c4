package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// minShortSHA is the shortest abbreviation of a commit that git accepts.
const minShortSHA = 4

var repositoryPart = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

func splitName(fullName string) (owner, name string, err error) {
	owner, name, _ = strings.Cut(fullName, "/")
	if !repositoryPart.MatchString(owner) || !repositoryPart.MatchString(name) || strings.Trim(owner, ".") == "" || strings.Trim(name, ".") == "" {
		return "", "", core.Codef(core.KindNotFound, core.CodeRepositoryUnknown,
			"%q is not the name of a GitHub repository; write owner/name", fullName)
	}
	return owner, name, nil
}

// FindRepository implements core.Forge. A repository on which the App is not
// installed cannot be told from one that is not there: KindNotFound, code
// repository_not_found.
func (f *Forge) FindRepository(ctx context.Context, fullName string) (core.Repository, error) {
	owner, name, err := splitName(fullName)
	if err != nil {
		return core.Repository{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	installation, _, err := f.app.Apps.FindRepositoryInstallation(ctx, owner, name)
	if err != nil {
		return core.Repository{}, repositoryTrouble(translate(err, refusalOf(err), fullName, f.about()), fullName)
	}
	s, err := f.seat(fullName, installation.GetID())
	if err != nil {
		return core.Repository{}, err
	}
	r, _, err := s.client.Repositories.Get(ctx, owner, name)
	if err != nil {
		return core.Repository{}, repositoryTrouble(f.trouble(err, s), fullName)
	}
	return core.Repository{
		Provider: core.ProviderGitHub, Host: f.about().Host, IntegrationID: f.about().ID, ExternalID: strconv.FormatInt(r.GetID(), 10), FullName: r.GetFullName(),
		WebURL: r.GetHTMLURL(), CloneURL: r.GetCloneURL(), DefaultBranch: r.GetDefaultBranch(), Private: r.GetPrivate(),
		InstallationID: s.installation,
	}, nil
}

func repositoryTrouble(err error, fullName string) error {
	if core.KindOf(err) != core.KindNotFound {
		return err
	}
	return core.Codef(core.KindNotFound, core.CodeRepositoryUnknown,
		"The GitHub App is not installed on %s, or there is no such repository. Install the App there, then try again.", fullName).Because(err)
}

// PullRequestHead implements core.Forge.
func (f *Forge) PullRequestHead(ctx context.Context, repo core.Repository, number int) (string, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	pull, _, err := s.client.PullRequests.Get(ctx, s.owner, s.name, number)
	if statusOf(err) == http.StatusNotFound {
		return "", core.Errorf(core.KindNotFound, "%s has no pull request #%d", repo.FullName, number).Because(err)
	}
	if err != nil {
		return "", f.trouble(err, s)
	}
	return pull.GetHead().GetSHA(), nil
}

// ResolveRef implements core.Forge. Unknown: KindNotFound, code invalid_ref; so is a
// shortened SHA, which would name another commit one day.
func (f *Forge) ResolveRef(ctx context.Context, repo core.Repository, ref string) (core.Commit, error) {
	unknown := core.Codef(core.KindNotFound, core.CodeInvalidRef, "%s has no branch, tag or full commit SHA %q", repo.FullName, ref)
	if !plainRef(ref) {
		return core.Commit{}, unknown
	}
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return core.Commit{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	c, err := s.commit(ctx, strings.TrimPrefix(ref, "refs/")) // GitHub says heads/… for a branch alone
	if err != nil {
		if a := statusOf(err); a == http.StatusNotFound || a == http.StatusConflict || a == http.StatusUnprocessableEntity {
			return core.Commit{}, unknown.Because(err) // 409: the repository is empty
		}
		return core.Commit{}, f.trouble(err, s)
	}
	if short := len(ref) >= minShortSHA && len(ref) < len(c.GetSHA()) && strings.HasPrefix(c.GetSHA(), strings.ToLower(ref)); short {
		return core.Commit{}, unknown
	}
	if !fullSHA.MatchString(c.GetSHA()) {
		return core.Commit{}, core.Errorf(core.KindUnavailable, "GitHub answered %s without a commit; try again", ref)
	}
	return commitOf(c), nil
}

// FindCommit implements core.CommitFinder. GitHub takes a name for a branch or tag first.
func (f *Forge) FindCommit(ctx context.Context, repo core.Repository, short string) (core.Commit, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return core.Commit{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	c, err := s.commit(ctx, short)
	none := core.Codef(core.KindNotFound, core.CodeInvalidRef, "%s has not one commit that begins with %s", repo.FullName, short)
	switch a := statusOf(err); {
	case a == http.StatusNotFound || a == http.StatusConflict || a == http.StatusUnprocessableEntity:
		return core.Commit{}, none.Because(err)
	case err != nil:
		return core.Commit{}, f.trouble(err, s)
	case !fullSHA.MatchString(c.GetSHA()) || !strings.HasPrefix(c.GetSHA(), short):
		return core.Commit{}, none
	}
	return commitOf(c), nil
}

func commitOf(c *github.RepositoryCommit) core.Commit {
	return core.Commit{
		SHA: c.GetSHA(), Message: c.GetCommit().GetMessage(), Author: c.GetCommit().GetAuthor().GetName(), At: c.GetCommit().GetCommitter().GetDate().Time,
	}
}

// commit exists because the library's own call does not escape the ref.
func (s seat) commit(ctx context.Context, ref string) (*github.RepositoryCommit, error) {
	parts := strings.Split(ref, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	request, err := s.client.NewRequest("GET", fmt.Sprintf("repos/%s/%s/commits/%s", s.owner, s.name, strings.Join(parts, "/")), nil)
	if err != nil {
		return nil, err
	}
	commit := new(github.RepositoryCommit)
	_, err = s.client.Do(ctx, request, commit)
	return commit, err
}

// plainRef tells whether git would take s for a name of a branch or tag. It keeps
// out revision syntax (main~1), which GitHub would resolve, and steps up the path.
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
