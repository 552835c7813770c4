package core

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

func TestPeopleAreToldApartByMoreThanTheirNames(t *testing.T) {
	for want, a := range map[string]Actor{
		"user:u1": {Kind: ActorUser, UserID: "u1", Name: "sam"}, "user:u2": {Kind: ActorToken, UserID: "u2", Name: "sam"},
		"forge:github:github.com:7": {Kind: ActorForge, ForgeID: "github:github.com:7", Name: "sam"}, "": {Kind: ActorToken, Name: "sam"},
	} {
		if got := a.Identity(); got != want {
			t.Errorf("%+v is %q, not %q", a, got, want)
		}
	}
	for _, a := range []Actor{{Kind: ActorForge, UserID: "u1"}, {Kind: ActorSystem, Name: "oore"}, {Name: "sam"}} {
		if got := a.Identity(); got != "" {
			t.Errorf("%+v is %q", a, got)
		}
	}
}

// matrix as people expect it, written down once more and by hand: the least role for each
// action. The test below walks all that bends it.
func expectedLeast() map[Action]Role {
	return map[Action]Role{
		ActRead: RoleViewer, ActTrigger: RoleViewer, ActReplay: RoleDeveloper, ActApprove: RoleDeveloper, ActEditProject: RoleDeveloper,
		ActManageProject: RoleMaintainer, ActCreateProject: RoleAdmin, ActLocalFiles: RoleAdmin, ActManageQueue: RoleAdmin, ActSchedule: RoleDeveloper, ActManageInstance: RoleAdmin,
		"fly": RoleAdmin, // what nobody has heard of
	}
}

// TestTheMatrix walks every action × role × membership × visibility × trigger_role ×
// kind of credential, in a project and outside any.
func TestTheMatrix(t *testing.T) {
	order := []Role{"", RoleViewer, RoleDeveloper, RoleMaintainer, RoleAdmin, RoleOwner}
	above := func(a, b Role) bool { return slices.Index(order, a) >= slices.Index(order, b) && a != "" }
	wide := []Action{ActCreateProject, ActLocalFiles, ActManageQueue, ActManageInstance, "fly"}
	cases := 0
	for _, act := range slices.Sorted(maps.Keys(expectedLeast())) {
		least := expectedLeast()[act]
		for _, role := range []Role{RoleOwner, RoleAdmin, RoleDeveloper, RoleViewer, ""} {
			for _, member := range []Role{"", RoleViewer, RoleDeveloper, RoleMaintainer} {
				for _, visibility := range []Visibility{VisibleInstance, VisibleMembers} {
					for _, trigger := range []Role{"", RoleViewer, RoleDeveloper, RoleMaintainer} {
						for _, token := range []string{"", "p", "other"} { // the one project of a token
							p := &Project{ID: "p", Visibility: visibility, TriggerRole: trigger}
							a := Actor{Kind: ActorUser, Role: role, OnlyProject: token}
							if member != "" {
								a.Projects = map[string]Role{"p": member, "q": RoleMaintainer}
							}
							admin := above(role, RoleAdmin)

							want := Kind(0) // allowed
							effective := role
							if !slices.Contains(wide, act) && !above(role, member) && member != "" {
								effective = member
							}
							need := least
							if act == ActTrigger && trigger != "" {
								need = trigger
							}
							if slices.Contains(wide, act) && token != "" && above(role, RoleViewer) {
								effective = RoleViewer
							}
							switch {
							case token == "other", visibility == VisibleMembers && member == "" && !admin:
								want = KindNotFound
							case !above(effective, need):
								want = KindForbidden
							}
							cases++
							if err := Allow(a, act, p); (err == nil) != (want == 0) || err != nil && KindOf(err) != want {
								t.Errorf("%s as %q, member %q, %s, trigger_role %q, token of %q: %v, want kind %d", act, role, member, visibility, trigger, token, err, want)
							}
							// Outside projects memberships and triggers say nothing.
							outside := role
							if token != "" && above(role, RoleViewer) {
								outside = RoleViewer
							}
							if err := Allow(a, act, nil); (err == nil) != above(outside, least) || err != nil && KindOf(err) != KindForbidden {
								t.Errorf("%s outside projects as %q, token of %q: %v", act, role, token, err)
							}
						}
					}
				}
			}
		}
	}
	if cases != 12*5*4*2*4*3 {
		t.Errorf("%d cases", cases)
	}
}

func TestTheMatrixHasARowForEveryAction(t *testing.T) {
	got := map[Action]Role{"fly": RoleAdmin}
	for _, r := range Rules() {
		if _, twice := got[r.Action]; twice || r.What == "" {
			t.Errorf("row %+v", r)
		}
		got[r.Action] = r.Least
	}
	if !maps.Equal(got, expectedLeast()) {
		t.Errorf("the matrix is %v", got)
	}
}

