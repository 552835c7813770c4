package github_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// asked counts the answered requests for a path of the API, by status.
func (w *world) asked(path string) map[int]int {
	out := map[int]int{}
	for _, r := range w.Requests() {
		if r.Path == path {
			out[r.Status]++
		}
	}
	return out
}

func TestHeadsAreTheEventsThatWouldHaveComeOfThem(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	feature := w.git.Commit("feature/cart", map[string]string{"cart": "1"}, "Cart")
	fork := w.git.PullCommit(8, map[string]string{"x": "1"}, "From a fork")
	w.git.Commit("gh-readonly-queue/main/pr-7-"+w.head, nil, "Queue")
	w.git.Tag("v1", w.head, "")
	w.git.Tag("v2", feature, "An annotated one")
	heads := map[string][]byte{
		"main":         w.PushPayload(w.repo, "main", "", w.head),
		"feature/cart": w.PushPayload(w.repo, "feature/cart", "", feature),
		"v1":           w.TagPayload(w.repo, "v1"),
		"v2":           w.TagPayload(w.repo, "v2"),
		"#7":           w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: 7, Title: "Cart", Author: "mona", HeadBranch: "feature/cart", HeadSHA: feature, Draft: true}),
		"#8":           w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: 8, Author: "hubot", HeadBranch: "main", HeadSHA: fork, Fork: true}),
		"#9":           w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: 9, HeadBranch: "main", HeadSHA: fork, ForkGone: true}),
	}
	w.PullRequestPayload("closed", w.repo, githubtest.Pull{Number: 10, HeadBranch: "main", HeadSHA: w.head})
	got, err := f.Heads(t.Context(), w.coreRepository())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range got {
		name, event := e.Branch+e.Tag, "push"
		if e.PullRequest != nil {
			name, event = fmt.Sprintf("#%d", e.PullRequest.Number), "pull_request"
		}
		names = append(names, name)
		if heads[name] == nil {
			continue
		}
		want := decode(t, event, heads[name])
		// What only the commit or the push tells.
		want.Message, want.Author, want.Paths, want.PathsComplete = "", "", nil, false
		if event == "push" {
			want.Actor = ""
		}
		if !reflect.DeepEqual(e, want) {
			t.Errorf("%s: %+v %+v\nwant %+v %+v", name, e, e.PullRequest, want, want.PullRequest)
		}
	}
	slices.Sort(names)
	if want := []string{"#7", "#8", "#9", "feature/cart", "main", "v1", "v2"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestUnchangedHeadsCostNothing(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.open(t, 3)
	const branches, pulls = "/repos/acme/shop/branches", "/repos/acme/shop/pulls"
	survey := func() []core.Event {
		t.Helper()
		heads, err := f.Heads(t.Context(), w.coreRepository())
		if err != nil {
			t.Fatal(err)
		}
		return heads
	}
	first := survey()
	first[1].PullRequest.Number = 99 // the caller's own
	for range 2 {
		if again := survey(); len(again) != 2 || again[0].SHA != w.head || again[1].PullRequest.Number != 3 {
			t.Errorf("unchanged, and other heads: %+v", again)
		}
	}
	if b, p := w.asked(branches), w.asked(pulls); b[200] != 1 || b[304] != 2 || p[200] != 1 || p[304] != 2 {
		t.Errorf("branches %v, pulls %v", b, p)
	}
	newer := w.git.Commit("main", map[string]string{"x": "y"}, "Newer")
	if got := survey(); got[0].SHA != newer {
		t.Errorf("a newer head is not seen: %+v", got)
	}
	if b, p := w.asked(branches), w.asked(pulls); b[200] != 2 || p[304] != 3 {
		t.Errorf("branches %v, pulls %v", b, p)
	}
	// A new token makes other tags on GitHub; nothing but the saving gets lost.
	w.RevokeTokens()
	if _, err := f.Heads(t.Context(), w.coreRepository()); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("revoked: %v", err)
	}
	if got := survey(); len(got) != 2 || got[0].SHA != newer {
		t.Errorf("with a new token: %+v", got)
	}
}

func TestHeadsOfManyPages(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for i := range 100 {
		w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: i + 1, HeadBranch: "main", HeadSHA: w.head})
	}
	count := func() int {
		heads, err := f.Heads(t.Context(), w.coreRepository())
		if err != nil {
			t.Fatal(err)
		}
		return len(heads) - 1 // main
	}
	if n := count(); n != 100 {
		t.Errorf("%d pull requests on one full page", n)
	}
	for i := 100; i < 230; i++ {
		w.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: i + 1, HeadBranch: "main", HeadSHA: w.head})
	}
	for range 2 {
		if n := count(); n != 230 {
			t.Errorf("%d pull requests on three pages", n)
		}
	}
}

// A full page may stay the same while a page comes after it.
func TestANewPageBehindAnUnchangedOne(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for i := range 99 {
		w.git.Branch(fmt.Sprintf("b%02d", i), w.head)
	}
	heads, err := f.Heads(t.Context(), w.coreRepository())
	if err != nil || len(heads) != 100 {
		t.Fatalf("%d heads, %v", len(heads), err)
	}
	w.git.Branch("zzz", w.base)
	heads, err = f.Heads(t.Context(), w.coreRepository())
	if err != nil || len(heads) != 101 || heads[100].Branch != "zzz" {
		t.Errorf("%d heads, %v", len(heads), err)
	}
	if got := w.asked("/repos/acme/shop/branches"); got[304] != 1 {
		t.Errorf("the first page has changed, so this shows nothing: %v", got)
	}
}

func TestHeadsThatCannotBeSeen(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	empty := w.AddRepository("acme/empty", true, githubtest.NewGitRepo(t).Dir)
	repo := w.coreRepository()
	repo.FullName, repo.ExternalID = "acme/empty", fmt.Sprint(empty.ID)
	if heads, err := f.Heads(t.Context(), repo); err != nil || len(heads) != 0 {
		t.Errorf("an empty repository: %v, %v", heads, err)
	}
	repo.FullName = "acme/gone"
	_, err := f.Heads(t.Context(), repo)
	wantError(t, "gone", err, core.KindNotFound, core.CodeNotFound)
	for _, list := range []string{"/branches", "/pulls"} {
		w.Fail(func(r *http.Request) *githubtest.Failure {
			if strings.HasSuffix(r.URL.Path, list) {
				return &githubtest.Failure{Truncate: true}
			}
			return nil
		})
		heads, err := f.Heads(t.Context(), w.coreRepository())
		wantError(t, list+" that break off", err, core.KindUnavailable, core.CodeUnavailable)
		if heads != nil {
			t.Errorf("half a list: %v", heads)
		}
		w.Heal()
	}
}
