package web

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestUsersAreShownWithWhatMayBeChanged(t *testing.T) {
	_, body := get(t, site(t, filled(), owner(), "http://127.0.0.1:8787"), "/settings/users")
	for _, want := range []string{
		"Active", "Invited", "Disabled", "u3@example.com", `action="/settings/users/u3/role"`, `action="/settings/users/u4/enable"`, `action="/settings/users/u3/disable"`,
		`action="/settings/users/u1/link"`, `<option value="owner">`, `aria-current="page">Users</a>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, wrong := range []string{`action="/settings/users/u1/role"`, `action="/settings/users/u1/disable"`, `action="/settings/users/u4/link"`} {
		if strings.Contains(body, wrong) {
			t.Errorf("an owner is offered %s, which is refused", wrong)
		}
	}
	admin := core.Actor{Kind: core.ActorUser, UserID: "u2", Name: "adam", Role: core.RoleAdmin}
	_, body = get(t, site(t, filled(), admin, ""), "/settings/users")
	if strings.Contains(body, `action="/settings/users/u1/`) || strings.Contains(body, `<option value="owner">`) || !strings.Contains(body, `action="/settings/users/u3/role"`) {
		t.Error("an admin is offered to change owners, or nobody")
	}
	for _, role := range []core.Role{core.RoleDeveloper, core.RoleViewer} {
		a := site(t, filled(), core.Actor{Kind: core.ActorUser, Name: "vi", Role: role}, "")
		for _, path := range []string{"/settings/users", "/settings/audit"} {
			if answer, _ := get(t, a, path); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s sees %s: %d", role, path, answer.StatusCode)
			}
		}
		if answer, _ := get(t, a, "/settings"); answer.Header.Get("Location") != "/settings/me" {
			t.Errorf("/settings leads a %s to %s", role, answer.Header.Get("Location"))
		}
	}
}

func TestAccountForms(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, form := range []struct {
		path, to, asked string
		values          url.Values
	}{
		{"/settings/users/u3/role", "/settings/users?done=role", "role u3 admin", url.Values{"role": {"admin"}}},
		{"/settings/users/u3/disable", "/settings/users?done=disabled", "disable u3", nil},
		{"/settings/users/u4/enable", "/settings/users?done=enabled", "enable u4", nil},
		{"/settings/tokens/t1/delete", "/settings/tokens?done=revoked", "revoke t1", url.Values{"from": {"tokens"}}},
		{"/settings/tokens/t1/delete", "/settings/me?done=revoked#tokens", "revoke t1", url.Values{"from": {"me"}}},
		{"/settings/tokens/t1/delete", "/settings/tokens?done=revoked", "revoke t1", url.Values{"from": {"//evil.example"}}},
		{"/settings/sessions/s2/delete", "/settings/me?done=ended", "end s2", nil},
		{"/projects/p1/members", "/projects/p1/settings/access?done=member", "add p1 kim@example.com developer", url.Values{"email": {" kim@example.com "}, "role": {"developer"}}},
		{"/projects/p1/members/u3", "/projects/p1/settings/access?done=member", "member p1 u3 viewer", url.Values{"role": {"viewer"}}},
		{"/projects/p1/members/u3/delete", "/projects/p1/settings/access?done=no-member", "remove p1 u3", nil},
	} {
		f.asked = nil
		answer, _ := post(t, a, form.path, form.values)
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != form.to || !slices.Equal(f.asked, []string{form.asked}) {
			t.Errorf("%s: %d to %s, asked %v", form.path, answer.StatusCode, answer.Header.Get("Location"), f.asked)
		}
		if answer, body := get(t, a, form.to); answer.StatusCode != http.StatusOK || !strings.Contains(body, `class="alert" data-state="succeeded"`) {
			t.Errorf("%s: nobody says that it is done", form.to)
		}
	}
	answer, _ := post(t, a, "/projects/p1/access", url.Values{"visibility": {"members"}, "trigger_role": {"developer"}})
	in := f.updated[0]
	if answer.Header.Get("Location") != "/projects/p1/settings/access?done=access" || *in.Visibility != core.VisibleMembers || *in.TriggerRole != core.RoleDeveloper || in.Name != nil || in.ReportSkipped != nil {
		t.Errorf("%s %+v", answer.Header.Get("Location"), in)
	}
	current := owner()
	current.CredentialID = "s1"
	if answer, _ := post(t, site(t, f, current, ""), "/settings/sessions/s1/delete", nil); answer.Header.Get("Location") != "/login" {
		t.Errorf("one's own session: to %s", answer.Header.Get("Location"))
	}
}

