package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// hostile is a name with markup, commands of terminals, and a turn of direction.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>` + "\x1b]8;;javascript:alert(1)\x07\x1b[31m\u202egnp.exe\u2066"

func ago(d time.Duration) time.Time { return time.Now().Add(-d) }

func ptr[T any](v T) *T { return &v }

// filled is a house with a build of every state, hostile names, and logs.
func filled() *fake {
	f := &fake{steps: map[string][]core.Step{}, records: map[string][]core.LogRecord{}}
	f.projects = []core.Project{
		{
			ID: "p1", Name: "FlutterShop", Slug: "fluttershop", Description: "The shop app", TriggerRole: core.RoleViewer, Forks: core.ForksApprove,
			Repository: core.Repository{Provider: core.ProviderGitHub, FullName: "acme/shop", WebURL: "https://github.example/acme/shop", DefaultBranch: "main"},
		},
		{
			ID: "p2", Name: hostile, Slug: "hostile", Description: hostile, TriggerRole: core.RoleViewer,
			Repository: core.Repository{Provider: core.ProviderGitHub, FullName: hostile, WebURL: "javascript:alert(1)", DefaultBranch: hostile},
		},
	}
	f.projects = append(f.projects, core.Project{
		ID: "p3", Name: "Mobile kit", Slug: "mobile-kit", TriggerRole: core.RoleDeveloper, Forks: core.ForksIgnore, Comments: core.CommentsOff,
		Visibility: core.VisibleMembers, DefaultBranch: "trunk", RepositoryID: "r4", ReportSkipped: true,
		Repository: core.Repository{
			ID: "r4", Provider: core.ProviderGitLab, FullName: "kit/mobile", WebURL: "https://gitlab.example/kit/mobile", DefaultBranch: "main",
			HookTrouble: "The token may not set up webhooks; make one by hand", HookNote: "It had been switched off because deliveries failed.",
		},
	}, core.Project{
		ID: "p4", Name: "Local", Slug: "local", TriggerRole: core.RoleViewer, Visibility: core.VisibleInstance,
		Repository: core.Repository{Provider: core.ProviderGit, FullName: "/srv/git/local", DefaultBranch: "main", Unavailable: "The folder is gone"},
	})
	f.fillSources()
	f.fillRunners()
	f.fillAccounts()
	f.fillNotifications()
	f.fillSecrets()
	f.fillArtifacts()
	f.pipelines = []core.Pipeline{
		{
			ID: "l1", ProjectID: "p1", Name: "Android release", ConfigPath: ".oore.yaml", Timeout: time.Hour, StatusContext: "oore/android-release", Enabled: true,
			Trigger: core.Trigger{Events: []core.EventKind{core.EventPush, core.EventPullRequest}, Branches: []string{"main", "release/*"}},
		},
		{
			ID: "l2", ProjectID: "p1", Name: "Nightly", ConfigPath: "ci/night.yaml", ConfigPathExplicit: true, Timeout: 90 * time.Minute, StatusContext: "oore/nightly", Labels: []string{"fast"},
			Concurrency: core.Concurrency{CancelPrevious: true, MaxConcurrent: 2},
			File:        core.FileSettings{Path: "ci/night.yaml", SHA: "0123456789abcdef0123456789abcdef01234567", Labels: &[]string{}, Problem: "ci/night.yaml at fedcba9 is broken: line 1, column 1: unknown key \"a\""},
		},
		{ID: "l3", ProjectID: "p2", Name: hostile, Timeout: time.Hour, Enabled: true, Trigger: core.Trigger{Branches: []string{hostile}}},
	}
	add := func(number int, status core.BuildStatus, change func(*core.Build)) {
		queued := ago(time.Duration(200-number) * 10 * time.Minute)
		b := core.Build{
			ID: fmt.Sprintf("b%d", number), ProjectID: "p1", PipelineID: "l1", Number: number, Status: status,
			TriggerType: core.TriggerWebhook, TriggerEvent: "push", TriggerActor: "sam", Branch: "main", DeliveryID: "d1",
			SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", CommitMessage: "Speed up cold start\n\nBy loading less.", CommitAuthor: "sam",
			RunnerName: "mac-mini-2", Timeout: time.Hour, QueuedAt: queued, CreatedAt: queued, UpdatedAt: queued,
		}
		if status != core.BuildQueued {
			b.AssignedAt = ptr(queued.Add(3 * time.Second))
		}
		if status != core.BuildQueued && status != core.BuildAssigned && status != core.BuildExpired {
			b.StartedAt = ptr(queued.Add(4 * time.Second))
		}
		if status.Terminal() {
			b.FinishedAt = ptr(queued.Add(149 * time.Second))
		} else {
			b.LeaseToken = "held"
		}
		if change != nil {
			change(&b)
		}
		f.builds = append(f.builds, b)
	}
	add(143, core.BuildQueued, func(b *core.Build) {
		b.Labels, b.QueuedAt, b.RunnerName, b.LeaseToken = []string{"macos"}, ago(time.Minute), "", ""
	})
	add(142, core.BuildRunning, func(b *core.Build) {
		b.QueuedAt, b.StartedAt, b.CommitMessage = ago(3*time.Minute), ptr(ago(175*time.Second)), "Cache the catalogue between screens"
	})
	add(141, core.BuildAssigned, func(b *core.Build) {
		b.TriggerType, b.TriggerActor, b.QueuedAt = core.TriggerAPI, "nightly-token", ago(20*time.Second)
	})
	add(140, core.BuildFailed, func(b *core.Build) {
		b.StatusReason, b.StatusMessage, b.ExitCode = core.ReasonCommandFailed, "flutter test ended with exit code 1", ptr(1)
		b.Problems = []core.Annotation{{Path: "lib/main.dart", Line: 12, Column: 5, Level: core.LevelWarning, Title: "unused_import", Message: "Unused import"}}
		b.Tests = &core.TestSummary{Passed: 213, Failed: 1, Failures: []core.TestFailure{
			{Suite: "test/cart_test.dart", Name: "adds two items", Message: "Expected: <2>\n  Actual: <1>", Path: "test/cart_test.dart", Line: 42},
		}}
	})
	add(139, core.BuildSucceeded, func(b *core.Build) {
		b.PullRequest = &core.PullRequest{Number: 214, Title: "Stripe v3", URL: "https://github.example/acme/shop/pull/214", Fork: true}
		b.Branch, b.CommitMessage = "feature/stripe-v3", "Stripe v3"
	})
	add(138, core.BuildTimedOut, func(b *core.Build) { b.PipelineID, b.TriggerType, b.TriggerActor = "l2", core.TriggerSchedule, "" })
	add(137, core.BuildCanceled, func(b *core.Build) { b.StatusMessage, b.TriggerType = "Canceled by sam", core.TriggerManual })
	add(136, core.BuildExpired, func(b *core.Build) {
		b.Tag, b.Branch, b.Note, b.Platforms = "v1.5.0", "", "for the <testers>", []string{"android", "ios"}
	})
	add(135, core.BuildSucceeded, func(b *core.Build) { b.TriggerType, b.SourceBuildID = core.TriggerRerun, "b137" })
	add(1, core.BuildFailed, func(b *core.Build) {
		b.ProjectID, b.PipelineID, b.Branch, b.CommitMessage, b.TriggerActor, b.RunnerName = "p2", "l3", hostile, hostile, hostile, hostile
		b.StatusMessage, b.CommitAuthor, b.TriggerRef, b.DeliveryID = hostile, hostile, hostile, "d3"
		b.Note, b.Platforms = hostile, []string{hostile}
		b.Problems = slices.Repeat([]core.Annotation{{Path: hostile, Line: 1, Level: hostile, Title: hostile, Message: hostile}}, 2)
		b.Tests = &core.TestSummary{Failed: 1, Failures: []core.TestFailure{{Suite: hostile, Name: hostile, Message: hostile, Path: hostile, Line: 1}}}
		b.PullRequest = &core.PullRequest{Number: 1, Title: hostile, URL: "javascript:alert(1)"}
	})
	for _, id := range []string{"b140", "b139", "b142"} {
		f.fillLog(id, 1931)
	}
	f.fillLog("b1", 3)
	f.steps["b142"][3].FinishedAt, f.steps["b142"][3].Status, f.steps["b142"][3].LastSequence = nil, core.StepRunning, nil
	f.steps["b142"][3].StartedAt = ago(100 * time.Second)
	for i := range f.steps["b139"] {
		f.steps["b139"][i].Status = core.StepSucceeded
	}
	f.records["b1"][1].Content, f.records["b1"][1].Step = []byte(hostile), hostile
	f.records["b140"][1799].Content = []byte("  test/cart_test.dart:42 adds two items")
	f.steps["b1"][0].Name, f.steps["b1"][0].Command = hostile, hostile
	f.steps["b140"][1].Command, f.steps["b140"][3].Command = "flutter pub get", "flutter test --machine"
	for i, line := range []string{
		"::group::Downloading <packages>", "see https://pub.example/packages?a=1&b=2.", "token is ***", "::endgroup::",
		"\x1b[31mtest/cart_test.dart:42:7: Expected: <2>\x1b[0m", "\u202egnp.exe\u202c and \x1b]8;;https://evil.example\x1b\\a link\x1b]8;;\x1b\\", hostile,
	} {
		f.records["b140"][20+i].Content = []byte(line)
	}
	f.deliveries = []core.Delivery{
		{
			ID: "d1", Provider: core.ProviderGitHub, DeliveryID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Event: "push", Repository: "acme/shop", Ref: "refs/heads/main",
			SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", Actor: "sam", Status: core.DeliveryProcessed, Attempts: 1, ReceivedAt: ago(8 * time.Minute),
			ProcessedAt: ptr(ago(8 * time.Minute)), Reason: core.Reason{Code: core.WhyBuilds, Text: "One build was started."},
			Payload: []byte(`{"ref":"refs/heads/main","repository":{"full_name":"acme/shop"}}`),
			Verdicts: []core.DeliveryVerdict{
				{PipelineID: "l1", Pipeline: "Android release", ProjectID: "p1", Project: "FlutterShop", Matched: true, Code: core.WhyMatched, Reason: "The branch main was pushed.", BuildID: "b142"},
				{PipelineID: "l2", Pipeline: "Nightly", ProjectID: "p1", Project: "FlutterShop", Code: core.WhyPipelineOff, Reason: "The pipeline is disabled."},
			},
		},
		{
			ID: "d2", Provider: core.ProviderGitHub, DeliveryID: "aa-2", Event: "pull_request", Action: "labeled", Repository: "acme/shop", Ref: "refs/pull/214/head",
			Actor: "kim", Status: core.DeliveryIgnored, ReceivedAt: ago(30 * time.Minute),
			Reason: core.Reason{Code: core.WhyAction, Text: `Pull request action "labeled" brings no new commit.`},
		},
		{
			ID: "d3", Provider: core.ProviderSlack, DeliveryID: hostile, Event: "slash_command", Action: hostile, Repository: hostile, Ref: hostile, Actor: hostile,
			Status: core.DeliveryFailed, ReceivedAt: ago(time.Hour), Reason: core.Reason{Code: core.WhyInternal, Text: hostile},
			Payload:  []byte("token=slack-secret&command=%2Foore&text=build&response_url=https%3A%2F%2Fhooks.example%2Fsecret"),
			Verdicts: []core.DeliveryVerdict{{Pipeline: hostile, ProjectID: "p2", Project: hostile, Code: "x", Reason: hostile}},
		},
		{ID: "d4", Provider: core.ProviderGitLab, DeliveryID: "gl-4", Event: "push", Status: core.DeliveryReceived, ReceivedAt: ago(time.Second)},
	}
	return f
}

