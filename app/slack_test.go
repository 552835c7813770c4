package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// fakeSlack keeps what each message of a channel shows, and what people were answered.
type fakeSlack struct {
	mu       sync.Mutex
	messages map[string]core.Message     // by "channel ts"
	answers  map[string][]string         // by the command's id
	answered func(context.Context) error // called after each answer, if set
}

func (f *fakeSlack) Respond(ctx context.Context, c core.Chat, m core.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[c.ID] = append(f.answers[c.ID], m.Text)
	if f.answered != nil {
		return f.answered(ctx)
	}
	return nil
}

func (f *fakeSlack) Post(_ context.Context, channel string, m core.Message, known string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known == "" {
		known = fmt.Sprint(len(f.messages) + 1)
	}
	f.messages[channel+" "+known] = m
	return known, nil
}

// shown waits until a message is as wanted, and returns it.
func (h *slackHouse) shown(t *testing.T, key string, wanted func(core.Message) bool) core.Message {
	t.Helper()
	var m core.Message
	h.work(t, func() bool {
		h.slack.mu.Lock()
		defer h.slack.mu.Unlock()
		var ok bool
		m, ok = h.slack.messages[key]
		return ok && wanted(m)
	})
	return m
}

type slackHouse struct {
	*house
	slack   *fakeSlack
	project core.Project
	android core.Pipeline
}

// newSlackHouse has the project Shop with the pipeline Android, and its Slack knows wes
// and the owner olga.
func newSlackHouse(t *testing.T) *slackHouse {
	t.Helper()
	return newSlackHouseOn(t, storetest.SQLite(t))
}

