package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func (h house) newNotification(created int) core.Notification {
	return core.Notification{
		ID: newID("notification"), ProjectID: h.project.ID, Kind: core.NotifyWebhook, Target: "https://example.org/hook", Sealed: []byte("v1:\x00\xff"),
		PipelineID: h.pipeline.ID, Branches: []string{"main", "!old"}, On: core.OnFixed, Enabled: true, LastError: "It answered 500",
		CreatedAt: at(created), UpdatedAt: at(created),
	}
}

func (h house) wantNotifications(tb testing.TB, projectID string, want ...core.Notification) {
	tb.Helper()
	list, err := h.ListNotifications(tb.Context(), projectID)
	ok(tb, err)
	equal(tb, list, append([]core.Notification{}, want...))
}

func TestNotifications(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h.saveProject(t, "other")
		young, old, others := h.newNotification(2), h.newNotification(1), h.newNotification(0)
		old.PipelineID, old.Branches, old.Sealed, old.Enabled, old.LastError = "", []string{}, nil, false, ""
		others.ProjectID, others.PipelineID = other.ID, ""
		for _, n := range []core.Notification{young, old, others} {
			ok(t, h.CreateNotification(ctx, n))
		}
		h.wantNotifications(t, h.project.ID, old, young)
		h.wantNotifications(t, other.ID, others)
		found, err := h.FindNotification(ctx, young.ID)
		ok(t, err)
		equal(t, found, young)

		young.Target, young.Sealed, young.PipelineID, young.Branches, young.On = "https://example.org/new", []byte("new"), "", []string{}, core.OnAll
		young.Enabled, young.LastError, young.UpdatedAt = false, "", at(9)
		changed := young
		changed.ProjectID, changed.Kind, changed.CreatedAt = other.ID, core.NotifyEmail, at(9) // which stay
		ok(t, h.UpdateNotification(ctx, changed))
		h.wantNotifications(t, h.project.ID, old, young)

		ok(t, h.NoteNotification(ctx, old.ID, "It hangs"))
		ok(t, h.NoteNotification(ctx, "none", "It hangs"))
		old.LastError = "It hangs"
		h.wantNotifications(t, h.project.ID, old, young)

		ok(t, h.DeleteNotification(ctx, old.ID))
		h.wantNotifications(t, h.project.ID, young)
		for _, err := range []error{h.DeleteNotification(ctx, old.ID), h.UpdateNotification(ctx, old)} {
			refused(t, err, core.KindNotFound, core.CodeNotFound)
		}
		_, err = h.FindNotification(ctx, old.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		h.wantNotifications(t, other.ID, others)
	})
}

func TestNotificationsGoWithWhatTheyAreAbout(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		one, all := h.newNotification(1), h.newNotification(2)
		all.PipelineID = ""
		ok(t, h.CreateNotification(ctx, one))
		ok(t, h.CreateNotification(ctx, all))
		ok(t, h.DeletePipeline(ctx, h.pipeline.ID))
		h.wantNotifications(t, h.project.ID, all)
		refused(t, h.CreateNotification(ctx, h.newNotification(3)), core.KindNotFound, core.CodeNotFound)
		ok(t, h.DeleteProject(ctx, h.project.ID))
		h.wantNotifications(t, h.project.ID)
	})
}
