package app_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

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
	h.forge.standsAt(shaA, "version: 1\nplatforms: [android, ios, macos]\n")
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

// The command made a build that was bound to fail.
func TestPlatformsThatCannotBeBuiltAloneAreRefusedAtTheCommand(t *testing.T) {
	h := newSlackHouse(t)
	const commands = "version: 1\ncommands: {build: [make]}\n"
	for _, step := range []struct {
		file, text, says string
		builds           int
	}{
		{commands, "build android platform=ios", "commands.build says what to run for all platforms", 0},
		{commands, "build android", "Build #1 of Android is queued", 1},
		{"version: 1\nplatforms: [android]\n", "build android platform=ios", "which is not among the configuration's platforms (android)", 1},
		{"version: 1\nplatforms: [android, ios]\n", "build android platform=ios", "Build #2 of Android is queued", 2},
		{"version: one\n", "build android platform=ios fresh=true", "Build #3 of Android is queued", 3}, // it fails, and says where the file is broken
	} {
		h.forge.standsAt(shaA, step.file)
		if d := h.types(t, "wes", step.text); !strings.Contains(d.Reply, step.says) || len(h.builds(t)) != step.builds {
			t.Errorf("%s with %q: %q, %d builds", step.text, step.file, d.Reply, len(h.builds(t)))
		}
	}
	// Without a file it is the pipeline's own configuration that counts; a forge that
	// gives no file leaves the decision to the build.
	stored := core.ExecutionConfig{Commands: core.Commands{Build: []core.Command{{Run: "make"}}}}
	h.pipeline(t, h.project.ID, "Stored", func(in *app.PipelineInput) { in.Execution = &stored })
	delete(h.forge.files, shaA+":.oore.yaml")
	if d := h.types(t, "wes", "build stored platform=ios"); !strings.Contains(d.Reply, "commands.build") || len(h.builds(t)) != 3 {
		t.Errorf("%q, %d builds", d.Reply, len(h.builds(t)))
	}
	in := app.TriggerBuild{ProjectID: h.project.ID, PipelineID: h.android.ID, Type: core.TriggerManual, Platforms: []string{"ios"}}
	_, err := h.TriggerBuild(t.Context(), h.owner, in)
	wantCode(t, err, core.KindInvalid, core.ReasonConfigInvalid)
	h.forge.refused = core.Errorf(core.KindUnavailable, "GitHub is away")
	if d := h.types(t, "wes", "build stored platform=ios"); !strings.Contains(d.Reply, "is queued") {
		t.Errorf("a forge that is away: %q", d.Reply)
	}
}
