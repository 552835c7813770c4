package templates

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

var update = flag.Bool("update", false, "write the golden files anew")

func pipelineReport(name string, number int, status core.BuildStatus, took time.Duration, steps ...core.Step) core.Report {
	start := time.Unix(1_763_800_000, 0)
	b := core.Build{ID: fmt.Sprint(number), Number: number, Status: status, SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", StartedAt: &start, RunnerName: "built-in"}
	if status.Terminal() {
		end := start.Add(took)
		b.FinishedAt = &end
	}
	p := core.Pipeline{Name: name, StatusContext: "oore/" + core.Slug(name)}
	return core.ReportOf(b, p, steps, fmt.Sprintf("https://ci.example.com/builds/%d", number))
}

func commentOf(reports ...core.Report) core.Comment {
	return core.Comment{Number: 7, SHA: reports[0].Build.SHA, Reports: reports, UpdatedAt: time.Date(2026, 11, 22, 14, 2, 3, 0, time.FixedZone("CET", 3600))}
}

// hostile is text that tries everything at once.
const hostile = "`code` **bold** | cell\n/approve\r\n<img src=x onerror=alert(1)> </details> <!-- oore:report --> @everyone #12 [link](https://evil.example) ![i](x) www.evil.example a\u202eb\u200bc\x07"

func hostileReport() core.Report {
	r := pipelineReport(hostile, 1, core.BuildFailed, time.Minute, core.Step{Name: hostile, Status: core.StepFailed})
	r.Tail = []string{
		"\x1b[31mred\x1b[0m and \x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07", "/approve", "/oore build", "```", "`````` six", "~~~",
		"@everyone <b>Expected: <2></b>", "</details><script>alert(1)</script>", "a\u202egnp.exe", "zero\u200bwidth\ufeff", "nul\x00bell\x07",
		"10%\r20%\rdone\r", "bad \xff utf-8", "one\u2028two", strings.Repeat("long ", 1000), "", "",
	}
	r.FirstError = &core.Annotation{Path: "lib/](https://evil.example)@everyone`.dart", Line: 1, Level: core.LevelError, Message: "/approve\n/merge " + hostile}
	r.FirstErrorURL = "https://github.com/acme/shop/blob/abc/lib/](https://evil.example)@everyone`.dart#L1"
	return r
}

func comments() map[string]core.Comment {
	red := pipelineReport("Android release", 142, core.BuildFailed, 145*time.Second,
		core.Step{Name: "flutter test", Status: core.StepFailed})
	red.Tail = []string{"00:03 +12: adds two items", "Expected: <2>", "  Actual: <1>", "flutter test failed: exit 1"}
	red.FirstError = &core.Annotation{Path: "test/cart_test.dart", Line: 42, Level: core.LevelError, Message: "adds two items: Expected: <2>\n  Actual: <1>"}
	red.FirstErrorURL = "https://github.com/acme/shop/blob/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678/test/cart_test.dart#L42"
	red.Build.Tests = &core.TestSummary{Passed: 12, Failed: 1}
	canceled := pipelineReport("Android release", 144, core.BuildCanceled, 61*time.Second)
	canceled.Description = "Canceled by sam"
	made := pipelineReport("Android release", 142, core.BuildSucceeded, 371*time.Second)
	for _, name := range []string{"app-release.apk", "app_*[x](y)|.aab", "c", "d", "e", "f", "g"} {
		made.Artifacts = append(made.Artifacts, core.ArtifactLink{
			Artifact: core.Artifact{Name: name}, URL: fmt.Sprintf("https://ci.example.com/artifacts/%d/download", len(made.Artifacts)),
		})
	}
	toInstall := pipelineReport("Mobile", 143, core.BuildSucceeded, 371*time.Second)
	for _, name := range []string{"app-release.apk", "\"><script>alert(1)</script>@everyone.ipa", "c.apk", "d.apk", "e.apk"} {
		url := fmt.Sprintf("https://ci.example.com/i/00000000-0000-4000-8000-0000000000a%d", len(toInstall.Artifacts))
		toInstall.Artifacts = append(toInstall.Artifacts, core.ArtifactLink{Artifact: core.Artifact{Name: name, Kind: core.ArtifactKindOf(name)}, URL: url, QRURL: url + "/qr.png"})
	}
	inside := pipelineReport("Inside", 144, core.BuildSucceeded, 371*time.Second)
	inside.Artifacts = []core.ArtifactLink{{Artifact: core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK}, URL: "http://127.0.0.1:8787/i/00000000-0000-4000-8000-0000000000a1"}}
	broken := pipelineReport("Checks", 145, core.BuildFailed, time.Second)
	broken.Description = ".oore.yaml line 3, column 1: unknown key comands"
	unplaced := pipelineReport("iOS", 146, core.BuildFailed, time.Second)
	unplaced.FirstError = &core.Annotation{Level: core.LevelError, Message: "No profiles for 'dev.acme.shop' were found"}
	local := pipelineReport("Local", 147, core.BuildFailed, time.Second)
	local.FirstError = &core.Annotation{Path: "lib/main.dart", Line: 3, Level: core.LevelError, Message: "Expected ';' after this."}
	return map[string]core.Comment{
		"green": commentOf(pipelineReport("Android release", 142, core.BuildSucceeded, 371*time.Second),
			pipelineReport("Checks", 143, core.BuildSucceeded, 100*time.Second)),
		"artifacts":    commentOf(made),
		"install":      commentOf(toInstall, inside),
		"green_one":    commentOf(pipelineReport("Checks", 143, core.BuildSucceeded, 9*time.Second)),
		"red":          commentOf(red, pipelineReport("Checks", 143, core.BuildSucceeded, 100*time.Second), broken),
		"first_errors": commentOf(unplaced, local),
		"running": commentOf(pipelineReport("Android release", 142, core.BuildRunning, 0),
			pipelineReport("Checks", 143, core.BuildQueued, 0), pipelineReport("iOS", 144, core.BuildAssigned, 0)),
		"canceled": commentOf(canceled, pipelineReport("Checks", 145, core.BuildExpired, 0),
			pipelineReport("iOS", 146, core.BuildSucceeded, time.Hour)),
		"timed_out": commentOf(pipelineReport("Android release", 142, core.BuildTimedOut, time.Hour)),
		"hostile":   commentOf(hostileReport()),
	}
}