func TestWhatIsShownOnceIsKeptNowhere(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, form := range []struct {
		path, shows, asked string
		values             url.Values
	}{
		{"/settings/users", "/sign-in/oorel_once", "invite ada@example.com Ada admin", url.Values{"email": {"ada@example.com"}, "name": {"Ada"}, "role": {"admin"}}},
		{"/settings/users/u3/link", "/sign-in/oorel_once", "link u3", nil},
		{"/settings/tokens", "oore_secret-shown-once", "token ci maintainer p1 24h0m0s", url.Values{"name": {"ci"}, "role": {"maintainer"}, "project_id": {"p1"}, "expires_in": {"86400"}}},
		{"/settings/tokens", "oore_secret-shown-once", "token ci viewer  0s", url.Values{"name": {"ci"}, "role": {"viewer"}}},
	} {
		f.asked = nil
		answer, body := post(t, a, form.path, form.values)
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, form.shows) || answer.Header.Get("Cache-Control") != "no-store" || !slices.Equal(f.asked, []string{form.asked}) {
			t.Errorf("%s: %d, cache %s, asked %v", form.path, answer.StatusCode, answer.Header.Get("Cache-Control"), f.asked)
		}
	}
	if _, body := post(t, a, "/settings/users/u3/link", nil); !strings.Contains(body, "within 72 hours") {
		t.Error("nobody says how long the link lives")
	}
	for _, path := range []string{"/settings/users", "/settings/tokens", "/settings/me"} {
		if _, body := get(t, a, path); strings.Contains(body, "oorel_once") || strings.Contains(body, "shown-once") {
			t.Errorf("%s shows a secret again", path)
		}
	}
}

