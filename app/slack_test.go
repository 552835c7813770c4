package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// fakeSlack keeps what each message of a channel shows, and what people were answered.
type fakeSlack struct {
	mu       sync.Mutex
	messages map[string]core.Message // by "channel ts"
	answers  map[string][]string     // by the command's id
}

func (f *fakeSlack) Respond(_ context.Context, c core.Chat, m core.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[c.ID] = append(f.answers[c.ID], m.Text)
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
	h := &slackHouse{house: newHouse(t), slack: &fakeSlack{messages: map[string]core.Message{}, answers: map[string][]string{}}}
	var err error
	h.App, err = app.New(app.Deps{
		Store: h.store, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Messenger: h.slack,
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
	c.Team, c.Channel = "T1", "C1"
	return h.sayAt(t, core.ProviderSlack, core.Event{Provider: core.ProviderSlack, Chat: &c})
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

func TestUnsubscribeEndsThePipelineThatIsNamed(t *testing.T) {
	h := newSlackHouse(t)
	h.pipeline(t, h.project.ID, "Web")
	for _, step := range []struct {
		text, says string
		left       int
	}{
		{"subscribe shop pipeline=android,web events=all", "This channel hears of builds of Shop (android, web): all.", 2},
		{"unsubscribe shop pipeline=nosuch", "No enabled pipeline matches `nosuch`.", 2},
		{"unsubscribe shop pipeline=web", "This channel hears no more of builds of Shop (web).", 1},
		{"unsubscribe shop pipeline=web", "This channel hears nothing of Shop (web).", 1},
		{"subscribe shop", "This channel hears of builds of Shop: broken.", 2},
		{"unsubscribe shop pipeline=web", "This channel hears of all pipelines of Shop: ", 2},
		{"unsubscribe shop pipeline=android", "this channel still hears of all pipelines of Shop.", 1},
		{"unsubscribe shop", "This channel hears no more of builds of Shop.", 0},
	} {
		d := h.types(t, "olga", step.text)
		left, err := h.store.ListSubscriptions(t.Context(), h.project.ID)
		if err != nil || len(left) != step.left || !strings.Contains(d.Reply, step.says) {
			t.Errorf("%s: %q, %d are left (%v)", step.text, d.Reply, len(left), err)
		}
	}
}

func TestHelpAndSlipsOfTheFingerUseNothingUp(t *testing.T) {
	h := newSlackHouse(t)
	for i := range 15 {
		h.types(t, "zoe", []string{"help", "biuld", "help build"}[i%3])
	}
	if d := h.types(t, "zoe", "link"); d.Status != core.DeliveryProcessed {
		t.Errorf("link: %+v", d.Reason)
	}
	for range 10 {
		h.types(t, "zoe", "status")
	}
	slip := core.Chat{ID: "slip", Body: "biuld", AuthorID: personID("zoe"), Author: "zoe"}
	if d := h.types(t, "zoe", "status"); d.Reason.Code != core.CodeRateLimited {
		t.Errorf("the eleventh command: %+v", d.Reason)
	}
	d := h.chat(t, slip) // the door has answered
	if _, err := h.store.FindEffect(t.Context(), "reply:"+d.ID); core.KindOf(err) != core.KindNotFound || d.Reason.Code != core.CodeUnknownCommand {
		t.Errorf("a second answer is wanted: %v, %+v", err, d.Reason)
	}
}

func TestAProjectWithoutAPipelineIsThere(t *testing.T) {
	h := newSlackHouse(t)
	bare := h.house.project(t, func(in *app.CreateProject) { in.Name = "Bare" })
	for text, says := range map[string]string{
		"list projects": "Projects: bare, shop.", "list projects limit=1": "Projects: bare and 1 more.", "list pipelines project=bare": "There is no pipeline yet.",
		"list builds project=bare": "0 of 0 builds", "build project=bare": "There is no enabled pipeline.", "status project=bare": "Nothing was built yet.",
		"use nosuch": "No such project. There are: bare, shop.", "use bare": "Commands in this channel are about Bare from now on.",
	} {
		if d := h.types(t, "olga", text); !strings.Contains(d.Reply, says) {
			t.Errorf("%s: %q", text, d.Reply)
		}
		h.clock.forward(chatPause)
	}
	if id, err := h.store.FindChannelProject(t.Context(), "T1", "C1"); err != nil || id != bare.ID {
		t.Errorf("the channel's project is %s, %v", id, err)
	}
}

func TestListKeepsItsLimit(t *testing.T) {
	h := newSlackHouse(t)
	for _, name := range []string{"Ios", "Web"} {
		h.pipeline(t, h.project.ID, name)
	}
	if d := h.types(t, "wes", "list pipelines limit=1"); strings.Count(d.Reply, "**") != 2 || !strings.Contains(d.Reply, "- and 2 more") {
		t.Errorf("%q", d.Reply)
	}
}

func TestABareCancelInSlackStopsNothing(t *testing.T) {
	h := newSlackHouse(t)
	for range 3 {
		h.types(t, "wes", "build android fresh=true")
	}
	if d := h.types(t, "wes", "cancel"); d.Reason.Code != core.CodeMissingValue || h.statuses(t) != "1 queued, 2 queued, 3 queued" {
		t.Errorf("%+v, %s", d.Reason, h.statuses(t))
	}
	if d := h.types(t, "wes", "cancel all project=shop"); d.Status != core.DeliveryProcessed || h.statuses(t) != "1 canceled, 2 canceled, 3 canceled" {
		t.Errorf("%+v, %s", d.Reason, h.statuses(t))
	}
}

func TestANoteAndPlatformsStayWithTheBuild(t *testing.T) {
	h := newSlackHouse(t)
	h.types(t, "wes", `build android platform=ios,android,ios note="for the *testers*"`)
	b := h.builds(t)[0]
	if b.Note != "for the *testers*" || strings.Join(b.Platforms, " ") != "android ios" {
		t.Fatalf("%q, %v", b.Note, b.Platforms)
	}
	if d := h.types(t, "wes", "build android platform=ios"); len(h.builds(t)) != 2 {
		t.Errorf("other platforms are another build: %q", d.Reply)
	}
	if d := h.types(t, "wes", "build android platform=android,ios"); !strings.Contains(d.Reply, "Build #1 already runs") {
		t.Errorf("the same platforms: %q", d.Reply)
	}
	job := h.running(t)
	if strings.Join(job.Build.Platforms, " ") != "android ios" {
		t.Errorf("the runner is told %v", job.Build.Platforms)
	}
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed}); err != nil {
		t.Fatal(err)
	}
	h.types(t, "wes", "retry 1")
	if again := h.builds(t)[2]; again.Note != b.Note || strings.Join(again.Platforms, " ") != "android ios" {
		t.Errorf("run again: %q, %v", again.Note, again.Platforms)
	}
}