func newSlackHouseOn(t *testing.T, database string, way ...func(testTime) core.Store) *slackHouse {
	t.Helper()
	h := &slackHouse{house: newHouseOn(t, database), slack: &fakeSlack{messages: map[string]core.Message{}, answers: map[string][]string{}}}
	timed := testTime{h.store, h.clock}
	var asked core.Store = timed
	for _, f := range way {
		asked = f(timed)
	}
	var err error
	h.App, err = app.New(app.Deps{
		Store: asked, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Messenger: h.slack,
		Forges:   map[core.Provider]core.Forge{core.ProviderGitHub: h.forge, core.ProviderGitLab: h.forge},
		Decoders: map[core.Provider]core.Decoder{core.ProviderSlack: jsonDecoder{}, core.ProviderGitHub: jsonDecoder{}},
		Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.embed(t)
	linkSlack(t, h.house)
	u := core.User{ID: uuid.NewString(), Name: "olga", Email: "olga@example.com", Role: core.RoleOwner, Enabled: true}
	if err := h.store.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := h.store.SaveChatUser(t.Context(), core.ChatUser{Team: "T1", MemberID: personID("olga"), UserID: u.ID}); err != nil {
		t.Fatal(err)
	}
	h.project = h.house.project(t)
	h.android = h.pipeline(t, h.project.ID, "Android")
	return h
}

// types sends a slash command.
func (h *slackHouse) types(t *testing.T, who, text string) core.Delivery {
	t.Helper()
	return h.chat(t, core.Chat{ID: uuid.NewString(), Body: text, AuthorID: personID(who), Author: who})
}

func (h *slackHouse) chat(t *testing.T, c core.Chat) core.Delivery {
	t.Helper()
	return h.decided(t, h.comes(t, c))
}

// comes receives a command or a pressed button and leaves it to be decided.
func (h *slackHouse) comes(t *testing.T, c core.Chat) string {
	t.Helper()
	c.Team, c.Channel = "T1", "C1"
	payload, err := json.Marshal(core.Event{Provider: core.ProviderSlack, Chat: &c})
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{Provider: core.ProviderSlack, DeliveryID: uuid.NewString(), Event: "x", Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (h *slackHouse) press(t *testing.T, who, button, build string) core.Delivery {
	t.Helper()
	return h.chat(t, core.Chat{ID: uuid.NewString(), AuthorID: personID(who), Author: who, Button: button, BuildID: build})
}

func TestATriggerRefPostsInNoChannel(t *testing.T) {
	h := newSlackHouse(t)
	_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{
		ProjectID: h.project.ID, PipelineID: h.android.ID, TriggerRef: "slack:T1/C0SECRET/x", Type: core.TriggerAPI,
	})
	if err != nil {
		t.Fatal(err)
	}
	first := h.fails(t)
	if _, err := h.RerunBuild(t.Context(), h.owner, first.ID); err != nil {
		t.Fatal(err)
	}
	h.types(t, "wes", "build android fresh=true")
	h.shown(t, "C1 1", func(core.Message) bool { return true })
	for key := range h.slack.messages {
		if !strings.HasPrefix(key, "C1 ") {
			t.Errorf("posted in %s", key)
		}
	}
	if _, err := h.store.FindEffect(t.Context(), "message:T1/C0SECRET:"+first.ID); core.KindOf(err) != core.KindNotFound {
		t.Errorf("a message is wanted there: %v", err)
	}
}

func TestARerunIsShownWhereItsBuildWas(t *testing.T) {
	h := newSlackHouse(t)
	h.types(t, "wes", "build android")
	b := h.fails(t)
	h.shown(t, "C1 1", func(m core.Message) bool { return m.Report.State == core.ReportFailure })
	again, err := h.RerunBuild(t.Context(), h.owner, b.ID)
	if err != nil || again.ChatChannel != "T1/C1" {
		t.Fatalf("%+v, %v", again, err)
	}
	h.shown(t, "C1 2", func(m core.Message) bool { return m.Report.Build.Number == 2 })
}

func TestAButtonThatIsPressedThriceRunsItAgainOnce(t *testing.T) {
	h := newSlackHouse(t)
	h.types(t, "wes", "build android")
	b := h.fails(t)
	h.shown(t, "C1 1", func(m core.Message) bool { return m.Report.State == core.ReportFailure && m.Report.RerunNumber == 0 })
	for i := range 3 {
		d := h.press(t, "wes", "retry", b.ID)
		if want := []string{"Build #2 of Android is queued: ", "Build #2 of Android already runs: "}[min(i, 1)]; !strings.HasPrefix(d.Reply, want) {
			t.Errorf("press %d: %q", i+1, d.Reply)
		}
	}
	if n := len(h.builds(t)); n != 2 {
		t.Errorf("%d builds", n)
	}
	h.shown(t, "C1 1", func(m core.Message) bool { return m.Report.RerunNumber == 2 })
}

func TestAButtonOfAHiddenBuildIsOneOfNoBuild(t *testing.T) {
	h := newSlackHouse(t)
	secret := h.house.project(t, func(in *app.CreateProject) { in.Name, in.Visibility = "Secret", core.VisibleMembers })
	context := "oore/zebra"
	zebra := h.pipeline(t, secret.ID, "Zebra", func(in *app.PipelineInput) { in.StatusContext = &context })
	b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: secret.ID, PipelineID: zebra.ID, Type: core.TriggerAPI})
	if err != nil {
		t.Fatal(err)
	}
	for _, button := range []string{"cancel", "retry"} {
		hidden, unknown := h.press(t, "wes", button, b.ID), h.press(t, "wes", button, uuid.NewString())
		if hidden.Reply != unknown.Reply || hidden.Reason != unknown.Reason || hidden.Reason.Code != "build_not_found" {
			t.Errorf("%s: %+v and %+v", button, hidden.Reason, unknown.Reason)
		}
	}
}

func TestTwoPeopleWhoPressAtOnceRunItAgainOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := newSlackHouseOn(t, database)
		for round := range 4 {
			h.types(t, "wes", "build android fresh=true")
			b := h.fails(t)
			var ids []string
			for _, who := range []string{"wes", "olga", "wes", "olga"} {
				ids = append(ids, h.comes(t, core.Chat{ID: uuid.NewString(), AuthorID: personID(who), Author: who, Button: "retry", BuildID: b.ID}))
			}
			for _, id := range ids {
				if d := h.decided(t, id); d.Status != core.DeliveryProcessed {
					t.Errorf("%+v", d.Reason)
				}
			}
			if n := len(h.builds(t)); n != 2*round+2 {
				t.Fatalf("%d builds in round %d", n, round)
			}
			h.fails(t)
			h.clock.forward(3 * chatPause) // nobody is limited
		}
	})
}
