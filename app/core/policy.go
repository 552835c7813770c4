package core

import "slices"

// Action is something an actor may be allowed to do.
type Action string

// The actions.
const (
	ActRead           Action = "read"
	ActTrigger        Action = "trigger" // start, cancel, rerun a build
	ActReplay         Action = "replay"  // process a delivery again
	ActApprove        Action = "approve" // let a fork's commit be built
	ActEditProject    Action = "edit_project"
	ActSchedule       Action = "schedule" // let builds start by themselves
	ActManageProject  Action = "manage_project"
	ActCreateProject  Action = "create_project"
	ActLocalFiles     Action = "local_files" // name a folder of the server
	ActManageQueue    Action = "manage_queue"
	ActManageInstance Action = "manage_instance"
)

// Rule is a row of the matrix: the least role that an action needs.
type Rule struct {
	Action Action
	Least  Role
	Wide   bool   // it is about the whole instance: what somebody is in a project does not count
	What   string // for people
}

// matrix is the whole of it. What is not in it needs an admin.
var matrix = []Rule{
	{ActRead, RoleViewer, false, "See projects, builds, logs, artifacts, deliveries, runners"},
	{ActTrigger, RoleViewer, false, "Start, cancel and rerun builds (the project's `trigger_role` may ask for more)"},
	{ActReplay, RoleDeveloper, false, "Redeliver a webhook"},
	{ActApprove, RoleDeveloper, false, "Approve the commit of a fork"},
	{ActEditProject, RoleDeveloper, false, "Make and change pipelines; change a project's name, description, default branch, comments and checks"},
	{ActSchedule, RoleDeveloper, false, "Make, change and delete schedules (whoever does must be allowed to start builds too)"},
	{ActManageProject, RoleMaintainer, false, "Secrets, members, notifications; `forks`, `visibility`, `trigger_role`; delete pipelines and the project; the project's audit log"},
	{ActCreateProject, RoleAdmin, true, "Create projects"},
	{ActLocalFiles, RoleAdmin, true, "Make a project of a folder of the server"},
	{ActManageQueue, RoleAdmin, true, "Put a waiting build first; pause and resume the queue"},
	{ActManageInstance, RoleAdmin, true, "Users, integrations, runners, settings, limits of projects, the whole audit log"},
}

// Rules returns the matrix.
func Rules() []Rule { return slices.Clone(matrix) }

// RuleOf is the row of an action.
func RuleOf(act Action) Rule {
	for _, r := range matrix {
		if r.Action == act {
			return r
		}
	}
	return Rule{Action: act, Least: RoleAdmin, Wide: true}
}

// Allow decides whether the actor may do it, in a project where the action has one
// (nil elsewhere). KindNotFound for what the actor may not even see, KindForbidden
// otherwise.
func Allow(a Actor, act Action, p *Project) error {
	if a.Scope != "" {
		return Errorf(KindNotFound, "Not found")
	}
	rule := RuleOf(act)
	role, seen := a.instanceRole(), true
	if p != nil {
		var inProject Role
		if inProject, seen = a.RoleIn(*p); seen && !rule.Wide {
			role = inProject
		}
	}
	if !seen {
		return Errorf(KindNotFound, "Project not found")
	}
	need := rule.need(a, p)
	if role.AtLeast(need) {
		return nil
	}
	if p == nil || rule.Wide {
		return Errorf(KindForbidden, "This needs the role %s; you are %s. An owner or admin can change that.", need, role)
	}
	return Errorf(KindForbidden, "This needs the role %s in this project; you are %s. The project's maintainers, owners and admins can change that.", need, role)
}

// need is the least role for an action of this actor in this project.
func (r Rule) need(a Actor, p *Project) Role {
	if r.Action != ActTrigger {
		return r.Least
	}
	least := r.Least
	if p != nil && p.TriggerRole != "" {
		least = p.TriggerRole
	}
	if a.Kind == ActorForge {
		return least.Higher(RoleDeveloper) // whoever can read a public repository is everybody
	}
	return least
}

// AllowUser decides whether the actor may change a user of the instance into one with
// the role: owners alone are made and changed by owners alone, and nobody changes
// themselves. KindForbidden says why not, by its code.
func AllowUser(a Actor, u User, to Role) error {
	if err := Allow(a, ActManageInstance, nil); err != nil {
		return err
	}
	owner := a.instanceRole() == RoleOwner
	switch {
	case u.ID != "" && u.ID == a.UserID:
		return Codef(KindForbidden, CodeCannotChangeSelf, "You cannot change your own role, or disable yourself; ask another owner or admin")
	case u.Role == RoleOwner && !owner:
		return Codef(KindForbidden, CodeCannotChangeOwner, "%s is an owner; only an owner can change that", u.Name)
	case to == RoleOwner && !owner:
		return Codef(KindForbidden, CodeCannotChangeOwner, "Only an owner can make somebody an owner")
	}
	return nil
}
