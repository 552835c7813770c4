package store_test

import (
	"fmt"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// TestAnswersGoWithWhatTheyAnswer: replies, reactions, comments, noted statuses, results of
// commands and approvals stayed for ever.
func TestAnswersGoWithWhatTheyAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		repository := h.project.RepositoryID
		for i, name := range []string{"old", "young"} {
			received := now.AddDate(0, 0, 59*i-60)
			_, _, err := h.ReceiveDelivery(ctx, core.Delivery{ID: name, Provider: core.ProviderGitHub, DeliveryID: name, Event: "issue_comment", Status: core.DeliveryProcessed, ReceivedAt: received})
			ok(t, err)
			for _, e := range []core.Effect{
				{Key: "reply:" + name, Kind: core.EffectReply},
				{Key: "react:" + name, Kind: core.EffectReact},
				{Key: core.StatusKey(h.pipeline.ID, name), Kind: core.EffectStatus, PipelineID: h.pipeline.ID, SHA: name, Note: core.Reason{Code: core.WhyBranch}},
			} {
				e.RepositoryID, e.DeliveryID, e.NotBefore, e.UpdatedAt = repository, name, received, received
				ok(t, h.WantEffect(ctx, e))
			}
			_, err = h.CreateChatResult(ctx, core.ChatResult{Source: "github", SourceID: name, DeliveryID: name, At: received})
			ok(t, err)
			_, err = h.SaveApproval(ctx, core.Approval{RepositoryID: repository, PullRequest: 5, SHA: name, Approver: "ann", At: received})
			ok(t, err)
		}
		// Of pull request 5 a build goes and one stays, of 6 the only one goes.
		for i, number := range []int{5, 6, 7} {
			b := h.newBuild()
			b.CreatedAt, b.SHA = now.AddDate(0, 0, i-120), core.CommentKey("sha", i)
			b.PullRequest = &core.PullRequest{Number: min(number, 6)}
			if number == 7 {
				b.PullRequest = &core.PullRequest{Number: 5}
			}
			h.end(t, h.queue(t, b), core.BuildSucceeded, b.CreatedAt)
			ok(t, h.WantEffect(ctx, core.Effect{Key: core.CommentKey(repository, b.PullRequest.Number), Kind: core.EffectComment, RepositoryID: repository, Number: b.PullRequest.Number, NotBefore: now, UpdatedAt: now}))
		}
		for more := true; more; {
			var err error
			_, more, err = h.ApplyRetention(ctx, core.DefaultRetention(), now, 1)
			ok(t, err)
		}
		for key, kept := range map[string]bool{
			"reply:old": false, "react:old": false, core.StatusKey(h.pipeline.ID, "old"): false, core.CommentKey(repository, 6): false,
			"reply:young": true, "react:young": true, core.StatusKey(h.pipeline.ID, "young"): true, core.CommentKey(repository, 5): true,
		} {
			if _, err := h.FindEffect(ctx, key); kept != (err == nil) {
				t.Errorf("%s: want it kept %v, and %v", key, kept, err)
			}
		}
		for name, kept := range map[string]bool{"old": false, "young": true} {
			results, err := h.ListChatResults(ctx, "github", name)
			ok(t, err)
			_, err = h.FindApproval(ctx, repository, 5, name)
			if (len(results) > 0) != kept || (err == nil) != kept {
				t.Errorf("%s: %d results and %v, want them kept %v", name, len(results), err, kept)
			}
		}
	})
}

// TestAnAppStaysWhereALaterSuccessMadeNone: a build of another platform, or one without
// an app, was the newest success, and the file that /apps shows answered 410.
func TestAnAppStaysWhereALaterSuccessMadeNone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		for i, app := range []string{"old.apk", "shop.apk", "", ""} {
			b := h.newBuild()
			b.CreatedAt = now.AddDate(0, 0, i-100)
			b = h.end(t, h.queue(t, b), core.BuildSucceeded, b.CreatedAt)
			if app != "" {
				_, err := h.SaveArtifact(ctx, core.Artifact{ID: app, BuildID: b.ID, ProjectID: b.ProjectID, Name: app, Kind: core.ArtifactAPK, Size: 3, SHA256: fmt.Sprintf("%064x", i), CreatedAt: b.CreatedAt})
				ok(t, err)
			}
		}
		shown, err := h.ListReleases(ctx, h.project.ID, 10)
		ok(t, err)
		equal(t, shown[0].Artifacts[0].ID, "shop.apk")
		for more := true; more; {
			_, more, err = h.ApplyRetention(ctx, core.DefaultRetention(), now, 10)
			ok(t, err)
		}
		still, err := h.ListReleases(ctx, h.project.ID, 10)
		ok(t, err)
		equal(t, still, shown)
		_, total, err := h.ListBuilds(ctx, core.BuildFilter{}, core.Page{Limit: 10})
		ok(t, err)
		equal(t, total, 2)
	})
}

// TestAForksDeliveryStaysUntilItIsDecided: after a month nobody could approve it, and its
// pending status led to a page that was not there.
func TestAForksDeliveryStaysUntilItIsDecided(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx, now := furnish(t, url), t.Context(), at(0)
		fork := []core.DeliveryVerdict{{PipelineID: h.pipeline.ID, Code: core.WhyFork}}
		want := map[string]bool{}
		for i, d := range []struct {
			id, action, ref, sha string
			verdicts             []core.DeliveryVerdict
			kept                 bool
		}{
			{"waits", "opened", "refs/pull/1/head", "a", fork, true},
			{"replaced", "opened", "refs/pull/2/head", "b", fork, false},
			{"replaces", "synchronize", "refs/pull/2/head", "c", fork, true},
			{"labeled", "labeled", "refs/pull/1/head", "a", nil, false},
			{"before", "opened", "refs/pull/5/head", "f", fork, false},
			{"reopens", "reopened", "refs/pull/5/head", "f", fork, true},
			{"left", "opened", "refs/pull/3/head", "d", fork, false},
			{"closes", "closed", "refs/pull/3/head", "d", nil, false},
			{"built", "opened", "refs/pull/4/head", "e", []core.DeliveryVerdict{{PipelineID: h.pipeline.ID, Matched: true}}, false},
		} {
			_, _, err := h.ReceiveDelivery(ctx, core.Delivery{
				ID: d.id, Provider: core.ProviderGitHub, DeliveryID: d.id, Event: "pull_request", Action: d.action, Repository: "acme/shop", Ref: d.ref, SHA: d.sha,
				Payload: []byte("{}"), Status: core.DeliveryIgnored, Verdicts: d.verdicts, ReceivedAt: now.AddDate(0, 0, i-60),
			})
			ok(t, err)
			want[d.id] = d.kept
		}
		preview, err := h.CountRetention(ctx, core.DefaultRetention(), now)
		ok(t, err)
		for more := true; more; {
			_, more, err = h.ApplyRetention(ctx, core.DefaultRetention(), now, 1)
			ok(t, err)
		}
		for id, kept := range want {
			d, err := h.FindDelivery(ctx, id)
			if kept != (err == nil) || kept && len(d.Payload) == 0 {
				t.Errorf("%s: want kept %v, and %v with %q", id, kept, err, d.Payload)
			}
		}
		equal(t, preview.Deliveries.Count, int64(6))
	})
}
