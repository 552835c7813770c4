package core

import (
	"fmt"
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

func TestAllow(t *testing.T) {
	open := &Project{Visibility: VisibleInstance, TriggerRole: RoleViewer}
	hidden := &Project{Visibility: VisibleMembers, TriggerRole: RoleViewer}
	developers := &Project{Visibility: VisibleInstance, TriggerRole: RoleDeveloper}
	maintainers := &Project{Visibility: VisibleInstance, TriggerRole: RoleMaintainer}
	// A letter for each of owner, admin, developer, viewer, nobody: y yes, f forbidden, n not found.
	for _, c := range []struct {
		what    string
		act     Action
		project *Project
		answers string
	}{
		{"read", ActRead, open, "yyyyf"},
		{"read the instance's lists", ActRead, nil, "yyyyf"},
		{"read a hidden project", ActRead, hidden, "yynnn"},
		{"trigger: a viewer may, as the founding page says", ActTrigger, open, "yyyyf"},
		{"trigger where no role was chosen", ActTrigger, &Project{}, "yyyyf"},
		{"trigger for developers", ActTrigger, developers, "yyyff"},
		{"trigger for maintainers", ActTrigger, maintainers, "yyfff"},
		{"trigger in a hidden project", ActTrigger, hidden, "yynnn"},
		{"create a project", ActCreateProject, nil, "yyfff"},
		{"manage a project", ActManageProject, open, "yyfff"},
		{"manage a hidden project", ActManageProject, hidden, "yynnn"},
		{"name a folder", ActLocalFiles, nil, "yyfff"},
		{"replay", ActReplay, nil, "yyyff"},
		{"manage the instance", ActManageInstance, nil, "yyfff"},
		{"what nobody has heard of", "fly", nil, "yyfff"},
	} {
		for i, role := range []Role{RoleOwner, RoleAdmin, RoleDeveloper, RoleViewer, ""} {
			t.Run(fmt.Sprintf("%s/%s", c.what, role), func(t *testing.T) {
				want := map[byte]Kind{'f': KindForbidden, 'n': KindNotFound}[c.answers[i]]
				err := Allow(Actor{Kind: ActorUser, Role: role}, c.act, c.project)
				if (err == nil) != (c.answers[i] == 'y') || err != nil && KindOf(err) != want {
					t.Errorf("%v", err)
				}
			})
		}
		if err := Allow(Actor{Kind: ActorSystem}, c.act, c.project); err != nil {
			t.Errorf("%s: the house itself: %v", c.what, err)
		}
		scoped := Actor{Kind: ActorToken, Role: RoleOwner, Scope: "build"}
		if err := Allow(scoped, c.act, c.project); KindOf(err) != KindNotFound {
			t.Errorf("%s: a log stream's token: %v", c.what, err)
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
		}
	}
	if RoleMaintainer.InstanceRole() || Role("root").InstanceRole() || !RoleViewer.InstanceRole() {
		t.Error("maintainer stands in projects alone")
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
