package store_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// ended ends the build that has the lease, at a minute of these tests.
func (h house) ended(tb testing.TB, b core.Build, minute int) core.Build {
	tb.Helper()
	lease := b.LeaseToken
	event, err := b.Transition(core.BuildCanceled, "ann", "", at(minute))
	ok(tb, err)
	b.LeaseToken, b.LeaseExpiresAt = "", time.Time{}
	ok(tb, h.UpdateBuild(tb.Context(), b, core.BuildAssigned, lease, &event))
	return b
}

func object(b core.Build, next int64) core.LogObject {
	return core.LogObject{BuildID: b.ID, SHA256: fmt.Sprintf("%064x", next), Size: 7 * next, Next: next}
}

func TestEndedLogsAreTakenOnceTheyAreDue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		nothing := func(before, now int) {
			t.Helper()
			_, err := h.TakeEndedLog(ctx, at(before), at(now), at(now+1))
			refused(t, err, core.KindNotFound, core.CodeNotFound)
		}
		nothing(100, 100) // it lives
		event, err := b.Transition(core.BuildCanceled, "ann", "", at(10))
		ok(t, err)
		ok(t, h.UpdateBuild(ctx, b, core.BuildAssigned, "lease", &event))
		nothing(100, 100) // it has ended, and its runner may still append
		b.LeaseToken = ""
		ok(t, h.UpdateBuild(ctx, b, core.BuildCanceled, "lease", nil))
		nothing(10, 100) // it has just ended
		id, err := h.TakeEndedLog(ctx, at(11), at(100), at(110))
		ok(t, err)
		equal(t, id, b.ID)
		nothing(11, 109) // somebody has it
		ok(t, h.PutOffLog(ctx, b.ID, at(200)))
		nothing(11, 199)
		id, err = h.TakeEndedLog(ctx, at(11), at(200), at(210))
		ok(t, err)
		equal(t, id, b.ID)
		more, err := h.ArchiveLog(ctx, core.LogObject{BuildID: b.ID}) // an empty log needs no object
		ok(t, err)
		equal(t, more, false)
		ok(t, h.PutOffLog(ctx, b.ID, at(0)))
		nothing(1000, 1000)
	})
}

func TestEveryEndedLogIsTakenByOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		const builds = 40
		for range builds {
			h.queue(t, h.newBuild())
			h.ended(t, h.claim(t, "lease"), 3)
		}
		var taken atomic.Int64
		ok(t, inParallel(8, func(int) error {
			for {
				_, err := h.TakeEndedLog(ctx, at(4), at(5), at(6))
				if core.KindOf(err) == core.KindNotFound && err != nil {
					if taken.Load() == builds { // a race was lost, or nothing is left
						return nil
					}
					continue
				}
				if err != nil {
					return err
				}
				taken.Add(1)
			}
		}))
		equal(t, taken.Load(), int64(builds))
	})
}

func TestAnArchivedLogIsItsObject(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		ok(t, h.AppendLog(ctx, "lease", []core.LogChunk{chunk(b, 0, 3), chunk(b, 3, 2)}))
		o := object(b, 5)
		_, err := h.ArchiveLog(ctx, o)
		refused(t, err, core.KindConflict, "conflict") // it lives
		b = h.ended(t, b, 3)
		for _, next := range []int64{4, 6} { // an object of another log
			_, err := h.ArchiveLog(ctx, object(b, next))
			refused(t, err, core.KindConflict, "conflict")
		}
		_, err = h.ArchiveLog(ctx, core.LogObject{BuildID: b.ID})
		refused(t, err, core.KindConflict, "conflict")
		extent, err := h.FindLog(ctx, b.ID)
		ok(t, err)
		equal(t, extent, core.LogExtent{Next: 5})

		for range 2 { // again is free
			more, err := h.ArchiveLog(ctx, o)
			ok(t, err)
			equal(t, more, false)
		}
		extent, err = h.FindLog(ctx, b.ID)
		ok(t, err)
		equal(t, extent, core.LogExtent{Next: 5, Object: &o})
		chunks, err := h.ReadLog(ctx, b.ID, -1, 1<<20)
		ok(t, err)
		equal(t, len(chunks), 0)
		for _, other := range []core.LogObject{object(b, 6), {BuildID: b.ID}} {
			_, err = h.ArchiveLog(ctx, other)
			refused(t, err, core.KindConflict, "conflict")
		}
		_, err = h.TakeEndedLog(ctx, at(1000), at(1000), at(1001))
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = h.ArchiveLog(ctx, core.LogObject{BuildID: "unknown"})
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		// Whoever changes the build from what he read before leaves its log alone.
		ok(t, h.UpdateBuild(ctx, b, b.Status, "", nil))
		extent, err = h.FindLog(ctx, b.ID)
		ok(t, err)
		equal(t, extent, core.LogExtent{Next: 5, Object: &o})
		unused, err := h.UnusedBlobs(ctx, []string{o.SHA256, "other"}, time.Time{})
		ok(t, err)
		equal(t, unused, []string{"other"})
		ok(t, h.DeleteProject(ctx, h.project.ID))
		unused, err = h.UnusedBlobs(ctx, []string{o.SHA256, "other"}, time.Time{})
		ok(t, err)
		equal(t, unused, []string{o.SHA256, "other"})
	})
}

