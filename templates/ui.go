package templates

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// UIView is the page of the components: each partial once, with sample data.
type UIView struct {
	Page
	Groups   []Option
	States   []Chip
	Alerts   []Alert
	Inputs   []Input
	Builds   []BuildRow
	Pager    Pager
	Verdicts []core.DeliveryVerdict
	Bars     []Bar
	Chart    Chart
	Weeks    []WeekRow
	QR       QR
	Build    BuildView
}

// UI writes the page of the components, for who works on them.
func (s *Set) UI(w io.Writer, p Page) error {
	code, err := qrCode("https://ci.example.com/_ui")
	if err != nil {
		return err
	}
	builds, figures := sampleBuilds(p.Now)
	v := UIView{
		Page: p, QR: code, Pager: Pager{First: 51, Last: 100, Total: 1204, Newer: "#tables", Older: "#tables"},
		Bars: Bars(builds, p.Now), Chart: NewChart(figures), Build: sampleBuild(p, builds[0]),
		Groups: []Option{{"states", "States"}, {"alerts", "Alerts"}, {"facts", "Facts"}, {"buttons", "Buttons"}, {"forms", "Fields"}, {"tables", "Tables"}, {"charts", "Charts"}, {"dialogs", "Dialog"}, {"builds", "Steps and log"}},
		Alerts: []Alert{
			{"failed", "The build was not started.", "No runner has the label ios. Add one, or remove the label from the pipeline."},
			{"timed_out", "The disk is nearly full.", "Builds wait until 2 GiB are free."},
			{"succeeded", "", "The pipeline was saved."},
			{"queued", "", "The queue is paused by sam."},
		},
		Inputs: []Input{
			{Name: "ui-name", Label: "Name", Kind: InputText, Hint: "As it shows in lists.", Field: Field{Value: "Android release"}},
			{Name: "ui-labels", Label: "Labels", Kind: InputText, Optional: true, Field: Field{Value: "iOS!", Error: "Letters, digits, dots and dashes alone."}},
			{Name: "ui-commands", Label: "Commands", Kind: InputCode, Rows: 3, Field: Field{Value: "flutter pub get\nflutter build apk"}},
			{Name: "ui-enabled", Label: "Enabled", Kind: InputTick, Hint: "Events start builds.", Field: Field{Value: "true"}},
		},
		Verdicts: []core.DeliveryVerdict{
			{Project: "FlutterShop", Pipeline: "Android release", Matched: true, Code: "matched", Reason: "A build was started.", BuildID: builds[0].ID},
			{Project: "FlutterShop", Pipeline: "Nightly", Code: "branch_mismatch", Reason: "Branch docs/typo matches none of main, release/*."},
		},
	}
	v.States = []Chip{chip(core.StepSkipped)}
	for _, b := range builds {
		v.States = append(v.States, chip(b.Status))
		v.Builds = append(v.Builds, BuildRow{Build: b, Project: "FlutterShop", Pipeline: "Android release", Now: p.Now})
	}
	for i := range 6 {
		v.Weeks = append(v.Weeks, WeekRow{Begins: p.Now.AddDate(0, 0, 7*(i-6)), Judged: 12, Succeeded: 7 + i, Column: i})
	}
	return s.render(w, "ui", "layout", v)
}

// sampleBuilds are builds in each state, the newest first, and the figures of those that ended.
func sampleBuilds(now time.Time) (builds []core.Build, figures []core.Figure) {
	for i, status := range core.BuildStatuses() {
		queued := now.Add(-time.Duration(i*i+4) * time.Minute)
		b := core.Build{
			ID: fmt.Sprint("sample-", i), Number: 142 - i, Status: status, TriggerType: core.TriggerWebhook, TriggerEvent: "push", TriggerActor: "sam",
			Branch: "feature/stripe-v3", SHA: strings.Repeat("a1b2c3d4", 5), CommitMessage: "Speed up cold start", QueuedAt: queued, UpdatedAt: queued,
		}
		if started := queued.Add(3 * time.Second); status != core.BuildQueued && status != core.BuildAssigned && status != core.BuildExpired {
			b.StartedAt = &started
		}
		if ended := queued.Add(time.Duration(40+35*i) * time.Second); status.Terminal() {
			b.FinishedAt = &ended
			figures = append(figures, core.Figure{Number: b.Number, Status: status, Took: b.Duration(now), Ended: ended})
		}
		builds = append(builds, b)
	}
	return builds, figures
}

// sampleBuild is a build with steps in each state, a log with each kind of line, and files.
func sampleBuild(p Page, b core.Build) BuildView {
	begin := p.Now.Add(-4 * time.Minute)
	v := BuildView{Page: p, Build: b, Artifacts: []core.Artifact{{ID: "sample", Name: "app-release.aab", Kind: core.ArtifactAAB, Size: 25_270_681, SHA256: strings.Repeat("0f1e2d3c", 8)}}}
	for i, status := range []core.StepStatus{core.StepSucceeded, core.StepFailed, core.StepCanceled, core.StepSkipped, core.StepRunning} {
		s := core.Step{Index: i, Name: "flutter " + string(status), Status: status, StartedAt: begin.Add(time.Duration(i) * 30 * time.Second)}
		if ended := s.StartedAt.Add(25 * time.Second); status != core.StepRunning {
			s.FinishedAt = &ended
		}
		v.Steps = append(v.Steps, s)
	}
	lines := []string{"Running Gradle task 'assembleRelease'…", "\x1b[32m✓ Built\x1b[0m app-release.aab \x1b[1m(24.1 MB)\x1b[0m", "\x1b[33mwarning:\x1b[0m see https://flutter.dev", "token ***", "\x1b[31mError\x1b[0m in lib/main.dart:12:5"}
	for i := range 8 {
		lines = append(lines, fmt.Sprintf("\x1b[3%dmcolor %d\x1b[0m and \x1b[4%dmas background\x1b[0m", i, i, i))
	}
	l := LogView{URL: "/_ui", Begin: begin, Mark: Range{First: 2, Last: 3}, Rows: core.NewLogRows(int64(len(lines)+1), nil)}
	for i, text := range append(lines, "The build was canceled by sam.") {
		stream := core.StreamStdout
		if i == len(lines) {
			stream = core.StreamSystem
		}
		l.Records = append(l.Records, core.LogRecord{Sequence: int64(i), Content: []byte(text), Stream: stream, Step: "flutter succeeded", Time: begin})
	}
	v.Log = l
	return v
}
