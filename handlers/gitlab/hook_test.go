package gitlab_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

const hookAddress = "https://ci.example.com/v1/webhooks/gitlab"

// ensure makes the webhook and returns the newest that there is.
func (w *world) ensure(t *testing.T, address, secret string) gitlabtest.Hook {
	t.Helper()
	if repair, err := w.room.EnsureHook(t.Context(), w.repo(), address, secret); err != nil || repair != (core.HookRepair{}) {
		t.Fatalf("%+v, %v", repair, err)
	}
	hooks := w.Hooks(w.project)
	return hooks[len(hooks)-1]
}

func (w *world) works(t *testing.T, address string) bool {
	t.Helper()
	works, err := w.room.HookWorks(t.Context(), w.repo(), address)
	if err != nil {
		t.Fatal(err)
	}
	return works
}

func TestEnsureHook(t *testing.T) {
	w := newWorld(t)
	other := w.ensure(t, "https://other.example.com/hook", "theirs")
	if w.works(t, hookAddress) {
		t.Error("somebody else's webhook is taken for ours")
	}
	first := w.ensure(t, hookAddress, "one")
	if !first.Push || !first.TagPush || !first.MergeRequests || !first.Notes || !first.VerifySSL || first.Token != "one" || first.URL != hookAddress || !w.works(t, hookAddress) {
		t.Errorf("got %+v", first)
	}
	again := w.ensure(t, hookAddress, "two")
	if again.ID != first.ID || again.Token != "two" || len(w.Hooks(w.project)) != 2 {
		t.Errorf("not edited: %+v", w.Hooks(w.project))
	}
	if kept := w.Hooks(w.project)[0]; kept.ID != other.ID || kept.Token != "theirs" {
		t.Errorf("somebody else's webhook was changed: %+v", kept)
	}
	if plain := w.ensure(t, "http://ci.example.com/hook", "x"); plain.VerifySSL {
		t.Errorf("got %+v", plain)
	}
}

// receiver is where webhooks go; it answers with the status.
func receiver(t *testing.T, status *int) (address string, keys *[]string) {
	t.Helper()
	keys = &[]string{}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*keys = append(*keys, r.Header.Get("Idempotency-Key"))
		w.WriteHeader(*status)
	}))
	t.Cleanup(door.Close)
	return door.URL, keys
}

func TestADisabledHookIsEnabledAndTested(t *testing.T) {
	for _, stubborn := range []bool{false, true} { // until it is tested
		w := newWorld(t)
		status := 200
		address, tests := receiver(t, &status)
		first := w.ensure(t, address, "one")
		w.DisableHooks(w.project, stubborn)
		if w.works(t, address) {
			t.Error("a disabled webhook works")
		}
		repair, err := w.room.EnsureHook(t.Context(), w.repo(), address, "two")
		if err != nil || repair != (core.HookRepair{Off: true, Tested: true}) || len(*tests) != 1 {
			t.Errorf("%+v, %v, %d tests", repair, err, len(*tests))
		}
		if h := w.Hooks(w.project)[0]; h.ID != first.ID || h.AlertStatus != "executable" || h.Token != "two" || !w.works(t, address) {
			t.Errorf("still disabled: %+v", h)
		}
	}
}

func TestAHookThatIsDisabledForAWhileSaysUntilWhen(t *testing.T) {
	w := newWorld(t)
	status := 200
	address, _ := receiver(t, &status)
	w.ensure(t, address, "one")
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.DisableHooksUntil(w.project, until)
	if repair, err := w.room.EnsureHook(t.Context(), w.repo(), address, "one"); err != nil || !repair.Off || !repair.Until.Equal(until) || !repair.Tested {
		t.Errorf("%+v, %v", repair, err)
	}
}

func TestADisabledHookThatGitLabCannotDeliverToKeepsItsLog(t *testing.T) {
	w := newWorld(t)
	status := 503
	address, _ := receiver(t, &status)
	first := w.ensure(t, address, "one")
	w.DisableHooks(w.project, true)
	for range 2 {
		repair, err := w.room.EnsureHook(t.Context(), w.repo(), address, "one")
		wantError(t, "unreachable", err, core.KindUnavailable, address)
		if !repair.Off || repair.Tested || len(w.Hooks(w.project)) != 1 || w.Hooks(w.project)[0].ID != first.ID {
			t.Errorf("%+v, %+v", repair, w.Hooks(w.project))
		}
	}
	status = 200
	if repair, err := w.room.EnsureHook(t.Context(), w.repo(), address, "one"); err != nil || !repair.Tested || !w.works(t, address) {
		t.Errorf("reached again: %+v, %v", repair, err)
	}
}

