package core

// Role is what a user or a token may do, on the instance or in a project.
type Role string

// The roles.
const (
	RoleOwner     Role = "owner"
	RoleAdmin     Role = "admin"
	RoleDeveloper Role = "developer"
	RoleViewer    Role = "viewer"
	// RoleMaintainer stands only in a project: of its members, its tokens and as trigger_role.
	RoleMaintainer Role = "maintainer"
)

// rank orders roles; an unknown role ranks below all.
func (r Role) rank() int {
	switch r {
	case RoleOwner:
		return 5
	case RoleAdmin:
		return 4
	case RoleMaintainer:
		return 3
	case RoleDeveloper:
		return 2
	case RoleViewer:
		return 1
	}
	return 0
}

// AtLeast tells whether r may do whatever other may.
func (r Role) AtLeast(other Role) bool { return r.rank() >= other.rank() && r.rank() > 0 }

// InstanceRole tells whether r is a role of users and of tokens for all projects.
func (r Role) InstanceRole() bool {
	return r == RoleOwner || r == RoleAdmin || r == RoleDeveloper || r == RoleViewer
}

// ProjectRole tells whether r is a role of members and of tokens for one project.
func (r Role) ProjectRole() bool {
	return r == RoleMaintainer || r == RoleDeveloper || r == RoleViewer
}

// Lower is the lower of two roles: what is left of one under the other as a limit.
func (r Role) Lower(other Role) Role {
	if r.rank() <= other.rank() {
		return r
	}
	return other
}

// Higher is the higher of two roles.
func (r Role) Higher(other Role) Role {
	if r.rank() >= other.rank() {
		return r
	}
	return other
}
