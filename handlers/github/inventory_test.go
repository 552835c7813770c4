package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

func inventory(t *testing.T, w *world) []core.Inventory {
	t.Helper()
	all, err := newRoom(t, w.made(w.App, "a")).Inventory(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInventory(t *testing.T) {
	w := newWorld(t)
	public := w.AddRepository("globex/app", false, w.git.Dir)
	w.AddRepository("globex/old", false, w.git.Dir)
	w.Archive("globex/old")
	all := inventory(t, w)
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	want := core.Installation{
		IntegrationID: "a", ExternalID: w.repo.InstallationID, Account: "acme", AccountType: "Organization", All: true,
		SettingsURL: fmt.Sprintf("%s/organizations/acme/settings/installations/%d", w.URL(), w.repo.InstallationID),
	}
	if got := all[0].Installation; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := all[0].Repositories; len(got) != 1 || got[0] != w.known("a") {
		t.Errorf("got  %+v\nwant %+v", got, w.known("a"))
	}
	if got := all[1].Repositories; len(got) != 1 || got[0].FullName != "globex/app" || got[0].Private || got[0].InstallationID != public.InstallationID {
		t.Errorf("got %+v", got)
	}
}

func TestInventoryOfManyPages(t *testing.T) {
	w := newWorld(t)
	for i := range 249 {
		w.AddRepository(fmt.Sprintf("acme/r%d", i), true, w.git.Dir)
	}
	for i := range 100 {
		w.Install(fmt.Sprintf("account-%d", i))
	}
	all := inventory(t, w)
	if len(all) != 101 || len(all[0].Repositories) != 250 {
		t.Fatalf("%d installations, %d repositories", len(all), len(all[0].Repositories))
	}
	names := map[string]bool{}
	for _, r := range all[0].Repositories {
		names[r.FullName] = true
	}
	if len(names) != 250 {
		t.Errorf("%d names", len(names))
	}
}

func TestInventoryTellsWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	w.SetPermission(w.repo.InstallationID, "checks", "read")
	w.SetPermission(w.repo.InstallationID, "merge_queues", "")
	w.SetPermission(w.repo.InstallationID, "contents", "write") // more than we need
	w.SetEvents(w.repo.InstallationID, "push", "pull_request", "issue_comment", "pull_request_review", "check_run", "repository", "label")
	got := inventory(t, w)[0].Missing
	if want := []string{"checks: write", "merge_queues: read", "event check_suite", "event merge_group"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInventoryOfASuspendedInstallation(t *testing.T) {
	w := newWorld(t)
	w.AddRepository("globex/app", true, w.git.Dir)
	w.Suspend(w.repo.InstallationID)
	all := inventory(t, w)
	if len(all) != 2 || !all[0].Suspended || len(all[0].Repositories) != 0 || all[1].Suspended || len(all[1].Repositories) != 1 {
		t.Errorf("%+v", all)
	}
	if n := w.TokensMinted(); n != 1 {
		t.Errorf("%d tokens: the suspended one was asked", n)
	}
}

// Between the list of installations and the question to one of them all can happen.
func TestInventoryWhileInstallationsChange(t *testing.T) {
	for name, change := range map[string]func(*world){
		"uninstalled": func(w *world) { w.Uninstall(w.repo.InstallationID) },
		"suspended":   func(w *world) { w.Suspend(w.repo.InstallationID) },
	} {
		w := newWorld(t)
		other := w.AddRepository("globex/app", true, w.git.Dir)
		minting := fmt.Sprintf("/app/installations/%d/access_tokens", w.repo.InstallationID)
		w.Fail(func(r *http.Request) *githubtest.Failure {
			if strings.HasSuffix(r.URL.Path, minting) {
				change(w)
			}
			return nil
		})
		all := inventory(t, w)
		if last := all[len(all)-1]; last.ExternalID != other.InstallationID || len(last.Repositories) != 1 {
			t.Errorf("%s: %+v", name, all)
		}
		if name == "uninstalled" && len(all) != 1 || name == "suspended" && (len(all) != 2 || !all[0].Suspended) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// Half a list would make the other half look as if it were gone.
func TestInventoryIsWholeOrNone(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		w.AddRepository(fmt.Sprintf("acme/r%d", i), true, w.git.Dir)
	}
	w.Fail(func(r *http.Request) *githubtest.Failure {
		if r.URL.Query().Get("page") == "2" {
			return &githubtest.Failure{Status: 502}
		}
		return nil
	})
	all, err := newRoom(t, w.made(w.App, "a")).Inventory(t.Context(), "a")
	wantError(t, "the second page fails", err, core.KindUnavailable, core.CodeUnavailable)
	if all != nil {
		t.Errorf("%d installations all the same", len(all))
	}
}

func TestInspect(t *testing.T) {
	w := newWorld(t)
	w.Name = "Oore of the test"
	c := w.made(w.App, "a")
	c.Name, c.Host, c.APIURL, c.Trouble = "", "", "", "github.com knows no App 1 with this key"
	got, err := github.New(github.Options{}).Inspect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	want := w.made(w.App, "a")
	want.Name, want.Slug = "Oore of the test", w.Slug
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestInspectSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name    string
		change  func(*core.Connection)
		failure githubtest.Failure
		kind    core.Kind
		setting string
	}{
		{"another key", func(c *core.Connection) { c.Secrets.PrivateKey = string(otherKey(t)) }, githubtest.Failure{}, core.KindInvalid, "OORE_GITHUB_APP_PRIVATE_KEY"},
		{"another App", func(c *core.Connection) { c.ExternalID = "5" }, githubtest.Failure{}, core.KindInvalid, "OORE_GITHUB_APP_ID"},
		{"another API", func(c *core.Connection) { c.APIURL = w.URL() + "/" }, githubtest.Failure{}, core.KindInvalid, "OORE_GITHUB_APP_ID"},
		{"no API", nil, githubtest.Failure{Status: 200, Body: `{"hello":"world"}`}, core.KindInvalid, "OORE_GITHUB_API_URL"},
		{"down", nil, githubtest.ServerError(502), core.KindUnavailable, "try again"},
		{"broken", nil, githubtest.Failure{Drop: true}, core.KindUnavailable, "try again"},
	}
	for _, tt := range tests {
		for _, origin := range []core.Origin{core.OriginEnvironment, core.OriginWeb} {
			c := w.made(w.App, "a")
			c.Origin = origin
			if tt.change != nil {
				tt.change(&c)
			}
			if tt.failure.Status != 0 || tt.failure.Drop {
				w.Fail(func(*http.Request) *githubtest.Failure { return &tt.failure })
			}
			_, err := github.New(github.Options{}).Inspect(t.Context(), c)
			w.Heal()
			if err == nil || core.KindOf(err) != tt.kind {
				t.Errorf("%s: kind %d, %v", tt.name, core.KindOf(err), err)
				continue
			}
			if named := strings.Contains(err.Error(), "OORE_"); named != (origin == core.OriginEnvironment && strings.HasPrefix(tt.setting, "OORE_")) {
				t.Errorf("%s, %s: %v", tt.name, origin, err)
			}
			if origin == core.OriginEnvironment && !strings.Contains(err.Error(), tt.setting) {
				t.Errorf("%s: %v does not name %s", tt.name, err, tt.setting)
			}
		}
	}
}
