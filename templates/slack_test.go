package templates

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

func slackReport(status core.BuildStatus, steps ...core.Step) *core.Report {
	r := pipelineReport("Android release", 142, status, 145*time.Second, steps...)
	r.Build.ID = "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11"
	r.Build.Branch, r.Build.TriggerActor, r.Build.CommitMessage = "feature/cold_start", "sam", "Speed up cold start\n\nMore."
	r.Build.QueuedAt = time.Unix(1_763_799_990, 0)
	return &r
}

func slackMessages() map[string]core.Message {
	messages := map[string]core.Message{
		"text": {Text: "Build #57 already runs for this commit: https://ci.example.com/builds/57?a=1&b=2. It is `main` & <fast>.", Markdown: true, Link: "https://ci.example.com/docs"},
	}
	for _, s := range core.BuildStatuses() {
		messages[string(s)] = core.Message{Text: "FlutterShop: Android release #142", Report: slackReport(s)}
	}
	failed := slackReport(core.BuildFailed, core.Step{Name: "flutter test", Status: core.StepFailed})
	failed.Tail = []string{"00:03 +12: adds two items", "Expected: <2>", "  Actual: <1>", "flutter test failed: exit 1"}
	messages["failed_step"] = core.Message{Text: "FlutterShop: Android release #142", Report: failed, Link: "https://ci.example.com/docs"}
	queued := messages["queued"].Report
	queued.Build.StartedAt, queued.Build.PullRequest = nil, &core.PullRequest{Number: 7}
	messages["hostile"] = core.Message{Text: hostile + hostileSlack, Report: hostileSlackReport()}
	return messages
}

const hostileSlack = "\n<!here> <!channel> <@U0ALICE> <#C1> <!subteam^S1> <https://evil.example|click> &amp;lt; @here @channel ``` *b* _i_ ~s~\n"

func hostileSlackReport() *core.Report {
	r := hostileReport()
	r.Build.ID, r.Build.Branch, r.Build.TriggerActor = "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11", "a`<!here>`b", hostileSlack
	r.Build.CommitMessage, r.FailedStep = hostileSlack, hostileSlack
	r.TargetURL = "https://ci.example.com/builds/1?a=1&b=2|x"
	r.Tail = append(r.Tail[:12:12], "```", hostileSlack, "end ```` `` `")
	return &r
}

// slackJSON is a message as it is sent, indented.
func slackJSON(t *testing.T, m core.Message) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(map[string]any{"text": SlackText(m), "blocks": SlackBlocks(m)}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func slackCheck(t *testing.T, name string, m core.Message) {
	t.Helper()
	raw, err := json.Marshal(SlackBlocks(m))
	if err != nil {
		t.Fatal(err)
	}
	if err := slacktest.Validate(raw); err != nil {
		t.Errorf("%s: Slack would refuse it: %v", name, err)
	}
	if SlackText(m) == "" {
		t.Errorf("%s: there is nothing for a notification", name)
	}
}

func TestSlackGolden(t *testing.T) {
	for name, m := range slackMessages() {
		slackCheck(t, name, m)
		got := slackJSON(t, m)
		golden := filepath.Join("testdata", "slack_"+name+".golden")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s; go test -update, then look at the difference:\n%s", name, golden, got)
		}
	}
}

