package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestTries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		is := func(key string, want core.Tries) {
			t.Helper()
			got, err := s.FindTries(ctx, key)
			ok(t, err)
			equal(t, got, want)
		}
		swap := func(want bool, old, next core.Tries) {
			t.Helper()
			got, err := s.SwapTries(ctx, "a", old, next)
			ok(t, err)
			equal(t, got, want)
		}
		is("a", core.Tries{})
		one, two := core.Tries{Count: 1, Last: at(1)}, core.Tries{Count: 2, Last: at(2)}
		swap(true, core.Tries{}, one)
		swap(false, core.Tries{}, one) // of two who were the first, one was
		swap(true, one, two)
		swap(false, one, two)
		is("a", two)
		is("b", core.Tries{})
		ok(t, s.DeleteTries(ctx, at(2)))
		is("a", two)
		ok(t, s.DeleteTries(ctx, at(3)))
		is("a", core.Tries{})
	})
}