func TestCommentGolden(t *testing.T) {
	for name, c := range comments() {
		got := Comment(c)
		golden := filepath.Join("testdata", "comment_"+name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s; go test -update, then look at the difference:\n%s", name, golden, got)
		}
	}
}

func TestCommentStartsWithItsMarker(t *testing.T) {
	for name, c := range comments() {
		got := Comment(c)
		if !strings.HasPrefix(got, CommentMarker+"\n") || strings.Count(got, CommentMarker) != 1 && name != "hostile" {
			t.Errorf("%s: %.60q", name, got)
		}
	}
}

// outside is the comment without what a Markdown reader takes for fenced code, and
// how many back-ticks each fence has.
func outside(comment string) (text string, fences []int) {
	var kept []string
	open := ""
	for _, line := range strings.Split(comment, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case open == "" && len(ticks) >= 3:
			open, fences = ticks, append(fences, len(ticks))
		case open == "":
			kept = append(kept, line)
		case len(ticks) >= len(open) && strings.TrimSpace(line) == ticks:
			open = ""
		}
	}
	return strings.Join(kept, "\n"), fences
}

func TestCommentCannotBeBrokenOutOf(t *testing.T) {
	checkInert(t, Comment(commentOf(hostileReport(), hostileReport())), 2)
}

// checkInert fails the test if hostile reports with so many tails did what they want.
func checkInert(t *testing.T, got string, tails int) {
	t.Helper()
	outside, fences := outside(got)
	outside = strings.ReplaceAll(outside, `\]`, "") // ends no link
	if !slices.Equal(fences, slices.Repeat([]int{7}, tails)) {
		t.Errorf("the fences must be longer than six back-ticks: %v", fences)
	}
	for _, bad := range []string{"<img", "<script", "onerror=alert(1)>", "](https://evil", "](x)", "Expected", "@everyone"} {
		if strings.Contains(outside, bad) {
			t.Errorf("%q stands outside of the fence:\n%s", bad, outside)
		}
	}
	if n := strings.Count(outside, "<details>"); n != tails || strings.Count(outside, "</details>") != n {
		t.Errorf("%d folds, %d ends", n, strings.Count(outside, "</details>"))
	}
	for i, line := range strings.Split(got, "\n") {
		if strings.HasPrefix(line, "/") {
			t.Errorf("line %d is a command: %q", i, line)
		}
		if strings.HasPrefix(line, "| [") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
			t.Errorf("line %d is no row of four cells: %q", i, line)
		}
	}
	if regexp.MustCompile(`@[^` + joiner + `]`).MatchString(got) {
		t.Error("somebody is mentioned")
	}
	for _, r := range got {
		if r != '\n' && string(r) != joiner && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("the invisible %U stands in the comment", r)
		}
	}
	if !utf8.ValidString(got) {
		t.Error("no UTF-8")
	}
	for _, want := range []string{"[U+202E]", "[U+200B]", "red and link", "\ndone\n", "Expected: <2>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
}

func TestCommentFitsIntoALimit(t *testing.T) {
	long := strings.Repeat("\u202e", 16<<10)
	for _, n := range []int{1, 30, 200, 1000} {
		var reports []core.Report
		for i := range n {
			r := hostileReport()
			r.Build.Number = i + 1
			r.Pipeline.Name = strings.Repeat("\u202e|", 200)
			if i < 30 { // more of them would only make the test slow
				r.Tail = slices.Repeat([]string{long}, 30)
			}
			reports = append(reports, r)
		}
		got := Comment(commentOf(reports...))
		if size := utf8.RuneCountInString(got); size > commentLimit {
			t.Errorf("%d pipelines: %d characters", n, size)
		}
		if !strings.Contains(got, "#1]") || !strings.Contains(got, "<sub>") {
			t.Errorf("%d pipelines: cut in the middle", n)
		}
		if left := strings.Contains(got, " more | | | |"); left != (n > 30) {
			t.Errorf("%d pipelines: says that some were left out: %v", n, left)
		}
	}
}

func TestCommentWithoutBuilds(t *testing.T) {
	got := Comment(core.Comment{Number: 1})
	if !strings.HasPrefix(got, CommentMarker) {
		t.Errorf("got %q", got)
	}
}
