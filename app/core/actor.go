package core

import "time"

// Actor is who asks. Doors make it from a credential and hand it to commands as an
// argument; commands decide.
type Actor struct {
	Kind    ActorKind
	UserID  string
	Name    string // for audit and TriggerActor
	Role    Role   // on the instance
	Scope   string // a build's id: may read that build's log and nothing else
	ForgeID string // ActorForge: provider, host and the person's numeric id there

	OnlyProject string          // a project's token: sees nothing of others, and manages nothing of the instance
	Projects    map[string]Role // what it is in projects, by id; nobody asks for those of admins
	SeesAll     bool            // every project: it belongs to an owner or admin, whatever its own role

	Door         Door
	Address      string    // IP address
	CredentialID string    // of the session or token
	Delivery     string    // id of the message that it speaks by
	Until        time.Time // when the session or token ends by itself; zero: never
}

// Identity tells people apart, whose names change hands; empty: no person is known. A
// token is its owner.
func (a Actor) Identity() string {
	switch {
	case a.Kind == ActorForge && a.ForgeID != "":
		return "forge:" + a.ForgeID
	case a.Kind != ActorForge && a.UserID != "":
		return "user:" + a.UserID
	}
	return ""
}

// ActorKind says what proves who the actor is.
type ActorKind string

// The kinds of actors. ActorSystem is the house itself, acting on an event.
const (
	ActorUser   ActorKind = "user"
	ActorToken  ActorKind = "token"
	ActorSystem ActorKind = "system"
	// ActorForge is a person known by what a forge lets them do in the repository in
	// question, and for that repository alone; Role says it in our words.
	ActorForge ActorKind = "forge"
	// ActorStranger is somebody who has not proved who they are.
	ActorStranger ActorKind = "stranger"
)

// Door is the way by which an actor came in.
type Door string

// The ways in.
const (
	ViaWeb    Door = "web"
	ViaAPI    Door = "api"
	ViaGitHub Door = "github"
	ViaGitLab Door = "gitlab"
	ViaSlack  Door = "slack"
	ViaCLI    Door = "cli"
	ViaSystem Door = "system"
)

// ViaProvider is the way in of what arrives from a provider.
func ViaProvider(p Provider) Door {
	switch p {
	case ProviderGitHub:
		return ViaGitHub
	case ProviderGitLab:
		return ViaGitLab
	case ProviderSlack:
		return ViaSlack
	case ProviderGit:
	}
	return ViaSystem
}

// SeesEverything tells whether there is no project that the actor may not read, so that
// lists need no look at each.
func (a Actor) SeesEverything() bool {
	return a.Scope == "" && a.OnlyProject == "" && (a.Kind == ActorSystem || a.SeesAll || a.Role.AtLeast(RoleAdmin))
}

// RoleIn is what the actor is in a project: the higher of its role on the instance and
// its membership. seen is false for a project that it may not know of.
func (a Actor) RoleIn(p Project) (role Role, seen bool) {
	switch {
	case a.Kind == ActorSystem:
		return RoleOwner, true
	case a.Scope != "", a.OnlyProject != "" && a.OnlyProject != p.ID:
		return "", false
	case a.Kind == ActorForge:
		return a.Role, true
	}
	member := a.Projects[p.ID]
	if p.Visibility == VisibleMembers && member == "" && !a.SeesAll && !a.Role.AtLeast(RoleAdmin) {
		return "", false
	}
	return a.Role.Higher(member), true
}

// instanceRole is what the actor is outside projects. A project's token may read what
// anybody may.
func (a Actor) instanceRole() Role {
	switch {
	case a.Kind == ActorSystem:
		return RoleOwner
	case a.OnlyProject != "":
		return a.Role.Lower(RoleViewer)
	}
	return a.Role
}
