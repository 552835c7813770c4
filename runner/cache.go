package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Our own steps before the first command and after everything else.
const (
	restoreStep = "Restore cache"
	saveStep    = "Save cache"
)

func hostPlatform() string { return core.Platform(runtime.GOOS, runtime.GOARCH) }

func (p *Pool) cacheDir() string { return filepath.Join(p.dir, "cache") }

// caching is what the build's configuration wants cached, and what became of it.
type caching struct {
	scope core.CacheScope
	uses  []cacheUse
}

type cacheUse struct {
	core.CacheRule
	key  string // empty: there is none
	kept bool   // there is an entry of the key
}

// restoreCaches is the step "Restore cache". Whatever goes wrong in it is said in the
// log, and the build goes on without a cache.
func (b *build) restoreCaches(ctx context.Context, plan core.Plan) {
	if len(plan.Cache) == 0 {
		return
	}
	step := b.ownStep(restoreStep)
	b.caching = &caching{}
	for _, rule := range plan.Cache {
		b.caching.uses = append(b.caching.uses, cacheUse{CacheRule: rule})
	}
	if err := b.restoreAll(ctx); err != nil && ctx.Err() == nil {
		b.log.system(restoreStep, "Nothing is restored: %v", err)
	}
	err := context.Cause(ctx)
	b.say(ctx, restoreStep, err)
	b.endStep(ctx, step, err, nil)
}

func (b *build) restoreAll(ctx context.Context) (err error) {
	if b.caching.scope, err = b.cacheScope(ctx); err != nil {
		return err
	}
	values, done := b.keyValues(ctx)
	defer done()
	for i := range b.caching.uses {
		if err := b.restore(ctx, &b.caching.uses[i], values); err != nil {
			return err
		}
	}
	return nil
}

// cacheScope decides whose entries the build may use. A commit that its branch or tag
// does not lead to is nobody's.
func (b *build) cacheScope(ctx context.Context) (core.CacheScope, error) {
	scope := core.CacheScopeOf(b.job.Build, cmp.Or(b.job.DefaultBranch, b.job.Repository.DefaultBranch))
	if scope.Ref == "" {
		return scope, nil
	}
	m, err := b.borrowMirror(ctx, mirrorKey(b.job.Repository), b.sha)
	if err != nil {
		return scope, err
	}
	ok, err := b.leads(ctx, m, scope.Ref)
	if err == nil && !ok {
		scope = scope.Unproven()
	}
	return scope, err
}

// restore restores one entry. An error is that of a key, or the cause for which ctx
// ended.
func (b *build) restore(ctx context.Context, use *cacheUse, values core.KeyValues) error {
	key, err := use.Key.Fill(values)
	if err != nil {
		return err
	}
	use.key = key
	wish := cacheWish{project: b.job.Build.ProjectID, scopes: b.caching.scope.Read, paths: use.Paths, key: key}
	for _, k := range use.RestoreKeys {
		prefix, err := k.Fill(values)
		if err != nil {
			return err
		}
		wish.prefixes = append(wish.prefixes, prefix)
	}
	hit := b.pool.caches.take(wish)
	if hit == nil {
		b.log.system(restoreStep, "Cache miss: %s%s", key, orPrefixes(wish.prefixes))
		return nil
	}
	defer hit.close()
	use.kept = hit.exact
	return b.unpackHit(ctx, hit, use)
}

func orPrefixes(prefixes []string) string {
	if len(prefixes) == 0 {
		return ""
	}
	return ", and nothing that begins with " + strings.Join(prefixes, " or ")
}

func (b *build) unpackHit(ctx context.Context, hit *cacheHit, use *cacheUse) error {
	began := time.Now()
	r, err := b.cacheHelp(ctx, unpackArg, use.Paths, hit.file)
	found := "Cache hit: " + hit.Key
	if !hit.exact {
		found = fmt.Sprintf("Cache hit by prefix: %s, the newest that begins with %s, for %s", hit.Key, hit.prefix, use.key)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && r.Damaged:
		hit.discard()
		use.kept = false
		b.log.system(restoreStep, "%s: it cannot be used, and is thrown away: %v", found, err)
	case err != nil:
		b.log.system(restoreStep, "%s: it could not be restored, and the build goes on without it: %v", found, err)
	default:
		b.log.system(restoreStep, "%s: %d files, %s (%s packed), restored in %s%s", found,
			r.Files, core.HumanSize(r.Bytes), core.HumanSize(hit.size), core.HumanDuration(time.Since(began)), keptNote(r))
	}
	return nil
}

func keptNote(r cacheReport) string {
	if r.Kept == 0 {
		return ""
	}
	return fmt.Sprintf("; %d were there already and stay as they are", r.Kept)
}

// saveCaches is the step "Save cache", after all else. It changes nothing about how the
// build ended.
func (b *build) saveCaches(ctx context.Context, succeeded bool) {
	if b.caching == nil {
		return
	}
	if !succeeded {
		b.skip(core.PlanStep{Name: saveStep})
		return
	}
	step := b.ownStep(saveStep)
	if b.caching.scope.Write == "" {
		b.log.system(saveStep, "Nothing is saved: %s", cmp.Or(b.caching.scope.Why, "nothing could be looked for"))
	} else {
		for _, use := range b.caching.uses {
			b.save(ctx, use)
		}
	}
	b.say(ctx, saveStep, context.Cause(ctx))
	b.endStep(ctx, step, nil, nil)
}

func (b *build) save(ctx context.Context, use cacheUse) {
	switch {
	case ctx.Err() != nil:
		return
	case use.key == "":
		b.log.system(saveStep, "Not saved: %s was never looked for", use.Key)
		return
	case use.kept:
		b.log.system(saveStep, "Not saved: %s is there already", use.key)
		return
	}
	began := time.Now()
	r, err := b.saveEntry(ctx, use)
	var notes string
	if len(r.Missing) > 0 {
		notes += "; there is no " + strings.Join(r.Missing, ", ")
	}
	if r.LeftOut > 0 {
		notes += fmt.Sprintf("; left out: %d links that lead out of their path, sockets or devices", r.LeftOut)
	}
	if err != nil {
		b.log.system(saveStep, "Not saved: %s: %v", use.key, withoutPath(err))
		return
	}
	b.log.system(saveStep, "Saved: %s: %d files, %s (%s packed), in %s%s", use.key,
		r.Files, core.HumanSize(r.Bytes), core.HumanSize(r.Stored), core.HumanDuration(time.Since(began)), notes)
}

func (b *build) saveEntry(ctx context.Context, use cacheUse) (cacheReport, error) {
	w, err := b.pool.caches.create(cacheHead{
		Project: b.job.Build.ProjectID, Scope: b.caching.scope.Write, Key: use.key, Paths: use.Paths,
	})
	if err != nil {
		return cacheReport{}, err
	}
	r, err := b.packInto(ctx, w, use.Paths)
	if err == nil && r.Files == 0 {
		err = errors.New("there are no files at " + strings.Join(use.Paths, ", "))
	}
	if err != nil {
		w.abort()
		return r, err
	}
	return r, w.commit()
}

// withoutPath keeps where the store is out of the log.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
