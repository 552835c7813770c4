package runner

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	fetchTries = 3
	fetchPause = time.Second
	// maxPacks is how many packs a mirror may gather before they are joined.
	maxPacks = 50
)

// remote tells where a fetch goes and with what; an empty address is the build's own
// repository. It asks the house anew for every fetch: a credential may have ended
// meanwhile. The credential is for the host of the repository and no other.
func (b *build) remote(ctx context.Context, address string) (core.Checkout, error) {
	if address != "" && !b.sameHost(address) {
		return core.Checkout{URL: address}, nil
	}
	from, err := b.credential(ctx)
	b.log.masks.add(from.Password)
	switch {
	case ctx.Err() != nil:
		return core.Checkout{}, context.Cause(ctx)
	case err != nil:
		return core.Checkout{}, failf(core.ReasonCheckoutFailed, "Checkout failed: %s", sentence(err))
	case address == "":
		return from, nil
	case origin(from.URL) != origin(address):
		return core.Checkout{URL: address}, nil
	}
	from.URL = address
	return from, nil
}

// credential asks the house until it answers, for as long as a house that is away costs no
// build anything: then the forge, which it has to ask, is the likelier one to be away.
func (b *build) credential(ctx context.Context) (from core.Checkout, err error) {
	patience := core.FenceAfter(cmp.Or(b.job.LeaseTTL, core.LeaseTTL))
	asked, told := time.Now(), false
	var late error
	err = persist(ctx, func() (err error) {
		from, err = b.pool.jobs.Checkout(ctx, b.job.Lease)
		switch {
		case err == nil || refused(err) || ctx.Err() != nil:
			return err
		case time.Since(asked) >= patience:
			late = err
			return nil
		case !told:
			told = true
			b.log.system(checkoutStep, "%s; trying again", gist(err))
		}
		return err
	})
	return from, cmp.Or(late, err)
}

// sameHost tells whether the address is where the repository's credential belongs.
func (b *build) sameHost(address string) bool {
	home := origin(b.job.Repository.CloneURL)
	return home == origin(address) && (strings.HasPrefix(home, "https://") || strings.HasPrefix(home, "http://"))
}

// fetchPublic brings the branches and tags of the address, and keeps the mirror fast.
// The caller holds the mirror's lock.
func (b *build) fetchPublic(ctx context.Context, m *mirror, address string) error {
	fresh := m.packs() == 0
	if err := b.fetch(ctx, m, address, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return err
	}
	if fresh || m.packs() > maxPacks {
		b.tidy(ctx, m)
	}
	return nil
}

func (b *build) fetch(ctx context.Context, m *mirror, address string, refspecs ...string) error {
	from, err := b.remote(ctx, address)
	if err != nil {
		return err
	}
	protocols, err := allowedProtocols(from.URL)
	if err != nil {
		return err
	}
	call := []string{
		"fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-show-forced-updates",
	}
	if protocols == "file" {
		// The folder may be somebody else's; reading it runs nothing of theirs.
		call = append(call, "--upload-pack=git -c 'safe.directory=*' upload-pack")
	}
	call = append(append(call, "--", from.URL), refspecs...)
	_, err = b.git(ctx, gitCall{
		dir: m.dir, protocols: protocols, from: &from, args: call,
		config: []string{"fetch.unpackLimit=1"}, // a pack for each fetch: tidy joins packs, not loose objects
	})
	return err
}

// repeat tries a fetch until it succeeds, fails for good, or ctx ends.
func (b *build) repeat(ctx context.Context, fetch func() error) error {
	for try := 1; ; try++ {
		err := fetch()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, e := (*failure)(nil), (*gitError)(nil)
		switch {
		case err == nil || errors.As(err, &f) || errors.Is(err, errShimLost):
			return err
		case lastTry(try, err) && !errors.As(err, &e):
			return failf(core.ReasonCheckoutFailed, "Checkout failed: %s", gist(err))
		case lastTry(try, err):
			return err
		}
		b.log.system(checkoutStep, "%s; trying again", gist(err))
		if !pause(ctx, fetchPause) {
			return context.Cause(ctx)
		}
	}
}

// lastTry: a host that turned a credential down gets one more, a fresh one.
func lastTry(try int, err error) bool {
	return try == fetchTries || (try == 2 && denied(err))
}

// denied tells that the host did not let us read. Forges say "not found" of what the
// credential does not reach.
func denied(err error) bool {
	var e *gitError
	if !errors.As(err, &e) {
		return false
	}
	for _, sign := range []string{
		"Authentication failed", "could not read Username", "returned error: 401", "returned error: 403", "returned error: 404", "not found",
		"Authentication required", "Authorization error", // Git LFS
	} {
		if strings.Contains(e.output, sign) {
			return true
		}
	}
	return false
}

// tidy keeps a mirror fast; nothing of it is needed, so nothing of it fails a build.
func (b *build) tidy(ctx context.Context, m *mirror) {
	for _, args := range [][]string{
		{"pack-refs", "--all"},
		{"repack", "-q", "-d", "--geometric=2"},
		{"commit-graph", "write", "--reachable", "--no-progress"},
	} {
		if _, err := b.git(ctx, gitCall{dir: m.dir, args: args}); err != nil && ctx.Err() == nil {
			b.pool.log.Warn("tidy mirror", "mirror", m.dir, "error", err)
		}
	}
}
