package web

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/app/core"
)

// copies are the commands that the manual offers to copy.
func copies(body string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`data-copy="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		all = append(all, html.UnescapeString(m[1]))
	}
	return all
}

func TestTheManualHasEveryCommand(t *testing.T) {
	viewer := core.Actor{Kind: core.ActorUser, UserID: "u2", Name: "kim", Role: core.RoleViewer}
	answer, body := get(t, site(t, filled(), viewer, "http://127.0.0.1:8787"), "/commands")
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	_, table, _ := strings.Cut(body, "<tbody")
	rows := strings.Split(table, "<tr ")[1:]
	if len(rows) != len(core.CommandTable()) {
		t.Fatalf("%d rows for %d commands", len(rows), len(core.CommandTable()))
	}
	for i, c := range core.CommandTable() {
		row := html.UnescapeString(rows[i])
		for _, want := range []string{"<code>" + c.Usage + "</code>", c.Also, c.Meaning, c.Who, c.Where, `data-copy="` + c.Example + `"`} {
			if !strings.Contains(row, want) {
				t.Errorf("the row of %s lacks %s", c.Usage, want)
			}
		}
	}
	if !strings.Contains(body, "Commands must start a line") {
		t.Error("the manual does not say how commands are written")
	}
}

// What people copy from the manual works where it says so.
func TestEveryCommandOfTheManualIsRead(t *testing.T) {
	_, body := get(t, site(t, filled(), owner(), "http://127.0.0.1:8787"), "/commands")
	all := copies(body)
	if len(all) <= len(core.CommandTable()) {
		t.Fatalf("%d commands, no examples beside the table's", len(all))
	}
	for _, line := range all {
		_, inSlack := core.ParseLine(strings.TrimPrefix(line, "/oore "))
		found := core.ParseComment(line, nil)
		if len(found) != 1 {
			t.Errorf("%s is no command", line)
		} else if found[0].Err != nil && inSlack != nil {
			t.Errorf("%s: %v; in Slack: %v", line, found[0].Err, inSlack)
		}
	}
}

func TestTryingALine(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	for line, want := range map[string]string{
		"/oore retry": "Understood as <code>/oore retry</code>",
		"build  a,b":  "Understood as <code>/oore build a b</code>",
		"/oore link":  "Understood as <code>/oore link</code>",
		"/oore retyr": "Did you mean retry?",
		"/oore re":    `<a href="/commands?line=%2foore%20revoke">`,
		`"><b>x</b>`:  "&lt;b&gt;",
	} {
		_, body := get(t, a, "/commands?line="+url.QueryEscape(line))
		if !strings.Contains(body, want) || strings.Contains(body, "<b>x") {
			t.Errorf("%s: the page lacks %s", line, want)
		}
	}
}

func TestCopyingFromTheManual(t *testing.T) {
	address := serve(t, site(t, filled(), owner(), "http://127.0.0.1:8787"))
	b := browser(t)
	b.open(address + "/commands")
	b.script(`navigator.clipboard.writeText = async text => { document.body.dataset.got = text; }`)
	b.do(chromedp.Click(chromedp.CSS(`[data-copy="/oore retry failed"]`)))
	b.await(`document.getElementById("say").textContent === "Copied"`)
	if got := evaluate[string](b, `document.body.dataset.got`); got != "/oore retry failed" {
		t.Errorf("copied %q", got)
	}
	b.script(`navigator.clipboard.writeText = async () => { throw new Error("no") }`)
	b.do(chromedp.Click(chromedp.CSS(`[data-copy="/oore ping"]`)))
	b.await(`document.querySelector('[data-copy="/oore ping"]').textContent.startsWith("Not copied")`)
}

func TestLinkingASlackUser(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	const path = "/settings/slack/link/s1"
	answer, body := get(t, a, path)
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "<h1>Link your Slack user with sam?</h1>") || !strings.Contains(body, `<form method="post" action="`+path+`">`) {
		t.Errorf("the page does not ask: %d", answer.StatusCode)
	}
	kept := func(r *http.Response) bool {
		return r.Header.Get("Referrer-Policy") == "strict-origin" && r.Header.Get("Cache-Control") == "no-store"
	}
	looked, _ := do(t, a, httptest.NewRequest(http.MethodHead, path, nil))
	if !kept(answer) || !kept(looked) || looked.StatusCode != http.StatusOK || len(f.asked) > 0 {
		t.Errorf("who only looks gets %v and %v, and asked for %v", answer.Header, looked.Header, f.asked)
	}
	answer, body = post(t, a, path, nil)
	if answer.StatusCode != http.StatusOK || !kept(answer) || !strings.Contains(body, "<h1>Your Slack user is linked</h1>") || strings.Contains(body, "<form method=\"post\" action=\"/settings") {
		t.Errorf("%d %v: does not say that it worked", answer.StatusCode, answer.Header)
	}
	if !slices.Equal(f.asked, []string{"link s1 sam"}) {
		t.Errorf("asked for %v", f.asked)
	}
}

func TestARefusedLinkSaysWhatToDo(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, test := range []struct {
		err    error
		status int
		shows  string
	}{
		{core.Errorf(core.KindUnauthorized, "This link was used already"), 401, "This link was used already"},
		{core.Errorf(core.KindForbidden, "Sign in as a person"), 403, "Sign in as a person"},
	} {
		f.refuse = test.err
		answer, body := post(t, a, "/settings/slack/link/s1", nil)
		if answer.StatusCode != test.status || !strings.Contains(body, test.shows) || !strings.Contains(body, "Type <code>/oore link</code>") || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %d", test.err, answer.StatusCode)
		}
	}
	f.refuse = errors.New("SQL: near SELECT")
	if answer, body := post(t, a, "/settings/slack/link/s1", nil); answer.StatusCode != 500 || strings.Contains(body, "SQL") || !strings.Contains(body, "Reference") {
		t.Errorf("our own fault: %d", answer.StatusCode)
	}
}
