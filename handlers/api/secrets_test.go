package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
)

func TestSecretsAsJSON(t *testing.T) {
	fake := &apitest.Commands{ProjectSecret: core.Secret{
		ID: deliveryID, ProjectID: projectID, Name: "PLAY_TOKEN", Sealed: []byte("sealed"), UpdatedAt: time.Unix(1_763_800_000, 0), UpdatedBy: "Ada",
	}}
	s := serve(t, fake)
	const path = "/projects/" + projectID + "/secrets"
	const shown = `{"id":"` + deliveryID + `","project_id":"` + projectID + `","name":"PLAY_TOKEN","file":false,"branches":[],"updated_at":1763800000,"updated_by":"Ada"}`
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
		command            string
		in                 any
	}{
		{"GET", path, "", 200, `{"secrets":[` + shown + `],"total":1}`, "ListSecrets", nil},
		{"PUT", path + "/PLAY_TOKEN", `{"value":"s3cr3t"}`, 200, shown, "SetSecret", app.SetSecret{Name: "PLAY_TOKEN", Value: "s3cr3t"}},
		{
			"PUT", path + "/KEY", `{"value":"a\nb","file":true,"branches":["main"]}`, 200, shown, "SetSecret",
			app.SetSecret{Name: "KEY", Value: "a\nb", File: true, Branches: []string{"main"}},
		},
		{"DELETE", path + "/PLAY_TOKEN", "", 204, "", "DeleteSecret", "PLAY_TOKEN"},
	} {
		got := s.ask(c.method, c.path, c.body)
		if got.status != c.status || string(got.body) != c.want {
			t.Errorf("%s %s: %d %s\nwant %s", c.method, c.path, got.status, got.body, c.want)
		}
		if last := fake.Last(); last.Command != c.command || last.ID != projectID || !reflect.DeepEqual(last.In, c.in) {
			t.Errorf("%s %s asked %+v", c.method, c.path, last)
		}
	}
	before := len(fake.Calls())
	for _, c := range [][3]string{
		{"PUT", path + "/KEY", `{}`},
		{"PUT", path + "/KEY", `{"file":true}`},
		{"PUT", path + "/KEY", `{"value":5}`},
		{"PUT", path + "/KEY", `{"value":"s3cr3t","sealed":"x"}`},
		{"PUT", "/projects/none/secrets/KEY", `{"value":"s3cr3t"}`},
		{"DELETE", "/projects/none/secrets/KEY", ""},
		{"GET", "/projects/none/secrets", ""},
	} {
		if got := s.ask(c[0], c[1], c[2]); got.status != 400 || strings.Contains(string(got.body), "s3cr3t") {
			t.Errorf("%s %s: %d %s", c[0], c[1], got.status, got.body)
		}
	}
	if len(fake.Calls()) != before {
		t.Error("a bad request asked something")
	}
}

// A value may have 64 KiB however it is written.
func TestTheLongestSecretFitsIntoABody(t *testing.T) {
	fake := &apitest.Commands{}
	s := serve(t, fake)
	value := strings.Repeat(`"`, core.MaxSecretBytes)
	body, err := json.Marshal(map[string]string{"value": value})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.ask("PUT", "/projects/"+projectID+"/secrets/KEY", string(body)); got.status != 200 || fake.Last().In.(app.SetSecret).Value != value {
		t.Errorf("%d %s", got.status, got.body)
	}
}
