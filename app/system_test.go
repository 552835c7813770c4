package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// checked is the check of the name among what is known to the commands.
func (h *house) checked(t *testing.T, name string) core.Check {
	t.Helper()
	for _, p := range h.Probes(t.Context()) {
		if p.Name == name {
			return p.Look(t.Context())
		}
	}
	t.Fatalf("there is no check %s", name)
	return core.Check{}
}

func mustBe(t *testing.T, c core.Check, state core.CheckState, says string) {
	t.Helper()
	if c.State != state || !strings.Contains(c.Value+" "+c.Fix, says) {
		t.Errorf("%+v, want %s with %q", c, state, says)
	}
}

func TestWhoBuildsIsChecked(t *testing.T) {
	h := newHouse(t)
	beat := func(r core.Runner) {
		if err := h.Heartbeat(t.Context(), beatOf(r, "s", true)); err != nil {
			t.Fatal(err)
		}
	}
	nobody, _ := newRoomHouse(t)
	mustBe(t, nobody.checked(t, "runners"), core.CheckFailed, "there is none")
	mustBe(t, h.checked(t, "runners"), core.CheckSkipped, "offline: mini")
	beat(core.Runner{ID: "r1"})
	mustBe(t, h.checked(t, "runners"), core.CheckOK, "online: mini")
	far, _ := h.register(t, "far")
	mustBe(t, h.checked(t, "runners"), core.CheckWarning, "online: mini; offline: far")
	beat(far)
	mustBe(t, h.checked(t, "runners"), core.CheckOK, "far")
	h.clock.forward(time.Hour)
	mustBe(t, h.checked(t, "runners"), core.CheckFailed, "offline: far, mini")
}

func TestABackupThatIsMissingOrOldIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		began := time.Now()
		h.clock.set(began)
		mustBe(t, h.checked(t, "backup"), core.CheckSkipped, "none has been made yet")
		h.clock.forward(8 * 24 * time.Hour)
		mustBe(t, h.checked(t, "backup"), core.CheckWarning, "none was ever made")
		for _, at := range []time.Time{began, began.Add(8 * 24 * time.Hour)} {
			if err := h.store.NoteBackup(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		mustBe(t, h.checked(t, "backup"), core.CheckOK, "just now")
		h.clock.forward(3 * time.Hour)
		mustBe(t, h.checked(t, "backup"), core.CheckOK, "3 hours ago")
		h.clock.forward(7 * 24 * time.Hour)
		mustBe(t, h.checked(t, "backup"), core.CheckWarning, "7 days ago")
	})
}

func TestLabelsThatNoRunnerHasAreFound(t *testing.T) {
	h := newHouse(t)
	h.embed(t)
	p := h.project(t)
	h.pipeline(t, p.ID, "Plain")
	mustBe(t, h.checked(t, "labels"), core.CheckOK, "no pipeline asks")
	h.pipeline(t, p.ID, "Linux", labeled("linux"))
	mustBe(t, h.checked(t, "labels"), core.CheckOK, "(1)")
	h.pipeline(t, p.ID, "iOS", labeled("macos", "xcode-16"))
	mustBe(t, h.checked(t, "labels"), core.CheckFailed, p.Name+" / iOS wants macos, xcode-16")
	if _, _, err := h.RegisterRunner(t.Context(), h.owner, app.RegisterRunner{Name: "old mac", Platform: "macos/arm64"}); err != nil {
		t.Fatal(err)
	}
	mustBe(t, h.checked(t, "labels"), core.CheckFailed, "iOS wants") // one has a part of them
	if _, _, err := h.RegisterRunner(t.Context(), h.owner, app.RegisterRunner{Name: "mac", Platform: "macos/arm64", Labels: []string{"xcode-16"}}); err != nil {
		t.Fatal(err)
	}
	mustBe(t, h.checked(t, "labels"), core.CheckOK, "(2)")
	off := false
	h.pipeline(t, p.ID, "Windows", labeled("windows"), func(in *app.PipelineInput) { in.Enabled = &off })
	mustBe(t, h.checked(t, "labels"), core.CheckOK, "(2)")
}

func labeled(labels ...string) func(*app.PipelineInput) {
	return func(in *app.PipelineInput) { in.Labels = &labels }
}