func TestADisabledHookOfAGitLabWithoutTestsIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.HideHookLogs()
	first := w.ensure(t, hookAddress, "one")
	w.DisableHooks(w.project, true)
	if repair, err := w.room.EnsureHook(t.Context(), w.repo(), hookAddress, "two"); err != nil || repair != (core.HookRepair{Off: true}) {
		t.Errorf("%+v, %v", repair, err)
	}
	if h := w.Hooks(w.project); len(h) != 1 || h[0].ID == first.ID || h[0].AlertStatus != "executable" || h[0].Token != "two" {
		t.Errorf("got %+v", h)
	}
	empty := gitlabtest.NewGitRepo(t)
	p := w.AddProject("acme/empty", true, empty.Dir)
	repo := w.repo()
	repo.ExternalID = fmt.Sprint(p.ID)
	if _, err := w.room.EnsureHook(t.Context(), repo, hookAddress, "s"); err != nil {
		t.Fatal(err)
	}
	w.DisableHooks(p, false)
	if repair, err := w.room.EnsureHook(t.Context(), repo, hookAddress, "s"); err != nil || repair != (core.HookRepair{Off: true}) {
		t.Errorf("a project without a commit: %+v, %v", repair, err)
	}
}

func TestEnsureHookAmongMany(t *testing.T) {
	w := newWorld(t)
	for i := range 105 {
		w.ensure(t, fmt.Sprintf("https://x.example.com/%d", i), "s")
		w.clock.Advance(time.Second)
	}
	w.ensure(t, "https://x.example.com/104", "new")
	if hooks := w.Hooks(w.project); len(hooks) != 105 || hooks[104].Token != "new" {
		t.Errorf("%d webhooks", len(hooks))
	}
}

func TestEnsureHookSaysWhatToDoByHand(t *testing.T) {
	w := newWorld(t)
	ensure := func(address string) error {
		_, err := w.room.EnsureHook(t.Context(), w.repo(), address, "s3cret-value")
		return err
	}
	w.SetAccess(w.project, w.User, gitlabtest.Developer)
	err := ensure(hookAddress)
	wantError(t, "a developer", err, core.KindForbidden, hookAddress)
	wantError(t, "a developer", err, core.KindForbidden, "Maintainer")
	w.SetAccess(w.project, w.User, gitlabtest.Maintainer)
	w.FailNext(gitlabtest.Failure{}, gitlabtest.Failure{Status: 422, Body: `{"message":"Invalid url given"}`})
	wantError(t, "a local address", ensure("http://127.0.0.1:8787/v1/webhooks/gitlab"), core.KindInvalid, "Outbound requests")
	w.FailNext(gitlabtest.ServerError(500))
	wantError(t, "a problem", ensure(hookAddress), core.KindUnavailable, "")
}