func TestWhatBendsTheMatrix(t *testing.T) {
	open, hidden := &Project{ID: "p", Visibility: VisibleInstance}, &Project{ID: "p", Visibility: VisibleMembers}
	maintainers := &Project{ID: "p", TriggerRole: RoleMaintainer}
	for _, c := range []struct {
		what    string
		actor   Actor
		act     Action
		project *Project
		kind    Kind // 0: allowed
	}{
		{"the house itself", Actor{Kind: ActorSystem}, ActManageInstance, nil, 0},
		{"the house itself in a hidden project", Actor{Kind: ActorSystem}, ActManageProject, hidden, 0},
		{"a log stream's token reads nothing else", Actor{Kind: ActorToken, Role: RoleOwner, Scope: "b"}, ActRead, open, KindNotFound},
		{"a log stream's token outside", Actor{Kind: ActorToken, Role: RoleOwner, Scope: "b"}, ActRead, nil, KindNotFound},
		{"a forge's reader starts nothing", Actor{Kind: ActorForge, Role: RoleViewer}, ActTrigger, open, KindForbidden},
		{"a forge's writer starts builds", Actor{Kind: ActorForge, Role: RoleDeveloper}, ActTrigger, open, 0},
		{"a forge's writer starts none for maintainers", Actor{Kind: ActorForge, Role: RoleDeveloper}, ActTrigger, maintainers, KindForbidden},
		{"a forge's admin does", Actor{Kind: ActorForge, Role: RoleMaintainer}, ActTrigger, maintainers, 0},
		{"a forge's people see the project of their repository", Actor{Kind: ActorForge, Role: RoleViewer}, ActRead, hidden, 0},
		{"an admin's small token sees a hidden project", Actor{Kind: ActorToken, Role: RoleViewer, SeesAll: true}, ActRead, hidden, 0},
		{"and does there what its role may", Actor{Kind: ActorToken, Role: RoleViewer, SeesAll: true}, ActManageProject, hidden, KindForbidden},
		{"a maintainer's token in its project", Actor{Kind: ActorToken, Role: RoleMaintainer, SeesAll: true, OnlyProject: "p"}, ActManageProject, hidden, 0},
		{"a maintainer's token manages no users", Actor{Kind: ActorToken, Role: RoleMaintainer, SeesAll: true, OnlyProject: "p"}, ActManageInstance, nil, KindForbidden},
		{"an owner's token of a project is none of an owner", Actor{Kind: ActorToken, Role: RoleOwner, OnlyProject: "p"}, ActCreateProject, nil, KindForbidden},
	} {
		err := Allow(c.actor, c.act, c.project)
		if (err == nil) != (c.kind == 0) || err != nil && KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestWhoMayChangeWhom(t *testing.T) {
	owner, admin, developer := Actor{UserID: "o", Role: RoleOwner}, Actor{UserID: "a", Role: RoleAdmin}, Actor{UserID: "d", Role: RoleDeveloper}
	small := Actor{UserID: "o", Kind: ActorToken, Role: RoleAdmin, SeesAll: true} // an owner's token for the role admin
	user := func(id string, role Role) User { return User{ID: id, Name: id, Role: role} }
	for _, c := range []struct {
		what  string
		actor Actor
		user  User
		to    Role
		code  string
	}{
		{"an admin makes an admin", admin, user("x", RoleViewer), RoleAdmin, ""},
		{"an admin makes no owner", admin, user("x", RoleAdmin), RoleOwner, CodeCannotChangeOwner},
		{"an admin changes no owner", admin, user("x", RoleOwner), RoleViewer, CodeCannotChangeOwner},
		{"an admin disables no owner", admin, user("x", RoleOwner), "", CodeCannotChangeOwner},
		{"an owner changes an owner", owner, user("x", RoleOwner), RoleViewer, ""},
		{"an owner makes an owner", owner, user("x", RoleViewer), RoleOwner, ""},
		{"an owner's smaller token does not", small, user("x", RoleViewer), RoleOwner, CodeCannotChangeOwner},
		{"nobody changes themselves", owner, user("o", RoleOwner), RoleAdmin, CodeCannotChangeSelf},
		{"nor an admin", admin, user("a", RoleAdmin), RoleOwner, CodeCannotChangeSelf},
		{"nor by a token", small, user("o", RoleOwner), RoleAdmin, CodeCannotChangeSelf},
		{"a developer changes nobody", developer, user("x", RoleViewer), RoleDeveloper, CodePermissionDenied},
		{"the house itself", Actor{Kind: ActorSystem}, user("x", RoleOwner), RoleViewer, ""},
		{"somebody new", admin, User{}, RoleDeveloper, ""},
		{"a token of nobody is not somebody new", Actor{Kind: ActorToken, Role: RoleOwner}, User{}, RoleOwner, ""},
	} {
		err := AllowUser(c.actor, c.user, c.to)
		if (err == nil) != (c.code == "") || err != nil && (CodeOf(err) != c.code || KindOf(err) != KindForbidden) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestRolesRank(t *testing.T) {
	order := []Role{"", RoleViewer, RoleDeveloper, RoleMaintainer, RoleAdmin, RoleOwner}
	for i, a := range order {
		for j, b := range order {
			if got, want := a.AtLeast(b), i >= j && i > 0; got != want {
				t.Errorf("%q at least %q: %v", a, b, got)
			}
			if got, want := a.Lower(b), order[min(i, j)]; got != want {
				t.Errorf("the lower of %q and %q: %q", a, b, got)
			}
			if got, want := a.Higher(b), order[max(i, j)]; got != want {
				t.Errorf("the higher of %q and %q: %q", a, b, got)
			}
		}
		if got, want := fmt.Sprint(a.InstanceRole(), a.ProjectRole()), map[Role]string{
			"": "false false", RoleViewer: "true true", RoleDeveloper: "true true", RoleMaintainer: "false true", RoleAdmin: "true false", RoleOwner: "true false",
		}[a]; got != want {
			t.Errorf("%q is a role of the instance and of projects: %s, want %s", a, got, want)
		}
	}
}

func TestBackoffDoublesToFiveMinutes(t *testing.T) {
	for n, want := range map[int]time.Duration{
		-5: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second,
		9: 256 * time.Second, 10: 5 * time.Minute, 64: 5 * time.Minute, 1 << 30: 5 * time.Minute,
	} {
		if got := Backoff(n); got != want {
			t.Errorf("Backoff(%d) = %v, want %v", n, got, want)
		}
	}
}
