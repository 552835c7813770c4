package store_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

func saveUser(tb testing.TB, s *store.Store, name string) core.User {
	tb.Helper()
	u := core.User{ID: newID("user"), Name: name, Email: name + "@example.org", Role: core.RoleViewer, Enabled: true, CreatedAt: at(0), UpdatedAt: at(0)}
	ok(tb, s.CreateUser(tb.Context(), u))
	return u
}

// saveProject adds a project to the house.
func (h house) saveProject(tb testing.TB, slug string) core.Project {
	tb.Helper()
	p := newProject(h.project.Repository, slug)
	ok(tb, h.CreateProject(tb.Context(), p))
	return p
}

func TestChatUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		ann, bob := saveUser(t, s, "ann"), saveUser(t, s, "bob")
		one := core.ChatUser{Team: "T1", MemberID: "U1", UserID: ann.ID, LinkedAt: at(1)}
		sameMember := core.ChatUser{Team: "T2", MemberID: "U1", UserID: bob.ID, LinkedAt: at(2)}
		sameUser := core.ChatUser{Team: "T1", MemberID: "U2", UserID: ann.ID, LinkedAt: at(3)}
		want := func(links ...core.ChatUser) {
			t.Helper()
			for _, u := range links {
				found, err := s.FindChatUser(ctx, u.Team, u.MemberID)
				ok(t, err)
				equal(t, found, u)
			}
		}
		for _, u := range []core.ChatUser{one, sameMember, sameUser} {
			ok(t, s.SaveChatUser(ctx, u))
		}
		want(one, sameMember, sameUser)

		one.UserID, one.LinkedAt = bob.ID, at(4)
		ok(t, s.SaveChatUser(ctx, one))
		want(one, sameMember, sameUser)

		for range 2 { // the second finds nothing, which is no error
			ok(t, s.DeleteChatUser(ctx, one.Team, one.MemberID))
		}
		_, err := s.FindChatUser(ctx, one.Team, one.MemberID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		want(sameMember, sameUser)
		refused(t, s.SaveChatUser(ctx, core.ChatUser{Team: "T1", MemberID: "U3", UserID: "none"}), core.KindNotFound, core.CodeNotFound)
	})
}

func TestDeletedUserIsUnlinkedInChats(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		gone, stays := saveUser(t, s, "ann"), saveUser(t, s, "bob")
		ok(t, s.SaveChatUser(ctx, core.ChatUser{Team: "T1", MemberID: "U1", UserID: gone.ID, LinkedAt: at(1)}))
		left := core.ChatUser{Team: "T1", MemberID: "U2", UserID: stays.ID, LinkedAt: at(1)}
		ok(t, s.SaveChatUser(ctx, left))

		statement := "DELETE FROM users WHERE id = '" + gone.ID + "'"
		if strings.HasPrefix(url, "sqlite:") {
			statement = "PRAGMA foreign_keys = ON; " + statement
		}
		execute(t, url, statement)
		_, err := s.FindChatUser(ctx, "T1", "U1")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		found, err := s.FindChatUser(ctx, "T1", "U2")
		ok(t, err)
		equal(t, found, left)
	})
}

func TestChatChannelHasADefaultProject(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h.saveProject(t, "other")
		want := func(team, channel, projectID string) {
			t.Helper()
			found, err := h.FindChannelProject(ctx, team, channel)
			ok(t, err)
			equal(t, found, projectID)
		}
		_, err := h.FindChannelProject(ctx, "T1", "C1")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		ok(t, h.SaveChannelProject(ctx, "T1", "C1", h.project.ID))
		ok(t, h.SaveChannelProject(ctx, "T1", "C2", h.project.ID))
		ok(t, h.SaveChannelProject(ctx, "T2", "C1", h.project.ID))
		ok(t, h.SaveChannelProject(ctx, "T1", "C1", other.ID)) // replaces
		want("T1", "C1", other.ID)
		want("T1", "C2", h.project.ID)
		want("T2", "C1", h.project.ID)
		refused(t, h.SaveChannelProject(ctx, "T1", "C3", "none"), core.KindNotFound, core.CodeNotFound)

		ok(t, h.DeleteProject(ctx, other.ID))
		_, err = h.FindChannelProject(ctx, "T1", "C1")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		want("T1", "C2", h.project.ID)
	})
}