func TestSlackButtonsByState(t *testing.T) {
	for status, want := range map[core.BuildStatus][]string{
		core.BuildQueued: {SlackCancel}, core.BuildAssigned: {SlackCancel}, core.BuildRunning: {SlackCancel},
		core.BuildSucceeded: nil, core.BuildFailed: {SlackRetry}, core.BuildCanceled: {SlackRetry},
		core.BuildTimedOut: {SlackRetry}, core.BuildExpired: {SlackRetry},
	} {
		var got []string
		for _, e := range slackButtons(core.Message{Text: "x", Report: slackReport(status)}) {
			switch b := e.(slackButton); {
			case b.URL != "":
			case b.Value != slackReport(status).Build.ID:
				t.Errorf("%s: %s carries %q", status, b.ActionID, b.Value)
			default:
				got = append(got, b.ActionID)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s has the buttons %v, not %v", status, got, want)
		}
	}
	skipped := core.Report{Pipeline: core.Pipeline{Name: "x"}, State: core.ReportSkipped, Description: "No file under app/ changed"}
	if got := slackButtons(core.Message{Text: "x", Report: &skipped}); got != nil {
		t.Errorf("where nothing was built there is nothing to press: %v", got)
	}
}

func TestSlackTextCannotAct(t *testing.T) {
	m := slackMessages()["hostile"]
	got := string(slackJSON(t, m))
	for _, special := range regexp.MustCompile(`<[^>]*>`).FindAllString(got, -1) {
		ours := strings.HasPrefix(special, "<!date^") || strings.HasPrefix(special, "<https://ci.example.com/builds/1?a=1&amp;b=2%7Cx|")
		if !ours {
			t.Errorf("%q is read by Slack", special)
		}
	}
	if regexp.MustCompile(`@[^` + joiner + `]`).MatchString(got) {
		t.Error("somebody is mentioned")
	}
	for _, b := range SlackBlocks(m)[1:] {
		if b.Text != nil && strings.Count(b.Text.Text, "```") != 2*strings.Count(b.Text.Text, "\n```\n") {
			t.Errorf("a fence is broken:\n%s", b.Text.Text)
		}
	}
	if want := "red and link"; !strings.Contains(got, want) {
		t.Errorf("%q is missing", want)
	}
}

func TestSlackKeepsTheLimits(t *testing.T) {
	for _, long := range []string{strings.Repeat("<&>", 20_000), strings.Repeat("𝄞", 20_000), strings.Repeat("`", 20_000), "```\n" + strings.Repeat("a\n", 20_000), strings.Repeat("\u202e|", 9000), "https://x.example/" + strings.Repeat("a&", 9000)} {
		r := slackReport(core.BuildFailed, core.Step{Name: long, Status: core.StepFailed})
		r.Pipeline.Name, r.Description, r.Build.Branch, r.Build.TriggerActor, r.Build.CommitMessage = long, long, long, long, long
		r.Tail = strings.Split(strings.Repeat(long+"\n", 30), "\n")
		for _, target := range []string{"https://ci.example.com/" + strings.Repeat("&", 590), long, "https://ci.example.com/" + strings.Repeat("a", 2970), ""} {
			r.TargetURL = target
			slackCheck(t, long[:3], core.Message{Text: long, Report: r, Link: target + "x"})
		}
		living := slackReport(core.BuildRunning)
		living.Pipeline.Name = long
		slackCheck(t, long[:3], core.Message{Text: long, Report: living})
		slackCheck(t, long[:3], core.Message{Text: long})
	}
}

func TestSlackClosesAFenceThatItCuts(t *testing.T) {
	got := SlackText(core.Message{Text: "```\n" + strings.Repeat("line\n", 2000) + "```"})
	if !strings.HasSuffix(got, "…\n```") || slackLength(got) > slackSection {
		t.Errorf("it ends with %q after %d", got[len(got)-20:], slackLength(got))
	}
}

func TestSlackAnswersKeepTheirStars(t *testing.T) {
	for text, want := range map[string]string{
		"- **android** (Android): push on `release/** hot**fix`": "- *android* (Android): push on `release/** hot**fix`",
		"**failed**\n\n```text\n│ a ** b **** c\n│ **x**\n```":   "*failed*\n\n```text\n│ a ** b **** c\n│ **x**\n```",
		"a ** b **** c": "a ** b **** c", "**a** and **b c**": "*a* and *b c*", "2**3**4": "2*3*4", "`**": "`**",
		"#1: **running**, `a`, **b** ``` **c**": "#1: *running*, `a`, *b* ``` **c**\n```",
	} {
		if got := SlackText(core.Message{Text: text, Markdown: true}); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}

// The name of a step, which stands in what a failed build says, is the repository's.
func TestSlackMakesNoLinkOfWhatARepositorySays(t *testing.T) {
	r := slackReport(core.BuildFailed, core.Step{Name: "https://evil.example/x", Status: core.StepFailed})
	for _, m := range []core.Message{
		{Text: "Shop · Android #1: https://evil.example/x failed: exit 3", Report: r},
		{Text: "```text\n│ see https://evil.example/x\n```\nbranch `https://evil.example/x`", Markdown: true},
	} {
		if got := string(slackJSON(t, m)); strings.Contains(got, "<https://evil") {
			t.Errorf("a link:\n%s", got)
		}
	}
}

func TestSlackShowsNoteAndPlatformsAndWhatRanItAgain(t *testing.T) {
	r := slackReport(core.BuildFailed)
	r.Build.Note, r.Build.Platforms, r.RerunNumber = "for <!here>"+strings.Repeat("x", 300), []string{"android", "ios"}, 143
	m := core.Message{Text: "x", Report: r}
	slackCheck(t, "note", m)
	got := string(slackJSON(t, m))
	for _, want := range []string{"note: for &lt;!here&gt;", "android, ios alone", "run again as #143"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if strings.Contains(got, SlackRetry) {
		t.Error("it can be run again once more")
	}
}

func TestSlackMakesLinksOfAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"see https://ci.example.com/b/1.":      "see <https://ci.example.com/b/1>.",
		"(http://127.0.0.1:8787/x?a=1&b=2)":    "(<http://127.0.0.1:8787/x?a=1&amp;b=2>)",
		"<https://evil.example|click>":         "&lt;<https://evil.example>|click&gt;",
		"https:// and ftp://x and javascript:": "https:// and ftp://x and javascript:",
		"https://u@evil.example/":              "<https://u@evil.example/>",
	} {
		if got := SlackText(core.Message{Text: text, Markdown: true}); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}
