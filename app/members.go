package app

import (
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// MemberDetail is a member with who that is.
type MemberDetail struct {
	core.Member
	User core.User
}

// ListMembers lists a project's members, oldest first. For its maintainers.
func (a *App) ListMembers(ctx context.Context, actor core.Actor, projectID string) ([]MemberDetail, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return nil, err
	}
	members, err := a.store.ListMembers(ctx, projectID)
	if err != nil {
		return nil, err
	}
	details := make([]MemberDetail, len(members))
	for i, m := range members {
		u, err := a.store.FindUser(ctx, m.UserID)
		if err != nil {
			return nil, err
		}
		details[i] = MemberDetail{Member: m, User: u}
	}
	return details, nil
}

// SetMember makes a user a member of a project, or changes what the member is there:
// maintainer, developer or viewer.
func (a *App) SetMember(ctx context.Context, actor core.Actor, projectID, userID string, role core.Role) (MemberDetail, error) {
	p, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID)
	if err != nil {
		return MemberDetail{}, err
	}
	if !role.ProjectRole() {
		return MemberDetail{}, core.Errorf(core.KindInvalid, "role must be one of maintainer, developer, viewer")
	}
	u, err := a.store.FindUser(ctx, userID)
	if err != nil {
		return MemberDetail{}, err
	}
	m := core.Member{ProjectID: projectID, UserID: userID, Role: role, CreatedAt: a.now()}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		was, err := tx.FindMember(ctx, projectID, userID)
		if err != nil && core.KindOf(err) != core.KindNotFound {
			return err
		}
		if was.Role == role {
			m = was
			return nil
		}
		if err == nil {
			m.CreatedAt = was.CreatedAt
		}
		if err := tx.SaveMember(ctx, m); err != nil {
			return err
		}
		return a.noteMember(ctx, tx, actor, core.AuditMemberSet, p, u, was.Role, role)
	})
	if err != nil {
		return MemberDetail{}, err
	}
	a.log.Info("member set", "project", projectID, "user", userID, "role", role, "actor", actor.Name)
	a.bell.ring(topicAccess(userID))
	return MemberDetail{Member: m, User: u}, nil
}

// SetMemberByEmail is SetMember for somebody of whom only the e-mail address is known.
func (a *App) SetMemberByEmail(ctx context.Context, actor core.Actor, projectID, email string, role core.Role) (MemberDetail, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return MemberDetail{}, err
	}
	u, err := a.store.FindUserByEmail(ctx, strings.TrimSpace(email))
	if core.KindOf(err) == core.KindNotFound {
		return MemberDetail{}, core.Errorf(core.KindInvalid, "email is of nobody here; an owner or admin can invite them")
	}
	if err != nil {
		return MemberDetail{}, err
	}
	return a.SetMember(ctx, actor, projectID, u.ID, role)
}

// DeleteMember ends a membership. What the user may do here is then what anybody of their
// role may.
func (a *App) DeleteMember(ctx context.Context, actor core.Actor, projectID, userID string) error {
	p, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID)
	if err != nil {
		return err
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		m, err := tx.FindMember(ctx, projectID, userID)
		if err != nil {
			return err
		}
		u, err := tx.FindUser(ctx, userID)
		if err != nil {
			return err
		}
		if err := tx.DeleteMember(ctx, projectID, userID); err != nil {
			return err
		}
		return a.noteMember(ctx, tx, actor, core.AuditMemberDelete, p, u, m.Role, "")
	})
	if err != nil {
		return err
	}
	a.log.Info("member deleted", "project", projectID, "user", userID, "actor", actor.Name)
	a.bell.ring(topicAccess(userID))
	return nil
}

func (a *App) noteMember(ctx context.Context, tx core.Store, actor core.Actor, action core.AuditAction, p core.Project, u core.User, was, is core.Role) error {
	entry := auditUser(action, u)
	entry.ProjectID = p.ID
	entry.Changes = core.AuditChanges{}.With("role", was, is)
	return a.note(ctx, tx, actor, entry)
}
