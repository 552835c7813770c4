package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// sentences are what people type; every door takes them alike.
func sentences() []string {
	return []string{
		"build android branch=main", "build android branch=main", "build all branch=main fresh=true", "build nothing branch=main", "biuld", "build pipeline=",
		"build branch=a branch=b", "build android branch=nowhere", "build android commit=zzz", `build "unclosed`, "run android branch=dev", "trigger ios-release branch=dev",
		"build ios* branch=main fresh=true", "build web* branch=main", "BUILD android BRANCH=main fresh=true", "build android tag=v1 branch=main", "status 1", "status 99",
		"cancel 1", "cancel 1", "cancel 99", "abort 2", "retry 1", "retry 99", "logs 1", "logs limit=1000", "list", "list builds limit=2", "ls projects", "artifacts 1",
		"retry 1", "retry 1 fresh=true", "status commit=aaaaaaa", "build android branch=main commit=aaaaaaa fresh=true", "build android branch=main commit=ccccccc",
		"build android branch=main platform=ios note=x", "build android branch=main platform=windows", "list projects limit=1", "list builds project=shop",
		"cancel android", "cancel all", "cancel all", "cancel pipeline=nothing", "why aaaaaaa", "why ccccccc", "why " + shaA, "why abc", "help", "help build", "ping", "frobnicate", "status project=nope", "list colors",
	}
}

// atDoor says all sentences at one door and returns what each came to.
func atDoor(t *testing.T, p core.Provider) []string {
	t.Helper()
	h := newHouse(t)
	var err error
	h.App, err = app.New(app.Deps{
		Store: testTime{h.store, h.clock}, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge, core.ProviderGitLab: h.forge},
		Decoders: map[core.Provider]core.Decoder{p: jsonDecoder{}},
		Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	in := app.CreateProject{Name: "Shop", Provider: core.ProviderGitHub, FullName: "acme/shop"}
	e := comment("", "wes", "")
	switch p {
	case core.ProviderGitLab:
		in = app.CreateProject{Name: "Shop", Provider: p, FullName: "acme/lab"}
		e.RepositoryID, e.RepositoryName = "8", "acme/lab"
		// A delivery without an integration is of the oldest one, which the repository's host is here.
		linkLab(t, h)
	case core.ProviderSlack:
		linkSlack(t, h)
		e.RepositoryID, e.RepositoryName = "", ""
		e.Chat.Team, e.Chat.Channel, e.Chat.Number, e.Chat.Reactable = "T1", "C1", 0, false
	case core.ProviderGitHub, core.ProviderGit:
	}
	project, err := h.CreateProject(t.Context(), h.owner, in)
	if err != nil {
		t.Fatal(err)
	}
	h.pipeline(t, project.ID, "Android")
	h.pipeline(t, project.ID, "iOS release")
	pull := pullRequest(5, "main", shaA)
	pull.PullRequest.Number = 5
	h.forge.talk = talk{permissions: map[string]core.Permission{"wes": core.PermissionWrite}, pull: pull}
	var results []string
	for i, sentence := range sentences() {
		e.Chat.ID, e.Chat.Body = fmt.Sprint(i), sentence
		if p != core.ProviderSlack {
			e.Chat.Body = "/oore " + sentence
		}
		d := h.sayAt(t, p, e)
		results = append(results, fmt.Sprintf("%s: %s %s, %d builds in all", sentence, d.Status, d.Reason.Code, len(h.builds(t))))
		h.clock.forward(10 * time.Second)
	}
	return results
}

func (h *house) sayAt(t *testing.T, p core.Provider, e core.Event) core.Delivery {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	integration := ""
	if p == core.ProviderGitLab {
		integration = labIntegration
	}
	id, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{
		Provider: p, IntegrationID: integration, DeliveryID: uuid.NewString(), Event: "x", Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h.decided(t, id)
}

const labIntegration = "11111111-1111-1111-1111-111111111111"

func linkLab(t *testing.T, h *house) {
	t.Helper()
	err := h.store.SaveIntegration(t.Context(), core.Integration{
		ID: labIntegration, Provider: core.ProviderGitLab, Name: "lab", Host: "git.example.com", Origin: core.OriginEnvironment,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func linkSlack(t *testing.T, h *house) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	u := core.User{ID: uuid.NewString(), Name: "wes", Email: "wes@example.com", Role: core.RoleDeveloper, Enabled: true}
	if err := h.store.CreateUser(ctx, u); err != nil {
		t.Fatal(err)
	}
	if err := h.store.SaveChatUser(ctx, core.ChatUser{Team: "T1", MemberID: personID("wes"), UserID: u.ID}); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameSentencesComeToTheSameAtAllDoors(t *testing.T) {
	want := atDoor(t, core.ProviderGitHub)
	for _, p := range []core.Provider{core.ProviderGitLab, core.ProviderSlack} {
		for i, got := range atDoor(t, p) {
			if got != want[i] {
				t.Errorf("%s\n\t%s\nat GitHub\n\t%s", p, got, want[i])
			}
		}
	}
}