// A long log goes in several transactions, and its object counts from the first on. If
// the server is killed between them the build is taken again.
func TestALongLogGoesPieceByPiece(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		var chunks []core.LogChunk
		for i := range int64(150) {
			chunks = append(chunks, chunk(b, i*3, 3))
		}
		ok(t, h.AppendLog(ctx, "lease", chunks))
		b = h.ended(t, b, 3)
		o := object(b, 450)
		for i, want := range []struct {
			more bool
			left int
		}{{true, 86}, {true, 22}, {false, 0}} {
			id, err := h.TakeEndedLog(ctx, at(4), at(10*i), at(10*i+1))
			ok(t, err)
			equal(t, id, b.ID)
			more, err := h.ArchiveLog(ctx, o)
			ok(t, err)
			left, err := h.ReadLog(ctx, b.ID, -1, 1<<20)
			ok(t, err)
			if more != want.more || len(left) != want.left {
				t.Fatalf("call %d: more %v, %d chunks left", i, more, len(left))
			}
			extent, err := h.FindLog(ctx, b.ID)
			ok(t, err)
			equal(t, extent, core.LogExtent{Next: 450, Object: &o})
		}
		_, err := h.TakeEndedLog(ctx, at(1000), at(1000), at(1001))
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}

// Two that have archived one log find that the first has won, and no chunk is lost.
func TestOneOfManyObjectsBecomesTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		ok(t, h.AppendLog(ctx, "lease", []core.LogChunk{chunk(b, 0, 5)}))
		b = h.ended(t, b, 3)
		var won atomic.Int64
		ok(t, inParallel(8, func(i int) error {
			o := object(b, 5)
			o.SHA256 = strings.Repeat(string(rune('a'+i)), 64)
			_, err := h.ArchiveLog(ctx, o)
			if err == nil {
				won.Add(1)
			} else if core.KindOf(err) != core.KindConflict {
				return err
			}
			return nil
		}))
		equal(t, won.Load(), int64(1))
	})
}

// Builds that ended before logs were archived are due at once.
func TestLogsOfOlderVersionsAreArchived(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 10)
		execute(t, url, oldBuild)
		s := open(t, url)
		extent, err := s.FindLog(t.Context(), "b1")
		ok(t, err)
		equal(t, extent, core.LogExtent{Next: 3})
		id, err := s.TakeEndedLog(t.Context(), at(0), at(0), at(1))
		ok(t, err)
		equal(t, id, "b1")
	})
}

const oldBuild = `
	INSERT INTO repositories (id, provider, host, external_id, integration_id, full_name, web_url, clone_url, default_branch, private, installation_id, created_at, updated_at)
	VALUES ('r1', 'github', 'github.com', '7', '', 'acme/shop', '', '', 'main', TRUE, 77, 1, 2);
	INSERT INTO projects (id, name, slug, description, repository_id, default_branch, forks, comments, trigger_role, visibility, last_build_number, created_at, updated_at)
	VALUES ('p1', 'Shop', 'shop', '', 'r1', '', 'approve', 'always', 'viewer', 'instance', 3, 1, 2);
	INSERT INTO pipelines (id, project_id, name, slug, config_path, config_path_explicit, cancel_previous, max_concurrent, timeout_ns, status_context, enabled, created_at, updated_at)
	VALUES ('l1', 'p1', 'A', 'a', '.oore.yaml', FALSE, FALSE, 0, 1, 'oore/a', TRUE, 1, 2);
	INSERT INTO builds (id, project_id, pipeline_id, number, status, status_reason, status_message, trigger_type, trigger_actor, trigger_event, trigger_ref, branch, tag, sha,
		commit_message, commit_author, pr_title, pr_url, pr_fork, delivery_id, source_build_id, lost_runs, runner_id, runner_name, lease_token, lease_expires_at, timeout_ns,
		queued_at, finished_at, created_at, updated_at)
	VALUES ('b1', 'p1', 'l1', 1, 'failed', '', '', 'api', '', '', '', '', '', '', '', '', '', '', FALSE, '', '', 0, '', '', '', 0, 1, 1, 5, 1, 5);
	INSERT INTO log_chunks (build_id, first_sequence, record_count, step, at, data) VALUES ('b1', 0, 3, 's', 1, 'x');`
