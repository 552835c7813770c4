package api

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
)

const notificationID = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0009"

func TestNotificationsAsJSON(t *testing.T) {
	fake := &apitest.Commands{Secret: "oore_once", Notification: core.Notification{
		ID: notificationID, ProjectID: projectID, Kind: core.NotifyWebhook, Target: "https://hooks.example/ci", Sealed: []byte("sealed"), On: core.OnBroken,
		Enabled: true, LastError: "It answered 500", CreatedAt: time.Unix(1_763_800_000, 0), UpdatedAt: time.Unix(1_763_800_001, 0),
	}}
	s := serve(t, fake)
	const shown = `"kind":"webhook","target":"https://hooks.example/ci",%s"branches":[],"on":"broken","enabled":true,"last_error":"It answered 500","created_at":1763800000,"updated_at":1763800001}`
	begin := `{"id":"` + notificationID + `","project_id":"` + projectID + `",`
	plain, once := begin+fmt.Sprintf(shown, ""), begin+fmt.Sprintf(shown, `"secret":"oore_once",`)
	kind, target, off := core.NotifyWebhook, "https://hooks.example/ci", false
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
		command, id        string
		in                 any
	}{
		{"GET", "/projects/" + projectID + "/notifications", "", 200, `{"notifications":[` + plain + `],"total":1}`, "ListNotifications", projectID, nil},
		{
			"POST", "/projects/" + projectID + "/notifications", `{"kind":"webhook","target":"https://hooks.example/ci"}`, 201, once,
			"CreateNotification", projectID,
			app.NotificationInput{Kind: &kind, Target: &target},
		},
		{"PATCH", "/notifications/" + notificationID, `{"enabled":false}`, 200, plain, "UpdateNotification", notificationID, app.NotificationInput{Enabled: &off}},
		{"POST", "/notifications/" + notificationID + "/test", "", 200, plain, "TestNotification", notificationID, nil},
		{"DELETE", "/notifications/" + notificationID, "", 204, "", "DeleteNotification", notificationID, nil},
	} {
		got := s.ask(c.method, c.path, c.body)
		if got.status != c.status || string(got.body) != c.want {
			t.Errorf("%s %s: %d %s\nwant %s", c.method, c.path, got.status, got.body, c.want)
		}
		if last := fake.Last(); last.Command != c.command || last.ID != c.id || !reflect.DeepEqual(last.In, c.in) {
			t.Errorf("%s %s asked %+v", c.method, c.path, last)
		}
	}
	before := len(fake.Calls())
	for _, c := range [][3]string{
		{"POST", "/projects/" + projectID + "/notifications", `{"sealed":"x"}`},
		{"PATCH", "/notifications/" + notificationID, `{"last_error":""}`},
		{"PATCH", "/notifications/none", `{}`},
		{"DELETE", "/notifications/none", ""},
		{"POST", "/notifications/none/test", ""},
		{"GET", "/projects/none/notifications", ""},
	} {
		if got := s.ask(c[0], c[1], c[2]); got.status != 400 {
			t.Errorf("%s %s: %d %s", c[0], c[1], got.status, got.body)
		}
	}
	if len(fake.Calls()) != before {
		t.Error("a bad request asked something")
	}
}

// TestABuildSentElsewhereIsThatOfTheAPI compares the two.
func TestABuildSentElsewhereIsThatOfTheAPI(t *testing.T) {
	b := core.Build{ID: buildID, ProjectID: projectID, Number: 3, Status: core.BuildFailed, Branch: "main", PullRequest: &core.PullRequest{Number: 4, Fork: true}}
	a := New(Options{PublicURL: "https://ci.example.com"})
	if got := RenderBuild(b, "https://ci.example.com"); !reflect.DeepEqual(got, a.renderBuild(b)) || a.renderBuild(b).WebURL != "https://ci.example.com/builds/"+buildID {
		t.Errorf("%+v", got)
	}
}
