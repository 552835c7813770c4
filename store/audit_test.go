package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func auditEntry(i int, change func(*core.AuditEntry)) core.AuditEntry {
	e := core.AuditEntry{
		ID: newID("audit"), At: at(i), ActorKind: core.ActorUser, ActorID: "ann", Actor: "Ann", CredentialID: "session", Door: core.ViaWeb, Address: "192.0.2.7",
		Action: core.AuditPipelineUpdate, TargetKind: core.TargetPipeline, TargetID: fmt.Sprint("p", i), Target: "Android", ProjectID: "shop",
		Changes: core.AuditChanges{{Field: "name", From: "a", To: "b\x00"}}, Delivery: "d",
	}
	if change != nil {
		change(&e)
	}
	return e
}

func TestAuditLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		last, err := s.LastAudit(ctx)
		ok(t, err)
		equal(t, last, int64(0))
		all := []core.AuditEntry{
			auditEntry(0, nil),
			auditEntry(1, func(e *core.AuditEntry) { e.ActorID, e.ProjectID, e.Changes = "", "", nil }),
			auditEntry(2, func(e *core.AuditEntry) {
				e.Action, e.TargetKind, e.TargetID = core.AuditUserRole, core.TargetUser, "bob"
			}),
		}
		for i := range all {
			ok(t, s.AppendAudit(ctx, all[i]))
			all[i].Seq = int64(i + 1)
			for c := range all[i].Changes {
				all[i].Changes[c].To = "b\x00" // kept as JSON, where it may stand
			}
		}
		for name, c := range map[string]struct {
			filter core.AuditFilter
			want   []int
		}{
			"all":     {core.AuditFilter{}, []int{2, 1, 0}},
			"actor":   {core.AuditFilter{ActorID: "ann"}, []int{2, 0}},
			"action":  {core.AuditFilter{Action: core.AuditUserRole}, []int{2}},
			"target":  {core.AuditFilter{TargetKind: core.TargetUser, TargetID: "bob"}, []int{2}},
			"other":   {core.AuditFilter{TargetKind: core.TargetUser, TargetID: "p0"}, nil},
			"project": {core.AuditFilter{ProjectID: "shop"}, []int{2, 0}},
			"from":    {core.AuditFilter{From: at(1)}, []int{2, 1}},
			"to":      {core.AuditFilter{To: at(1)}, []int{0}},
		} {
			list, total, err := s.ListAudit(ctx, c.filter, core.Page{Limit: 10})
			ok(t, err)
			want := []core.AuditEntry{}
			for _, i := range c.want {
				want = append(want, all[i])
			}
			t.Run(name, func(t *testing.T) {
				equal(t, list, want)
				equal(t, total, len(want))
			})
		}
		list, total, err := s.ListAudit(ctx, core.AuditFilter{}, core.Page{Limit: 1, Offset: 1})
		ok(t, err)
		equal(t, list, all[1:2])
		equal(t, total, 3)
		list, _, err = s.ListAudit(ctx, core.AuditFilter{Before: all[1].Seq}, core.Page{Limit: 10})
		ok(t, err)
		equal(t, list, all[:1])
		list, err = s.ListAuditAfter(ctx, all[0].Seq, 10)
		ok(t, err)
		equal(t, list, all[1:])
		last, err = s.LastAudit(ctx)
		ok(t, err)
		equal(t, last, all[2].Seq)
	})
}

func TestAnEntryOfWhatFailedIsNotKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		no := errors.New("no")
		err := s.InTx(ctx, func(tx core.Store) error {
			ok(t, tx.AppendAudit(ctx, auditEntry(0, nil)))
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		_, total, err := s.ListAudit(ctx, core.AuditFilter{}, core.Page{Limit: 1})
		ok(t, err)
		equal(t, total, 0)
	})
}
