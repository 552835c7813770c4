package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestDeliveryIsKeptWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		d := newDelivery("guid")
		stored, created, err := s.ReceiveDelivery(ctx, d)
		ok(t, err)
		equal(t, created, true)
		equal(t, stored, d)
		found, err := s.FindDelivery(ctx, d.ID)
		ok(t, err)
		equal(t, found, d)

		again := newDelivery("guid")
		stored, created, err = s.ReceiveDelivery(ctx, again)
		ok(t, err)
		equal(t, created, false)
		equal(t, stored, d)
		elsewhere := newDelivery("guid")
		elsewhere.Provider = core.ProviderGitLab
		_, created, err = s.ReceiveDelivery(ctx, elsewhere)
		ok(t, err)
		equal(t, created, true)

		d.Action, d.Repository, d.Ref, d.SHA, d.Actor = "opened", "acme/app", "refs/heads/main", "cafe", "ann"
		d.Status, d.Reason, d.Attempts, d.NotBefore = core.DeliveryProcessed, core.Reason{Code: "builds", Text: "1 build."}, 1, at(1)
		end := at(2)
		d.ProcessedAt = &end
		d.Verdicts = []core.DeliveryVerdict{{PipelineID: "p", Pipeline: "P", ProjectID: "q", Project: "Q", Matched: true, Code: "matched", Reason: "r", BuildID: "b"}}
		d.Reply = "Started **#7**\n> é"
		ok(t, s.UpdateDelivery(ctx, d, core.DeliveryReceived))
		found, err = s.FindDelivery(ctx, d.ID)
		ok(t, err)
		equal(t, found, d)
		refused(t, s.UpdateDelivery(ctx, newDelivery("none"), core.DeliveryReceived), core.KindNotFound, core.CodeNotFound)
		_, err = s.FindDelivery(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		empty := newDelivery("empty")
		empty.Payload = nil
		_, created, err = s.ReceiveDelivery(ctx, empty)
		ok(t, err)
		equal(t, created, true)
	})
}

func TestParallelRepeatsOfADeliveryAreStoredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		var mu sync.Mutex
		ids, created := map[string]bool{}, 0
		ok(t, inParallel(20, func(int) error {
			d, isNew, err := s.ReceiveDelivery(ctx, newDelivery("same"))
			mu.Lock()
			defer mu.Unlock()
			ids[d.ID] = true
			if isNew {
				created++
			}
			return err
		}))
		equal(t, created, 1)
		equal(t, len(ids), 1)
	})
}

func TestManyDeliveriesAtOnceAreAllStored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		ok(t, inParallel(300, func(i int) error {
			d := newDelivery(newID("guid"))
			if i%50 == 0 {
				d.Payload = bytes.Repeat([]byte("x"), 4<<20) // more than one statement takes
			}
			_, _, err := s.ReceiveDelivery(ctx, d)
			return err
		}))
		_, total, err := s.ListDeliveries(ctx, core.DeliveryFilter{}, core.Page{Limit: 1})
		ok(t, err)
		equal(t, total, 300)
	})
}

// One delivery that cannot be stored (its own id is taken) leaves the others alone.
func TestBadDeliveryDoesNotHurtItsNeighbors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		taken, _, err := s.ReceiveDelivery(ctx, newDelivery("first"))
		ok(t, err)
		failures := make([]error, 100)
		ok(t, inParallel(len(failures), func(i int) error {
			d := newDelivery(newID("guid"))
			if i%10 == 0 {
				d.ID = taken.ID
			}
			_, _, failures[i] = s.ReceiveDelivery(ctx, d)
			return nil
		}))
		for i, err := range failures {
			if (err != nil) != (i%10 == 0) {
				t.Errorf("delivery %d: %v", i, err)
			}
		}
	})
}

func TestRedeliveryRearmsAFailedDelivery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		d, _, err := s.ReceiveDelivery(ctx, newDelivery("guid"))
		ok(t, err)
		end := at(3)
		d.Status, d.Attempts, d.ProcessedAt, d.NotBefore = core.DeliveryFailed, 8, &end, at(99)
		ok(t, s.UpdateDelivery(ctx, d, core.DeliveryReceived))
		again := newDelivery("guid")
		again.NotBefore = at(5)
		stored, created, err := s.ReceiveDelivery(ctx, again)
		ok(t, err)
		equal(t, created, false)
		d.Status, d.Attempts, d.ProcessedAt, d.NotBefore = core.DeliveryReceived, 0, nil, at(5)
		equal(t, stored, d)
		due, err := s.DueDeliveries(ctx, at(5), 10, nil, nil)
		ok(t, err)
		equal(t, due, []core.Delivery{d})
	})
}

func TestDeliveryInATransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		d := newDelivery("guid")
		ok(t, s.InTx(ctx, func(tx core.Store) error {
			_, created, err := tx.ReceiveDelivery(ctx, d)
			ok(t, err)
			equal(t, created, true)
			_, created, err = tx.ReceiveDelivery(ctx, newDelivery("guid"))
			equal(t, created, false)
			return err
		}))
		_, err := s.FindDelivery(ctx, d.ID)
		ok(t, err)
	})
}

