package templates

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/oore-ci/oore/app/core"
)

func noticeOf(r core.Report, project string) core.Notice {
	r.Build.Branch, r.Build.CommitMessage, r.Build.TriggerActor = "main", "Speed up cold start\n\nBy loading less.", "sam"
	return core.Notice{
		Event: core.NoticeFinished, Project: core.Project{ID: "p1", Name: project}, SettingsURL: "https://ci.example.com/projects/p1/settings/notifications",
		Message: core.Message{Text: "Shop · Android release #142: failed", Report: &r, Link: r.TargetURL},
	}
}

func redNotice() core.Notice {
	r := pipelineReport("Android release", 142, core.BuildFailed, 145*time.Second, core.Step{Name: "flutter test", Status: core.StepFailed})
	r.Build.StatusMessage = "flutter test failed: exit 1"
	r.Description = "flutter test failed: exit 1 · 2m 25s"
	r.Build.Note, r.Build.Platforms = "for the *testers*", []string{"android", "ios"}
	r.Tail = []string{"00:03 +12: adds two items", "Expected: <2>", "", "  Actual: <1> @sam"}
	return noticeOf(r, "Shop")
}

func TestNoticesLookLikeThis(t *testing.T) {
	ping := core.Notice{
		Event: core.NoticePing, Project: core.Project{Name: "Shop"}, SettingsURL: "https://ci.example.com/projects/p1/settings/notifications",
		Message: core.Message{Text: "Shop: a test message.", Link: "https://ci.example.com/projects/p1"},
	}
	for name, n := range map[string]core.Notice{"red": redNotice(), "ping": ping} {
		subject, text, rich := Mail(n)
		for file, got := range map[string]string{
			"mattermost_" + name + ".md": Mattermost(n), "mail_" + name + ".txt": subject + "\n\n" + text, "mail_" + name + ".html": rich,
		} {
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got != string(want) {
				t.Errorf("%s is\n%s\n(%v); go test -update writes it anew", file, got, err)
			}
		}
	}
}

func TestWhatARepositoryNamesAddsNothingToNotices(t *testing.T) {
	r := hostileReport()
	r.Build.PullRequest = &core.PullRequest{Number: 3, Title: hostile}
	n := noticeOf(r, hostile)
	n.Report.Build.Branch, n.Report.Build.CommitMessage, n.Report.Build.TriggerActor = hostile, hostile, hostile

	post := Mattermost(n)
	for _, bad := range []string{"@everyone", "\u202e", "\u200b", "](https://evil", "\n/approve", "![i]", "<img", " #12"} {
		head, _, _ := strings.Cut(post, "\n\n```")
		if strings.Contains(head, bad) {
			t.Errorf("Mattermost shows %q:\n%s", bad, head)
		}
	}
	if strings.Contains(post, "@everyone") {
		t.Error("Mattermost calls everyone")
	}
	if n := len([]rune(post)); n > 4000 {
		t.Errorf("Mattermost's message has %d characters", n)
	}

	subject, text, rich := Mail(n)
	if strings.ContainsAny(subject, "\r\n\x07\u202e\u200b") {
		t.Errorf("the subject is %q", subject)
	}
	if strings.ContainsAny(text, "\r\x07\x1b\u202e\u200b") {
		t.Errorf("the text has control characters: %q", text)
	}
	tags := map[string]int{}
	for z := html.NewTokenizer(strings.NewReader(rich)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken || kind == html.CommentToken {
			tags[z.Token().Data]++
		}
	}
	for tag := range tags {
		if !strings.Contains(" html head meta title body h1 p table tr th td a pre ", " "+tag+" ") {
			t.Errorf("the HTML has a <%s>", tag)
		}
	}
	if tags["a"] != 2 || tags["tr"] != 5 {
		t.Errorf("the HTML has %d links and %d rows", tags["a"], tags["tr"])
	}
}