func TestWhatIsConnectedIsChecked(t *testing.T) {
	given := core.Connection{
		Integration: core.Integration{
			ID: "env", Provider: core.ProviderGitHub, Name: "GitHub App 1", Host: "github.example", WebURL: "https://github.example/", APIURL: "https://api.github.example/", Origin: core.OriginEnvironment,
		},
		Secrets: core.Secrets{PrivateKey: "the-private-key", WebhookSecret: "the-webhook-secret"},
	}
	empty, _ := newRoomHouse(t)
	mustBe(t, empty.checked(t, "sources"), core.CheckSkipped, "none is connected")
	h, room := newRoomHouse(t, given)
	mustBe(t, h.checked(t, "github.example"), core.CheckOK, "bot")
	if addresses, err := h.SourceAddresses(t.Context()); err != nil || len(addresses) != 1 || addresses[0] != given.APIURL {
		t.Errorf("addresses %v, %v", addresses, err)
	}
	for _, c := range []struct {
		refuse error
		says   string
	}{
		{core.Errorf(core.KindInvalid, "the key is none"), "the key is none"},
		{core.Errorf(core.KindForbidden, "the scope api is missing"), "the scope api"},
		{core.Errorf(core.KindUnavailable, "it hangs"), "reaches https://api.github.example/"},
		{fmt.Errorf("Authorization: Bearer the-private-key"), "could not be asked"},
	} {
		room.refuse = c.refuse
		got := h.checked(t, "github.example")
		mustBe(t, got, core.CheckFailed, c.says)
		if strings.Contains(got.Value+got.Fix, "the-private-key") {
			t.Errorf("%+v tells a secret", got)
		}
	}
	room.refuse = nil
	for _, i := range []core.Installation{
		{IntegrationID: "env", ExternalID: 1, Account: "acme", Missing: []string{"checks: write"}}, {IntegrationID: "env", ExternalID: 2, Account: "umbrella", Suspended: true},
	} {
		if err := h.store.SaveInstallation(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	got := h.checked(t, "github.example")
	mustBe(t, got, core.CheckWarning, "acme does not grant it checks: write")
	mustBe(t, got, core.CheckWarning, "umbrella has suspended it")
}

func TestAllChecksAreMadeAtOnceAndInTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	start := time.Now()
	probe := func(area core.CheckArea, name string, look func(context.Context) core.Check) core.Probe {
		return core.Probe{Area: area, Name: name, Look: look}
	}
	checks := app.Examine(ctx, []core.Probe{
		probe(core.AreaRunners, "last", func(context.Context) core.Check { return core.Good("x") }),
		probe(core.AreaMachine, "deaf", func(context.Context) core.Check { <-t.Context().Done(); return core.Good("late") }),
		probe(core.AreaMachine, "patient", func(ctx context.Context) core.Check { <-ctx.Done(); return core.Warn("waited in vain", "x") }),
		probe(core.AreaMachine, "broken", func(context.Context) core.Check { panic("a defect") }),
		probe(core.AreaSettings, "first", func(context.Context) core.Check { return core.Skip("y") }),
	})
	if took := time.Since(start); took > patience {
		t.Errorf("it took %s", took)
	}
	for i, want := range []struct {
		name  string
		state core.CheckState
		says  string
	}{
		{"first", core.CheckSkipped, "y"},
		{"deaf", core.CheckFailed, "no answer in time"},
		{"patient", core.CheckWarning, "in vain"},
		{"broken", core.CheckFailed, "a defect"},
		{"last", core.CheckOK, "x"},
	} {
		if checks[i].Name != want.name {
			t.Errorf("check %d is %s, want %s", i, checks[i].Name, want.name)
		}
		mustBe(t, checks[i], want.state, want.says)
	}
	if core.Worst(checks) != core.CheckFailed || core.Worst(checks[2:3]) != core.CheckWarning || core.Worst(checks[:1]) != core.CheckOK {
		t.Error("the worst is another")
	}
}

func TestTheSystemIsForOwnersAndAdmins(t *testing.T) {
	h := newHouse(t)
	_, err := h.CheckSystem(t.Context(), core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	got, err := h.CheckSystem(t.Context(), h.owner)
	if err != nil || len(got.Checks) < 3 || got.At.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOnlyTheSameKeyAnswersAChallenge(t *testing.T) {
	h, _ := newRoomHouse(t)
	now := h.clock.now()
	question, want := vaultOf(t, 1).Challenge(now)
	if got, err := h.AnswerChallenge(question); err != nil || got != want || strings.Contains(question, want) {
		t.Errorf("%q is answered %q, %v", question, got, err)
	}
	foreign, _ := vaultOf(t, 2).Challenge(now)
	old, _ := vaultOf(t, 1).Challenge(now.Add(-time.Hour))
	early, _ := vaultOf(t, 1).Challenge(now.Add(time.Hour))
	at, proof, _ := strings.Cut(question, ".")
	for _, q := range []string{foreign, old, early, "", ".", at, at + ".", "x." + proof, "1" + question, at + "." + want} {
		if got, err := h.AnswerChallenge(q); core.KindOf(err) != core.KindNotFound || got != "" {
			t.Errorf("%q is answered %q, %v", q, got, err)
		}
	}
	keyless := newHouse(t)
	if _, err := keyless.AnswerChallenge(question); core.KindOf(err) != core.KindNotFound {
		t.Errorf("without a key: %v", err)
	}
}
