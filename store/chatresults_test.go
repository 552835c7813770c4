package store_test

import (
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func newChatResult(id string, line int) core.ChatResult {
	return core.ChatResult{
		Source: "github:issue_comment:r", SourceID: id, Line: line, DeliveryID: "d", At: at(line), Command: "build", Text: "Build #1 \u2026",
		Done: true, Partly: true, Refused: "code", SHA: "cafe", Verdicts: []core.DeliveryVerdict{{PipelineID: "p", Matched: true, BuildID: "b"}},
	}
}

func TestALineOfAMessageHasOneResult(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		first, third, other := newChatResult("1", 1), newChatResult("1", 3), newChatResult("2", 1)
		elsewhere := newChatResult("1", 1)
		elsewhere.Source = "slack"
		for _, r := range []core.ChatResult{third, first, other, elsewhere} {
			created, err := s.CreateChatResult(ctx, r)
			ok(t, err)
			equal(t, created, true)
		}
		again := newChatResult("1", 1)
		again.Text = "something else"
		created, err := s.CreateChatResult(ctx, again)
		ok(t, err)
		equal(t, created, false)
		all, err := s.ListChatResults(ctx, first.Source, "1")
		ok(t, err)
		equal(t, all, []core.ChatResult{first, third})
		all, err = s.ListChatResults(ctx, first.Source, "none")
		ok(t, err)
		equal(t, all, []core.ChatResult{})
	})
}

func TestOneOfManyRunsALine(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		var won atomic.Int32
		ok(t, inParallel(8, func(int) error {
			return h.InTx(ctx, func(tx core.Store) error {
				b := h.newBuild()
				if _, _, err := tx.CreateBuild(ctx, b, queued(b)); err != nil {
					return err
				}
				created, err := tx.CreateChatResult(ctx, newChatResult("1", 1))
				if created {
					won.Add(1)
				}
				return err
			})
		}))
		equal(t, won.Load(), int32(1))
	})
}