// missed asks for what the project's webhook could not bring.
func (w *world) missed(t *testing.T, address string) []core.MissedDelivery {
	t.Helper()
	missed, err := w.room.Missed(t.Context(), core.Lookback{Repositories: []core.Repository{w.repo()}, HookAddress: address, Since: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return missed
}

func TestMissedDeliveriesAreThoseThatFailedAndCanBeSentAgain(t *testing.T) {
	w := newWorld(t)
	status := 200
	address, keys := receiver(t, &status)
	w.ensure(t, "http://127.0.0.1:1/another", "x") // whose failures are not ours
	w.ensure(t, address, "secret")
	push := w.PushPayload(w.project, "main", w.base, w.head)
	w.Fire(w.project, gitlabtest.PushHook, push)
	if got := w.missed(t, address); len(got) != 0 {
		t.Errorf("what arrived is missed: %+v", got)
	}
	status = 503
	w.Fire(w.project, gitlabtest.PushHook, push)
	w.Fire(w.project, gitlabtest.TagPushHook, push)
	lost := slices.Clone((*keys)[1:])
	got := w.missed(t, address)
	if len(got) != 2 || got[0].DeliveryID != lost[0] || got[1].DeliveryID != lost[1] || got[0].Event != "Push Hook" || got[0].StatusCode != 503 ||
		got[0].Status != "Service Unavailable" || got[0].IntegrationID != "one" || got[0].RepositoryID != fmt.Sprint(w.project.ID) || !got[0].At.IsZero() {
		t.Fatalf("got %+v, lost %v", got, lost)
	}
	wantError(t, "still down", w.room.Redeliver(t.Context(), got[0]), core.KindInvalid, "503")
	status = 200
	for _, m := range w.missed(t, address) {
		if err := w.room.Redeliver(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	if again := (*keys)[4:]; !slices.Equal(again, lost) {
		t.Errorf("sent again under %v, want %v", again, lost)
	}
	if got := w.missed(t, address); len(got) != 2 { // GitLab's log of failures still has them
		t.Errorf("got %+v", got)
	}
}

func TestTheNewestFewAreAskedForAgain(t *testing.T) {
	w := newWorld(t)
	status := 503
	address, keys := receiver(t, &status)
	w.ensure(t, address, "secret")
	push := w.PushPayload(w.project, "main", w.base, w.head)
	for range 8 {
		w.Fire(w.project, gitlabtest.PushHook, push)
		w.EnableHooks(w.project)
	}
	got := w.missed(t, address)
	if len(got) != 5 || got[0].DeliveryID != (*keys)[3] || got[4].DeliveryID != (*keys)[7] {
		t.Fatalf("got %+v of %v", got, *keys)
	}
	status = 200
	for range 5 {
		if err := w.room.Redeliver(t.Context(), got[0]); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "more than GitLab sends", w.room.Redeliver(t.Context(), got[1]), core.KindLimited, "")
	if _, err := w.room.ResolveRef(t.Context(), w.repo(), "main"); err != nil {
		t.Errorf("its limit on repeats keeps everything else waiting: %v", err)
	}
	wantError(t, "no delivery of ours", w.room.Redeliver(t.Context(), core.MissedDelivery{IntegrationID: "one", ID: "1/2/../3"}), core.KindInvalid, "id of a delivery")
	wantError(t, "another connection's", w.room.Redeliver(t.Context(), core.MissedDelivery{IntegrationID: "gone", ID: got[0].ID}), core.KindGone, "")
	gone := got[0]
	gone.ID = fmt.Sprintf("%d/1/1", w.project.ID)
	wantError(t, "a webhook that is gone", w.room.Redeliver(t.Context(), gone), core.KindNotFound, "")
}

func TestLogsThatGitLabDoesNotShowAreNoTrouble(t *testing.T) {
	for what, spoil := range map[string]func(w *world){
		"an old GitLab": func(w *world) { w.HideHookLogs() },
		"no maintainer": func(w *world) { w.SetAccess(w.project, w.User, gitlabtest.Developer) },
	} {
		w := newWorld(t)
		w.ensure(t, "http://127.0.0.1:1/", "secret")
		w.Fire(w.project, gitlabtest.PushHook, w.PushPayload(w.project, "main", w.base, w.head))
		spoil(w)
		for range 3 {
			if got := w.missed(t, "http://127.0.0.1:1/"); len(got) != 0 {
				t.Errorf("%s: %+v", what, got)
			}
		}
		asked := len(w.Requests())
		w.missed(t, "http://127.0.0.1:1/")
		if len(w.Requests()) != asked {
			t.Errorf("%s: asked again and again", what)
		}
		w.clock.Advance(2 * time.Hour)
		w.missed(t, "http://127.0.0.1:1/")
		if len(w.Requests()) == asked {
			t.Errorf("%s: never asked again", what)
		}
	}
}

func TestEntriesThatCannotBeSentAgainAreLeftOut(t *testing.T) {
	w := newWorld(t)
	w.ensure(t, hookAddress, "secret")
	entry := func(id int, key, more string) string {
		return fmt.Sprintf(`{"id":%d,"request_headers":{"Idempotency-Key":%q,"X-Gitlab-Event":7},"response_status":502%s}`, id, key, more)
	}
	old := time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339)
	body := "[" + entry(9, "good", `,"request_data":"text"`) + "," + entry(8, "good", "") + "," + entry(7, "", "") + "," +
		entry(6, "large", `,"request_data":{"oversize":true}`) + "," + entry(5, "old", `,"created_at":"`+old+`"`) + `,{"id":"x"},{}]`
	w.FailNext(gitlabtest.Failure{}, gitlabtest.Failure{Status: 200, Body: body})
	got := w.missed(t, hookAddress)
	if len(got) != 1 || got[0].DeliveryID != "good" || got[0].StatusCode != 502 || got[0].Event != "7" {
		t.Errorf("got %+v", got)
	}
	// One project that cannot be asked hides no other.
	broken := w.repo()
	broken.ExternalID = "x"
	w.FailNext(gitlabtest.Failure{}, gitlabtest.Failure{Status: 200, Body: body})
	missed, err := w.room.Missed(t.Context(), core.Lookback{Repositories: []core.Repository{broken, w.repo()}, HookAddress: hookAddress})
	wantError(t, "no id", err, core.KindInvalid, "id of a GitLab project")
	if len(missed) != 2 {
		t.Errorf("got %+v", missed)
	}
}
