package core

// Action is something an actor may be allowed to do.
type Action string

// The actions.
const (
	ActRead           Action = "read"
	ActTrigger        Action = "trigger" // start, cancel, rerun a build
	ActCreateProject  Action = "create_project"
	ActManageProject  Action = "manage_project"
	ActLocalFiles     Action = "local_files" // name a folder of the server
	ActReplay         Action = "replay"      // process a delivery again
	ActApprove        Action = "approve"     // let a fork's commit be built
	ActManageInstance Action = "manage_instance"
)

// Allow decides whether the actor may do it, in a project where the action has one
// (nil elsewhere). The rule is the founding page's: every user sees every project
// and may trigger in it, a viewer too, unless the project's trigger_role narrows
// that; owners and admins create projects. KindNotFound for what the actor may not
// even see, KindForbidden otherwise.
func Allow(a Actor, act Action, p *Project) error {
	if a.Scope != "" {
		return Errorf(KindNotFound, "Not found")
	}
	if a.Kind == ActorSystem || a.Role.AtLeast(RoleAdmin) {
		return nil
	}
	if p != nil && p.Visibility == VisibleMembers && a.Kind != ActorForge {
		return Errorf(KindNotFound, "Project not found")
	}
	need := RoleAdmin
	switch act {
	case ActRead:
		need = RoleViewer
	case ActTrigger:
		need = RoleViewer
		if p != nil && p.TriggerRole != "" {
			need = p.TriggerRole
		}
		if a.Kind == ActorForge && !need.AtLeast(RoleDeveloper) {
			need = RoleDeveloper // whoever can read a public repository is everybody
		}
	case ActReplay, ActApprove:
		need = RoleDeveloper
	case ActCreateProject, ActManageProject, ActLocalFiles, ActManageInstance:
	}
	if a.Role.AtLeast(need) {
		return nil
	}
	return Errorf(KindForbidden, "This needs the role %s; you are %s. An owner or admin can change that.", need, a.Role)
}