// fillLog writes a log like a Flutter build's: four steps, colors in every sixth line.
func (f *fake) fillLog(id string, n int) {
	words := strings.Fields("Running Gradle task assembleRelease :app:compileReleaseKotlin package:flutter_test lib/src/widgets/binding.dart resolving " +
		"dependencies com.google.firebase:firebase-analytics:21.5.0 UP-TO-DATE deprecated API MainActivity.kt transforms-3 jetified-core-1.12.0")
	seed := uint32(7)
	next := func(n int) int { seed = seed*1664525 + 1013904223; return int(seed>>16) % n }
	steps := []string{"checkout", "flutter pub get", "flutter analyze", "flutter test"}
	for i := range n {
		step := steps[min(len(steps)-1, i*len(steps)*2/n)]
		var line []string
		for range 4 + next(12) {
			line = append(line, words[next(len(words))])
		}
		text := strings.Join(line, " ")
		if next(6) == 0 {
			text = fmt.Sprintf("\x1b[%dm%s\x1b[0m %s", 31+next(6), line[0], text)
		}
		r := core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: core.StreamStdout, Step: step, Time: ago(time.Minute)}
		if i == 0 {
			r.Stream, r.Content = core.StreamSystem, []byte("Checking out a1b2c3d of acme/shop")
		}
		f.records[id] = append(f.records[id], r)
	}
	started := ago(3 * time.Minute)
	for i, name := range steps {
		first := slices.IndexFunc(f.records[id], func(r core.LogRecord) bool { return r.Step == name })
		if first < 0 {
			continue
		}
		took := time.Duration(3+i*i*9) * time.Second
		last := int64(first)
		for _, r := range f.records[id] {
			if r.Step == name {
				last = r.Sequence
			}
		}
		s := core.Step{
			BuildID: id, Index: i, Name: name, Status: core.StepSucceeded, FirstSequence: int64(first), LastSequence: ptr(last),
			StartedAt: started, FinishedAt: ptr(started.Add(took)),
		}
		if i == len(steps)-1 {
			s.Status, s.ExitCode = core.StepFailed, ptr(1)
		}
		f.steps[id] = append(f.steps[id], s)
		started = started.Add(took)
	}
	f.steps[id] = append(f.steps[id], core.Step{BuildID: id, Index: 9, Name: "flutter build apk", Status: core.StepSkipped, StartedAt: started, FinishedAt: ptr(started)})
}
