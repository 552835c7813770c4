package github

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// tokenReserve is the life that a token handed out still has at least: enough for a
// large clone. GitHub's tokens live an hour.
const tokenReserve = 10 * time.Minute

type tokenKey struct{ installation, repository int64 }

type token struct {
	value   string
	expires time.Time
}

// Checkout implements core.Forge: a token that can read the contents of this one
// repository and nothing else. It goes only to the hosts of GitHub; for a clone
// address elsewhere there is none.
func (f *Forge) Checkout(ctx context.Context, repo core.Repository) (core.Checkout, error) {
	out := core.Checkout{URL: repo.CloneURL}
	u, err := url.Parse(repo.CloneURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !slices.Contains(f.hosts, u.Hostname()) {
		f.log.Warn("the clone address is not at GitHub: no token for it", "repository", repo.FullName)
		return out, nil
	}
	id, err := strconv.ParseInt(repo.ExternalID, 10, 64)
	if err != nil {
		return out, core.Errorf(core.KindInvalid, "%q is not the id of a GitHub repository", repo.ExternalID)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	out.Username = "x-access-token"
	out.Password, err = f.readToken(ctx, tokenKey{repo.InstallationID, id}, repo.FullName)
	return out, err
}

func (f *Forge) readToken(ctx context.Context, key tokenKey, subject string) (string, error) {
	f.mu.Lock()
	known := f.tokens[key]
	f.mu.Unlock()
	if time.Until(known.expires) > tokenReserve {
		return known.value, nil
	}
	minted, _, err := f.app.Apps.CreateInstallationToken(ctx, key.installation, &github.InstallationTokenOptions{
		RepositoryIDs: []int64{key.repository},
		Permissions:   &github.InstallationPermissions{Contents: github.String("read")},
	})
	if err != nil {
		a := refusalOf(err)
		if a != nil {
			a.minting = true
		}
		return "", translate(err, a, subject, f.about())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, t := range f.tokens {
		if time.Until(t.expires) <= tokenReserve {
			delete(f.tokens, k)
		}
	}
	f.tokens[key] = token{value: minted.GetToken(), expires: minted.GetExpiresAt().Time}
	return minted.GetToken(), nil
}
