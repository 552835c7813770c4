package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestAKeyIsHeldAloneOrTogether(t *testing.T) {
	pg := storetest.NewServer(t)
	s, ctx := open(t, pg.Database(t, "keys")), t.Context()
	one, err := s.HoldKey(ctx, false)
	ok(t, err)
	two, err := s.HoldKey(ctx, false)
	ok(t, err)
	_, err = s.HoldKey(ctx, true)
	refused(t, err, core.KindConflict, "conflict")
	two.Close()
	lost, err := one.Renew(ctx)
	ok(t, err)
	equal(t, lost, false)

	pg.Kill(t)
	pg.Start(t)
	alone, err := s.HoldKey(ctx, true)
	ok(t, err)
	_, err = one.Renew(ctx)
	refused(t, err, core.KindConflict, "conflict")
	alone.Close()
	lost, err = one.Renew(ctx)
	ok(t, err)
	equal(t, lost, true)
	_, err = s.HoldKey(ctx, true)
	refused(t, err, core.KindConflict, "conflict")
	one.Close()
	alone, err = s.HoldKey(ctx, true)
	ok(t, err)
	alone.Close()
}
