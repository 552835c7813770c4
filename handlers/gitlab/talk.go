package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// Permission implements core.Talker with the role that somebody has by whatever way:
// in the project, its groups or a group that was invited. The id alone counts, since a
// name that changed is another name of the same person.
func (r *Room) Permission(ctx context.Context, repo core.Repository, userID, _ string) (core.Permission, error) {
	if !numericID.MatchString(userID) {
		return core.PermissionNone, nil
	}
	s, err := r.seat(repo)
	if err != nil {
		return core.PermissionNone, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var member struct {
		ID    id  `json:"id"`
		Level int `json:"access_level"`
	}
	err = s.call(ctx, http.MethodGet, "/members/all/"+userID, nil, &member)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return core.PermissionNone, nil
	case err != nil:
		return core.PermissionNone, s.trouble(err)
	case string(member.ID) != userID:
		return core.PermissionNone, core.Errorf(core.KindUnavailable, "GitLab did not say what user %s may do in %s; try again", userID, repo.FullName)
	}
	return permissionOf(gitlab.AccessLevelValue(member.Level)), nil
}

func permissionOf(level gitlab.AccessLevelValue) core.Permission {
	switch {
	case level >= gitlab.MaintainerPermissions:
		return core.PermissionAdmin
	case level >= gitlab.DeveloperPermissions:
		return core.PermissionWrite
	case level >= gitlab.GuestPermissions:
		return core.PermissionRead
	}
	return core.PermissionNone
}

// FindPullRequest implements core.Talker. The event lacks what only the commit tells.
func (r *Room) FindPullRequest(ctx context.Context, repo core.Repository, number int) (core.Event, error) {
	mr, err := r.mergeRequest(ctx, repo, number)
	if err != nil {
		return core.Event{}, err
	}
	if !mr.complete() || mr.IID != number || mr.State == "" {
		return core.Event{}, core.Errorf(core.KindUnavailable, "GitLab answered for merge request !%d without its head; try again", number)
	}
	e := mr.head(repo)
	if mr.State != "opened" {
		e.Action, e.Closed = mr.State, true
	}
	return e, nil
}

// mergeRequest reads one as it is now.
func (r *Room) mergeRequest(ctx context.Context, repo core.Repository, number int) (mr mergeRequestRow, err error) {
	s, err := r.seat(repo)
	if err != nil {
		return mr, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.call(ctx, http.MethodGet, fmt.Sprintf("/merge_requests/%d", number), nil, &mr)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return mr, core.Errorf(core.KindNotFound, "%s has no merge request !%d", repo.FullName, number).Because(err)
	case err != nil:
		return mr, s.trouble(err)
	}
	return mr, nil
}

// React implements core.Talker with an emoji on the note. That a command was seen gives
// way to results when little is left of the budget.
func (r *Room) React(ctx context.Context, repo core.Repository, c core.Chat, reaction core.Reaction) error {
	if !numericID.MatchString(c.ID) {
		return core.Errorf(core.KindInvalid, "%q is no comment at GitLab", c.ID)
	}
	s, err := r.seat(repo)
	if err != nil {
		return err
	}
	if reaction == core.ReactionSeen {
		if err := s.lane.spare(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.award(ctx, notesOf(c.Number)+"/"+c.ID+"/award_emoji", emojiOf(reaction))
	switch {
	case err == nil:
		return nil
	case statusOf(err) == http.StatusNotFound:
		return core.Errorf(core.KindNotFound, "%s finds no comment %s in merge request !%d of %s, or may not react to it", s.who(), c.ID, c.Number, repo.FullName).Because(err)
	}
	return s.trouble(err)
}

func emojiOf(r core.Reaction) string {
	if r == core.ReactionNo {
		return "thumbsdown"
	}
	return string(r) // the others have the same name
}

// awardRow is an emoji as the API shows it.
type awardRow struct {
	Name string `json:"name"`
	User user   `json:"user"`
}

// award gives an emoji once. GitLab refuses a second one as it does one on a note that
// is not there, with 404; what stands there tells which it was.
func (s seat) award(ctx context.Context, awards, emoji string) error {
	refused := s.call(ctx, http.MethodPost, awards, gitlab.CreateAwardEmojiOptions{Name: emoji}, nil)
	if status := statusOf(refused); status < 400 || status >= 500 {
		return refused
	}
	me, err := s.me(ctx)
	if err != nil {
		return err
	}
	var rows []awardRow
	if err := s.call(ctx, http.MethodGet, awards, gitlab.ListOptions{PerPage: perPage}, &rows); err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(a awardRow) bool { return a.Name == emoji && a.User.ID == me.ID }) {
		return nil
	}
	return refused
}
