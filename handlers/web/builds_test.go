package web

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// many is a house with 120 builds of a branch, the newest first.
func many() *fake {
	f := filled()
	for i := range 120 {
		b := f.builds[0]
		b.ID, b.Branch, b.Number, b.CreatedAt = fmt.Sprint("x", i), "a&b", 1000-i, ago(time.Duration(i)*time.Second)
		f.builds = append(f.builds, b)
	}
	return f
}

var links = regexp.MustCompile(`href="(/builds\?[^"]*)" rel="(prev|next)"`)

// page is the rows of a list's page, first and last, and its links by rel.
func listed(t *testing.T, body string) (rows string, pages map[string]string) {
	t.Helper()
	pages = map[string]string{}
	for _, m := range links.FindAllStringSubmatch(body, -1) {
		pages[m[2]] = strings.ReplaceAll(m[1], "&amp;", "&")
	}
	ids := regexp.MustCompile(`data-row="(\w+)"`).FindAllStringSubmatch(body, -1)
	if len(ids) == 0 {
		return "none", pages
	}
	return fmt.Sprintf("%d: %s-%s", len(ids), ids[0][1], ids[len(ids)-1][1]), pages
}

func TestPagesOfTheListFollowEachOther(t *testing.T) {
	a := site(t, many(), owner(), "http://127.0.0.1:8787")
	path := "/builds?branch=a%26b"
	var seen []string
	for range 3 {
		_, body := get(t, a, path)
		rows, pages := listed(t, body)
		if seen = append(seen, rows); !strings.Contains(body, "120 builds") {
			t.Errorf("%s does not tell the total", path)
		}
		if path = pages["next"]; path != "" && !strings.Contains(path, "branch=a%26b") {
			t.Errorf("%s has lost the filter", path)
		}
	}
	if want := []string{"50: x0-x49", "50: x50-x99", "20: x100-x119"}; !reflect.DeepEqual(seen, want) || path != "" {
		t.Errorf("%v, then %q; want %v", seen, path, want)
	}
	_, body := get(t, a, "/builds?branch=a%26b&newer=1-x110")
	rows, pages := listed(t, body)
	if rows != "50: x60-x109" || !strings.Contains(body, `data-refresh="still"`) {
		t.Errorf("upwards: %s", rows)
	}
	_, body = get(t, a, pages["prev"])
	if rows, _ := listed(t, body); rows != "50: x10-x59" {
		t.Errorf("further up: %s", rows)
	}
	if answer, _ := get(t, a, "/builds?branch=a%26b&newer=1-x10"); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/builds?branch=a%26b" {
		t.Errorf("at the top: %d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
}

func TestBuildsAreFiltered(t *testing.T) {
	f := filled()
	for i := range f.builds {
		if f.builds[i].ID == "b137" {
			f.builds[i].TriggerUser = owner().Identity()
		}
	}
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for query, want := range map[string]string{
		"status=succeeded": "2: b139-b135", "project=p2": "1: b1-b1", "project=p1&pipeline=l2": "1: b138-b138", "event=manual": "1: b137-b137",
		"event=push": "10: b143-b1", "branch=feature/stripe-v3": "1: b139-b139", "mine=true": "1: b137-b137", "q=STRIPE": "1: b139-b139",
		"q=%23140": "1: b140-b140", "q=a1b2c3d": "10: b143-b1", "q=nothing+like+it": "none", "status=none": "10: b143-b1", "older=x&newer=1": "10: b143-b1",
	} {
		answer, body := get(t, a, "/builds?"+query)
		if rows, _ := listed(t, body); rows != want || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %s, want %s", query, answer.StatusCode, rows, want)
		}
	}
	_, body := get(t, a, "/builds?project=p1&pipeline=l1&branch=main&mine=true&q=%3Cscript%3E")
	for _, want := range []string{
		`href="/builds?branch=main&amp;mine=true&amp;q=%3Cscript%3E">Project: FlutterShop `, `href="/builds?branch=main&amp;mine=true&amp;project=p1&amp;q=%3Cscript%3E">Pipeline: Android release `,
		`>Text: &lt;script&gt; `, "among the newest 10,000", "No build matches these filters",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestATextMayBeANumberOrACommit(t *testing.T) {
	me := core.Actor{Kind: core.ActorUser, UserID: "u1"}
	for text, want := range map[string]core.BuildFilter{
		"#12":     {Number: 12, Newest: searchedBuilds},
		"#0":      {Text: "#0", Newest: searchedBuilds},
		"A1B2C3D": {SHAPrefix: "a1b2c3d"},
		"defaced": {Text: "defaced", Newest: searchedBuilds},
		"a1b2c3":  {Text: "a1b2c3", Newest: searchedBuilds},
	} {
		if got := buildFilter(templates.BuildsFilter{Text: text}, me); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := buildFilter(templates.BuildsFilter{Text: "#12", Project: "p1", Mine: true}, me); got.Number != 12 || got.Newest == 0 || got.TriggerUser != "user:u1" {
		t.Errorf("%+v", got)
	}
}