func TestDueDeliveries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		late, early, deferred, done := newDelivery("late"), newDelivery("early"), newDelivery("deferred"), newDelivery("done")
		late.ReceivedAt, early.ReceivedAt, deferred.NotBefore, done.Status = at(2), at(1), at(60), core.DeliveryIgnored
		for _, d := range []core.Delivery{late, early, deferred, done} {
			_, _, err := s.ReceiveDelivery(ctx, d)
			ok(t, err)
		}
		due, err := s.DueDeliveries(ctx, at(10), 10, nil, nil)
		ok(t, err)
		equal(t, due, []core.Delivery{early, late})
		due, err = s.DueDeliveries(ctx, at(10), 1, nil, nil)
		ok(t, err)
		equal(t, due, []core.Delivery{early})
		due, err = s.DueDeliveries(ctx, at(10), 10, []string{early.ID, done.ID}, nil)
		ok(t, err)
		equal(t, due, []core.Delivery{late})
		due, err = s.DueDeliveries(ctx, at(0).Add(-time.Microsecond), 10, nil, nil)
		ok(t, err)
		equal(t, len(due), 0)
	})
}

func TestDueDeliveriesDoNotFillTheMemory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		for i := range 3 {
			d := newDelivery(newID("large"))
			d.ReceivedAt, d.Payload = at(i), bytes.Repeat([]byte("x"), 20<<20)
			_, _, err := s.ReceiveDelivery(ctx, d)
			ok(t, err)
		}
		due, err := s.DueDeliveries(ctx, at(10), 10, nil, nil)
		ok(t, err)
		equal(t, len(due), 1)
		equal(t, due[0].ReceivedAt, at(0))
	})
}

func TestListDeliveries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		a, b := newDelivery("a"), newDelivery("b")
		b.ReceivedAt, b.Repository, b.SHA, b.Status, b.Provider, b.Reply = at(1), "acme/app", "cafe", core.DeliveryFailed, core.ProviderGitLab, "No"
		for _, d := range []*core.Delivery{&a, &b} {
			_, _, err := s.ReceiveDelivery(ctx, *d)
			ok(t, err)
			d.Payload = nil
		}
		for name, test := range map[string]struct {
			filter core.DeliveryFilter
			want   []core.Delivery
		}{
			"nothing":    {core.DeliveryFilter{}, []core.Delivery{b, a}},
			"provider":   {core.DeliveryFilter{Provider: core.ProviderGitHub}, []core.Delivery{a}},
			"received":   {core.DeliveryFilter{Status: core.DeliveryReceived}, []core.Delivery{a}},
			"failed":     {core.DeliveryFilter{Status: core.DeliveryFailed}, []core.Delivery{b}},
			"repository": {core.DeliveryFilter{Repository: "acme/app"}, []core.Delivery{b}},
			"commit":     {core.DeliveryFilter{SHA: "cafe"}, []core.Delivery{b}},
			"short":      {core.DeliveryFilter{SHAPrefix: "ca"}, []core.Delivery{b}},
			"none":       {core.DeliveryFilter{SHA: "cafe", Provider: core.ProviderGitHub}, []core.Delivery{}},
		} {
			t.Run(name, func(t *testing.T) {
				got, total, err := s.ListDeliveries(ctx, test.filter, core.Page{Limit: 50})
				ok(t, err)
				equal(t, got, test.want)
				equal(t, total, len(test.want))
			})
		}
		page, total, err := s.ListDeliveries(ctx, core.DeliveryFilter{}, core.Page{Limit: 1, Offset: 1})
		ok(t, err)
		equal(t, page, []core.Delivery{a})
		equal(t, total, 2)
	})
}

// In Slack somebody is told after two seconds that nothing was done: then nothing may
// be done.
func TestADeliveryThatNobodyWaitsForIsNotStoredLater(t *testing.T) {
	url := storetest.Postgres(t)
	s, ctx := open(t, url), t.Context()
	held, err := sql.Open("pgx", url)
	ok(t, err)
	defer func() { _ = held.Close() }()
	lock, err := held.BeginTx(ctx, nil)
	ok(t, err)
	_, err = lock.ExecContext(ctx, "LOCK TABLE deliveries")
	ok(t, err)

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		if _, _, err := s.ReceiveDelivery(short, newDelivery("given up")); err == nil {
			t.Error("it was stored while the table was locked")
		}
	})
	both.Go(func() {
		if _, _, err := s.ReceiveDelivery(ctx, newDelivery("patient")); err != nil {
			t.Error(err)
		}
	})
	<-short.Done()
	ok(t, lock.Rollback())
	both.Wait()
	_, err = s.FindDeliveryOf(ctx, core.ProviderGitHub, "patient")
	ok(t, err)
	_, err = s.FindDeliveryOf(ctx, core.ProviderGitHub, "given up")
	refused(t, err, core.KindNotFound, core.CodeNotFound)
}

func TestDeliveriesThatArePutOffAreLeftOutWhileTheirRepositoryIsBusy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		for i, id := range []string{"a", "b", "c"} {
			_, _, err := h.ReceiveDelivery(ctx, core.Delivery{ID: id, Provider: core.ProviderGitHub, DeliveryID: id, Event: "push", Payload: []byte(id), Status: core.DeliveryReceived, NotBefore: at(0), ReceivedAt: at(i)})
			ok(t, err)
		}
		ok(t, h.PutOffDeliveries(ctx, "acme/shop", []string{"a", "c"}))
		due := func(busy ...string) (ids []string) {
			found, err := h.DueDeliveries(ctx, at(10), 10, nil, busy)
			ok(t, err)
			for _, d := range found {
				ids = append(ids, d.ID)
			}
			return ids
		}
		equal(t, due("acme/shop"), []string{"b"})
		equal(t, due("acme/other"), []string{"a", "b", "c"})
		equal(t, due(), []string{"a", "b", "c"})
	})
}
