package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// Record keeps what a runner tells of the lease's build; again replaces it.
func (a *App) Record(ctx context.Context, l core.Lease, r core.Record) error {
	b, err := a.leased(ctx, a.store, l)
	if err != nil {
		return err
	}
	r = r.Bounded()
	var tests core.TestObject
	if len(r.Tests) > 0 {
		if tests, err = a.packTests(ctx, r.Tests); err != nil {
			return fmt.Errorf("keep the tests of build %s: %w", b.ID, err)
		}
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		b, err := a.leased(ctx, tx, l)
		if err != nil {
			return err
		}
		if r.Ran != nil {
			if err := a.keepRan(ctx, tx, b, *r.Ran); err != nil {
				return err
			}
		}
		if tests.Count == 0 {
			return nil
		}
		return tx.SaveTests(ctx, b.ID, tests)
	})
	if err == nil {
		a.changed(b.ID)
	}
	return err
}

// keepRan makes the time-out that the runner keeps the build's: the commit's file may name
// another than the pipeline.
func (a *App) keepRan(ctx context.Context, tx core.Store, b core.Build, ran core.Ran) error {
	if err := tx.SaveRan(ctx, b.ID, ran); err != nil || ran.Timeout == 0 || ran.Timeout == b.Timeout {
		return err
	}
	b.Timeout = ran.Timeout
	return tx.UpdateBuild(ctx, b, b.Status, b.LeaseToken, nil)
}

func (a *App) packTests(ctx context.Context, tests []core.TestCase) (core.TestObject, error) {
	o := core.TestObject{Count: len(tests)}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if err := json.NewEncoder(z).Encode(tests); err != nil {
		return o, err
	}
	if err := z.Close(); err != nil {
		return o, err
	}
	var err error
	o.SHA256, o.Size, err = a.blobs.Put(ctx, &packed)
	return o, err
}

// BuildRan is what a build that the actor may see was about to do; nil: that is not known.
func (a *App) BuildRan(ctx context.Context, actor core.Actor, buildID string) (*core.Ran, error) {
	if _, err := a.FindBuild(ctx, actor, buildID); err != nil {
		return nil, err
	}
	ran, _, err := a.store.FindRecord(ctx, buildID)
	return ran, err
}

// ListTests gives a page of a build's single tests and how many the filter lets through. Of
// builds from before they were kept there are none.
func (a *App) ListTests(ctx context.Context, actor core.Actor, buildID string, f core.TestFilter, page core.Page) ([]core.TestCase, int, error) {
	if _, err := a.FindBuild(ctx, actor, buildID); err != nil {
		return nil, 0, err
	}
	_, o, err := a.store.FindRecord(ctx, buildID)
	if err != nil || o.Count == 0 {
		return nil, 0, err
	}
	all, err := a.unpackTests(ctx, o)
	if err != nil {
		return nil, 0, fmt.Errorf("read the tests of build %s: %w", buildID, err)
	}
	all = f.Of(all)
	first := min(page.Offset, len(all))
	return all[first:min(first+page.Limit, len(all))], len(all), nil
}

func (a *App) unpackTests(ctx context.Context, o core.TestObject) (tests []core.TestCase, err error) {
	blob, err := a.blobs.Open(ctx, o.SHA256)
	if err != nil {
		return nil, err
	}
	defer func() { _ = blob.Close() }() // it was only read
	z, err := gzip.NewReader(blob)
	if err != nil {
		return nil, err
	}
	return tests, json.NewDecoder(z).Decode(&tests)
}
