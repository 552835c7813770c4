package api

import (
	"encoding/csv"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestAccountsAreAskedForAsTheySay(t *testing.T) {
	f := fullCommands()
	s := serve(t, f)
	for _, c := range []struct {
		method, path, body string
		command, id        string
		in                 any
	}{
		{"POST", "/users/invite", `{"email":"a@b.c","name":"A","role":"viewer"}`, "InviteUser", "", app.InviteUser{Email: "a@b.c", Name: "A", Role: core.RoleViewer}},
		{"PATCH", "/users/" + buildID + "/role", `{"role":"admin"}`, "SetUserRole", buildID, core.RoleAdmin},
		{"POST", "/users/" + buildID + "/enable", `{}`, "EnableUser", buildID, nil},
		{"DELETE", "/users/" + strings.ToUpper(buildID), "", "DisableUser", buildID, nil},
		{"POST", "/users/" + buildID + "/sign-in-link", "", "RenewSignInLink", buildID, nil},
		{"PUT", "/projects/" + projectID + "/members/" + buildID, `{"role":"viewer"}`, "SetMember", projectID, core.Member{UserID: buildID, Role: core.RoleViewer}},
		{"DELETE", "/projects/" + projectID + "/members/" + buildID, "", "DeleteMember", projectID, buildID},
		{"POST", "/api-tokens", `{"name":"x"}`, "CreateAPIToken", "", app.CreateAPIToken{Name: "x"}},
		{
			"POST", "/api-tokens", `{"name":"x","role":"maintainer","project_id":"` + projectID + `","expires_in":60}`, "CreateAPIToken", "",
			app.CreateAPIToken{Name: "x", Role: core.RoleMaintainer, ProjectID: projectID, Life: time.Minute},
		},
		{"GET", "/sessions?user_id=" + buildID, "", "ListSessions", buildID, nil},
		{"DELETE", "/sessions/" + buildID, "", "DeleteSession", buildID, nil},
		{
			"GET", "/audit-logs?actor_id=a&action=user.role&target_kind=user&target_id=b&project_id=" + projectID + "&from=60&to=120", "", "ListAudit", "",
			core.AuditFilter{
				ActorID: "a", Action: core.AuditUserRole, TargetKind: "user", TargetID: "b", ProjectID: projectID,
				From: time.Unix(60, 0).UTC(), To: time.Unix(120, 0).UTC(),
			},
		},
	} {
		if got := s.ask(c.method, c.path, c.body); got.status >= 300 {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
		if last := f.Last(); last.Command != c.command || last.ID != c.id || !reflect.DeepEqual(last.In, c.in) {
			t.Errorf("%s %s asked %+v", c.method, c.path, last)
		}
	}
	before := len(f.Calls())
	for _, c := range [][3]string{
		{"POST", "/users/invite", `{"email":"a@b.c","role":"viewer","password":"x"}`},
		{"POST", "/users/invite", `{"email":5}`},
		{"GET", "/users/none", ""},
		{"PATCH", "/users/none/role", `{"role":"admin"}`},
		{"PATCH", "/users/" + buildID + "/role", `{}x`},
		{"POST", "/users/" + buildID + "/enable", `{"x":1}`},
		{"PUT", "/projects/" + projectID + "/members/none", `{"role":"viewer"}`},
		{"PUT", "/projects/none/members/" + buildID, `{"role":"viewer"}`},
		{"POST", "/api-tokens", `{"name":"x","expires_in":0}`},
		{"POST", "/api-tokens", `{"name":"x","expires_in":-5}`},
		{"POST", "/api-tokens", `{"name":"x","expires_in":1e300}`},
		{"POST", "/api-tokens", `{"name":"x","expires_in":"1h"}`},
		{"POST", "/api-tokens", `{"name":"x","project_id":"none"}`},
		{"GET", "/sessions?user_id=none", ""},
		{"GET", "/sessions?limit=0", ""},
		{"DELETE", "/sessions/none", ""},
		{"GET", "/audit-logs?project_id=none", ""},
		{"GET", "/audit-logs?from=yesterday", ""},
		{"GET", "/audit-logs?to=-1", ""},
		{"GET", "/audit-logs?action=%ff", ""},
		{"GET", "/audit-logs?format=xml", ""},
	} {
		if got := s.ask(c[0], c[1], c[2]); got.status != 400 {
			t.Errorf("%s %s %s: %d %s", c[0], c[1], c[2], got.status, got.body)
		}
	}
	if len(f.Calls()) != before {
		t.Errorf("a bad request asked something: %+v", f.Last())
	}
}

func TestTheAuditLogAsCSVIsWholeAndRunsNothing(t *testing.T) {
	f := fullCommands()
	f.Audit = nil
	const many = 2*auditRead + 3
	for i := range many {
		f.Audit = append(f.Audit, core.AuditEntry{
			ID: fmt.Sprint("e", i), Seq: int64(many - i), At: at(0), Actor: "=HYPERLINK(\"http://evil\")", Door: core.ViaAPI, Target: "-1+2", Action: core.AuditUserRole,
			ActorID: "+1", Address: "@x", TargetID: "\t=1", Changes: core.AuditChanges{{Field: "role", From: "a,\"b\"", To: "c\nd"}},
		})
	}
	s := serve(t, f, func(a *API) { a.now = func() time.Time { return at(0) } })
	for _, ask := range []struct{ path, accept string }{{"/audit-logs", "text/csv"}, {"/audit-logs?format=csv", "text/html"}} {
		got := s.ask("GET", ask.path, "", "Accept: "+ask.accept)
		if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") ||
			got.header.Get("Content-Disposition") != `attachment; filename="oore-audit-2025-11-22.csv"` {
			t.Fatalf("%d %v", got.status, got.header)
		}
		rows, err := csv.NewReader(strings.NewReader(string(got.body))).ReadAll()
		if err != nil || len(rows) != many+1 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if rows[0][0] != "time" || rows[1][13] != "e0" || rows[many][13] != fmt.Sprint("e", many-1) {
			t.Errorf("%v … %v", rows[0], rows[many])
		}
		if want := []string{
			"2025-11-22T08:26:40Z", `'=HYPERLINK("http://evil")`, "", "'+1", "api", "'@x", "user.role", "", "'-1+2", "'\t=1", "", "role: a,\"b\" → c\nd", "", "e0",
		}; !reflect.DeepEqual(rows[1], want) {
			t.Errorf("%q", rows[1])
		}
	}
	f.Audit = nil
	if got := s.ask("GET", "/audit-logs?format=csv", ""); got.status != 200 || strings.Count(string(got.body), "\n") != 1 {
		t.Errorf("empty: %d %q", got.status, got.body)
	}
	f.Err = core.Errorf(core.KindForbidden, "no")
	if got := s.ask("GET", "/audit-logs?format=csv", ""); got.status != 400 {
		t.Errorf("refused: %d %q", got.status, got.body)
	}
}

// Whatever somebody names things, no cell of the CSV begins as a formula does.
func FuzzCSVLine(f *testing.F) {
	for _, seed := range []string{"=1+1", "+1", "-1", "@x", "\t=1", "\r\n=1", "'", `"`, "a,b", "", "é"} {
		f.Add(seed, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		line := csvLine(nil, a, b, "end")
		rows, err := csv.NewReader(strings.NewReader(string(line))).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 3 || rows[0][2] != "end" {
			t.Fatalf("%q is read as %q, %v", line, rows, err)
		}
		for _, cell := range rows[0] {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") || strings.HasPrefix(cell, "@") {
				t.Errorf("%q begins as a formula", cell)
			}
		}
	})
}