func TestRefusedAccountFormsSaySoWhereTheyAre(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, c := range []struct {
		err           error
		path, field   string
		status        int
		keeps, orSays string
	}{
		{core.Codef(core.KindConflict, core.CodeEmailExists, "A user with the e-mail x exists"), "/settings/users", "email", 409, `value="typed@example.com"`, ""},
		{core.Errorf(core.KindInvalid, "email must be an e-mail address"), "/settings/users", "email", 400, `value="typed@example.com"`, ""},
		{core.Errorf(core.KindInvalid, "role must be one of"), "/settings/users", "role", 400, "<details open>", ""},
		{core.Errorf(core.KindForbidden, "Only an owner can make somebody an owner"), "/settings/users", "", 403, "<details open>", "Only an owner"},
		{core.Codef(core.KindConflict, core.CodeLastOwner, "sam is the last owner"), "/settings/users/u3/role", "", 409, "", "sam is the last owner"},
		{core.Errorf(core.KindForbidden, "You cannot disable yourself"), "/settings/users/u1/disable", "", 403, "", "You cannot disable yourself"},
		{core.Errorf(core.KindInvalid, "name: give the token a name"), "/settings/tokens", "name", 400, "<details open>", ""},
		{core.Errorf(core.KindForbidden, "You are developer and cannot make a token for the role admin"), "/settings/tokens", "", 403, "", "cannot make a token"},
		{core.Errorf(core.KindInvalid, "email is of nobody here"), "/projects/p1/members", "member_email", 400, `value="typed@example.com"`, ""},
		{core.Errorf(core.KindInvalid, "visibility must be one of"), "/projects/p1/access", "visibility", 400, `<option value="members" selected>`, ""},
	} {
		f.refuse = c.err
		answer, body := post(t, a, c.path, url.Values{"email": {"typed@example.com"}, "role": {"viewer"}, "name": {"n"}, "visibility": {"members"}})
		if answer.StatusCode != c.status || c.field != "" && besideField(body, c.field) == "" || !strings.Contains(body, c.keeps) || !strings.Contains(body, c.orSays) {
			t.Errorf("%s %v: %d, beside %s: %q", c.path, c.err, answer.StatusCode, c.field, besideField(body, c.field))
		}
	}
	f.refuse, f.asked = nil, nil
	if answer, body := post(t, a, "/settings/tokens", url.Values{"name": {"n"}, "expires_in": {"soon"}}); answer.StatusCode != 400 || besideField(body, "expires_in") == "" || f.asked != nil {
		t.Errorf("an end that is none: %d, %v", answer.StatusCode, f.asked)
	}
	f.refuse = core.Errorf(core.KindNotFound, "User not found")
	for _, path := range []string{"/settings/users/none/disable", "/settings/tokens/none/delete", "/settings/sessions/none/delete", "/projects/p1/members/none", "/projects/p1/members/none/delete"} {
		if answer, _ := post(t, a, path, nil); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestAProjectsSettingsShowWhatTheReaderMayChange(t *testing.T) {
	var body string
	for _, part := range []string{"access", "source", "secrets", "danger"} {
		_, page := get(t, site(t, filled(), owner(), "http://127.0.0.1:8787"), "/projects/p1/settings/"+part)
		body += page
	}
	for _, want := range []string{
		`name="visibility"`, `name="trigger_role"`, `name="forks"`, "u3@example.com", `action="/projects/p1/members/u4/delete"`, ">Disabled</span>",
		`<option value="maintainer" selected>`, `href="/settings/audit?project_id=p1"`, `id="secrets"`, `id="delete"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("who manages it is not shown %s", want)
		}
	}
	for _, actor := range []core.Actor{
		{Kind: core.ActorUser, UserID: "u3", Name: "kim", Role: core.RoleDeveloper},
		{Kind: core.ActorUser, UserID: "u4", Name: "lee", Role: core.RoleViewer, Projects: map[string]core.Role{"p1": core.RoleDeveloper}},
	} {
		for _, part := range []string{"access", "secrets", "notifications", "badge", "danger"} {
			if answer, _ := get(t, site(t, filled(), actor, ""), "/projects/p1/settings/"+part); answer.StatusCode != http.StatusForbidden {
				t.Errorf("a developer opens %s: %d", part, answer.StatusCode)
			}
		}
		answer, body := get(t, site(t, filled(), actor, ""), "/projects/p1/settings/source")
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, `name="comments"`) {
			t.Errorf("a developer: %d", answer.StatusCode)
		}
		for _, wrong := range []string{`name="visibility"`, `name="trigger_role"`, `name="forks"`, "settings/access", "settings/secrets", "settings/notifications", "settings/danger", "u3@example.com"} {
			if strings.Contains(body, wrong) {
				t.Errorf("a developer is shown %s", wrong)
			}
		}
	}
}

func TestTheAuditLogIsFilteredByDaysAndNames(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/settings/audit?actor_id=u1&action=user.role&project_id=p1&from=2026-11-01&to=2026-11-24")
	want := core.AuditFilter{
		ActorID: "u1", Action: core.AuditUserRole, ProjectID: "p1", From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC),
	}
	if !reflect.DeepEqual(f.audited, []core.AuditFilter{want}) {
		t.Errorf("asked for %+v", f.audited)
	}
	for _, want := range []string{
		`<option value="u1" selected>`, `<option value="user.role" selected>`, `<option value="p1" selected>`, `value="2026-11-01"`,
		`href="/v1/audit-logs?action=user.role&amp;actor_id=u1&amp;format=csv&amp;from=1793491200&amp;project_id=p1&amp;to=1795564800"`,
		`href="/deliveries/d1"`, "<del>viewer</del>", "Somebody", "192.0.2.66",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, body := get(t, a, "/settings/audit?to=yesterday"); besideField(body, "to") == "" || !f.audited[1].To.IsZero() {
		t.Errorf("a day that is none: %+v", f.audited[1])
	}
	if _, body := get(t, a, "/settings/audit?actor_id=none"); !strings.Contains(body, "Nothing matches") {
		t.Error("an empty list says nothing")
	}
}

func TestTokensAndSessionsAreTheReadersOwn(t *testing.T) {
	f := filled()
	current := owner()
	current.CredentialID = "s1"
	a := site(t, f, current, "")
	_, body := get(t, a, "/settings/me")
	for _, want := range []string{"This one", `action="/settings/sessions/s2/delete"`, "192.0.2.7", "oore_AbCdEfGh…", `action="/settings/tokens/t1/delete"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(body, "/settings/tokens/t2/") || strings.Contains(body, "/settings/tokens/t3/") {
		t.Error("tokens of others are among one's own")
	}
	_, body = get(t, a, "/settings/tokens")
	for _, want := range []string{"a project that is gone", ">Nobody</span>", `<option value="owner">`, `<option value="maintainer">`, `<option value="7776000" selected>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the tokens lack %s", want)
		}
	}
	_, body = get(t, site(t, f, core.Actor{Kind: core.ActorUser, UserID: "u4", Role: core.RoleViewer}, ""), "/settings/tokens")
	if strings.Contains(body, `<option value="owner">`) || strings.Contains(body, ">Owner</th>") || !strings.Contains(body, `<option value="viewer" selected>`) {
		t.Error("a viewer is offered an owner's token")
	}
}
