package localgit

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// house is a watcher's surroundings: what is linked, and what was received.
type house struct {
	*Watcher
	t        *testing.T
	linked   []core.Repository
	received []app.ReceiveDelivery
	refuse   error
}

func newHouse(t *testing.T, paths ...string) *house {
	h := &house{t: t}
	for _, path := range paths {
		h.link(path, time.Unix(0, 0))
	}
	h.Watcher = NewWatcher(
		func(_ context.Context, d app.ReceiveDelivery) error {
			if h.refuse == nil {
				h.received = append(h.received, d)
			}
			return h.refuse
		},
		func(context.Context) ([]core.Repository, error) { return h.linked, nil },
		time.Millisecond, quiet(),
	)
	return h
}

func (h *house) link(path string, at time.Time) {
	h.linked = append(h.linked, core.Repository{Provider: core.ProviderGit, ExternalID: path, CloneURL: path, CreatedAt: at})
}

// news looks once and returns what came, as "ref before after", shortened.
func (h *house) news() []string {
	h.t.Helper()
	h.received = nil
	if err := h.look(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return shortly(h.t, h.received)
}

func shortly(t *testing.T, received []app.ReceiveDelivery) []string {
	t.Helper()
	var all []string
	for _, d := range received {
		var p push
		if err := json.Unmarshal(d.Payload, &p); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Join([]string{p.Ref, p.Before[:7], p.After[:7]}, " "))
	}
	return all
}

func (h *house) expect(what string, want ...string) {
	h.t.Helper()
	if got := h.news(); !reflect.DeepEqual(got, want) {
		h.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

const zeros = "0000000"

func TestTheWatcherSeesWhatMoves(t *testing.T) {
	for _, kind := range []string{"work tree", "bare", "linked worktree"} {
		t.Run(kind, func(t *testing.T) {
			r := newRepo(t)
			one := r.commit("one")
			r.git("branch", "old")
			path, publish := r.dir, func() {}
			switch kind {
			case "bare":
				path = r.bare()
				publish = func() {
					r.git("push", "--quiet", "--force", "--prune", "origin", "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
				}
			case "linked worktree":
				path = filepath.Join(t.TempDir(), "linked")
				r.git("worktree", "add", "--quiet", "--detach", path)
			}
			h := newHouse(t, path, "https://host/x.git")
			h.expect("the first look takes notes")
			h.expect("nothing moved")

			two := r.commit("two")
			publish()
			h.expect("a commit", "refs/heads/main "+one[:7]+" "+two[:7])
			h.expect("once")

			r.git("branch", "topic/a")
			r.git("tag", "light")
			r.git("tag", "-a", "v1", "-m", "annotated", one)
			r.git("tag", "-a", "v1-again", "-m", "a tag of a tag", "v1")
			r.git("tag", "-a", "files", "-m", "a tag of no commit", "main^{tree}")
			r.git("tag", "-a", "files-again", "-m", "a tag of that", "files")
			publish()
			h.expect("new branches and tags",
				"refs/heads/topic/a "+zeros+" "+two[:7], "refs/tags/light "+zeros+" "+two[:7],
				"refs/tags/v1 "+zeros+" "+one[:7], "refs/tags/v1-again "+zeros+" "+one[:7])

			r.git("branch", "-D", "old")
			publish()
			h.expect("a deletion is no push")
			r.git("branch", "old", one)
			r.git("tag", "--force", "light", one)
			publish()
			h.expect("what is made anew is new, and a tag may move", "refs/heads/old "+zeros+" "+one[:7], "refs/tags/light "+two[:7]+" "+one[:7])

			run(t, path, "pack-refs", "--all", "--prune")
			h.expect("packing moves nothing")
			r.git("reset", "--quiet", "--hard", one)
			publish()
			h.expect("a forced push", "refs/heads/main "+two[:7]+" "+one[:7])
		})
	}
}

func TestADeliverySaysWhatTheDecoderNeeds(t *testing.T) {
	r := newRepo(t)
	one := r.commit("one")
	h := newHouse(t, r.dir)
	h.expect("notes")
	two := r.commit("two\n\nbody [skip ci]")
	r.git("tag", "v1")
	h.news()
	if len(h.received) != 2 {
		t.Fatalf("received %d", len(h.received))
	}
	branch, tag := h.received[0], h.received[1]
	if branch.Provider != core.ProviderGit || branch.Event != "push" || len(branch.DeliveryID) != 64 || branch.DeliveryID == tag.DeliveryID {
		t.Errorf("delivery %+v", branch)
	}
	want := `{"repository":"` + r.dir + `","ref":"refs/heads/main","before":"` + one + `","after":"` + two + `","message":"two\n\nbody [skip ci]","author":"Ann Ö"}`
	if string(branch.Payload) != want {
		t.Errorf("payload\n got %s\nwant %s", branch.Payload, want)
	}
	event, err := Decoder{}.Decode(branch.Event, branch.Payload)
	wantEvent := core.Event{
		Kind: core.EventPush, Provider: core.ProviderGit, RepositoryID: r.dir, RepositoryName: "shop", Ref: "refs/heads/main", Branch: "main",
		SHA: two, Before: one, Message: "two\n\nbody [skip ci]", Author: "Ann Ö", Actor: "Ann Ö",
	}
	if err != nil || !reflect.DeepEqual(event, wantEvent) {
		t.Errorf("%v\n got %+v\nwant %+v", err, event, wantEvent)
	}
	event, err = Decoder{}.Decode(tag.Event, tag.Payload)
	if err != nil || event.Kind != core.EventTag || event.Tag != "v1" || event.Branch != "" || event.SHA != two {
		t.Errorf("tag: %+v, %v", event, err)
	}
}

func TestTheDecoderOnOtherPayloads(t *testing.T) {
	sha := strings.Repeat("a", 40)
	for payload, code := range map[string]string{
		`{"repository":"/x","ref":"refs/notes/x","after":"` + sha + `"}`: core.WhyRefUnknown,
		`{"repository":"/x","ref":"HEAD","after":"` + sha + `"}`:         core.WhyRefUnknown,
	} {
		e, err := Decoder{}.Decode("push", []byte(payload))
		if err != nil || e.Ignored == nil || e.Ignored.Code != code {
			t.Errorf("%s: %+v, %v", payload, e, err)
		}
	}
	if e, err := (Decoder{}).Decode("ping", nil); err != nil || e.Ignored == nil || e.Ignored.Code != core.WhyEventUnknown {
		t.Errorf("ping: %+v, %v", e, err)
	}
	for _, payload := range []string{
		"", "{", "null", "[]", `{"repository":"/x","ref":"refs/heads/x","after":"abc"}`, `{"ref":"refs/heads/x","after":"` + sha + `"}`,
		`{"repository":"/x","ref":"refs/heads/x","after":"` + sha + `","extra":1}`,
	} {
		if _, err := (Decoder{}).Decode("push", []byte(payload)); core.KindOf(err) != core.KindInvalid {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestWhatWasNotReceivedIsHandedInAgain(t *testing.T) {
	r := newRepo(t)
	one := r.commit("one")
	h := newHouse(t, r.dir)
	h.expect("notes")
	two := r.commit("two")
	h.refuse = errors.New("the database is down")
	h.expect("refused")
	h.expect("refused again")
	h.refuse = nil
	h.expect("and taken", "refs/heads/main "+one[:7]+" "+two[:7])
	h.expect("once")
}

func TestAPushRightAfterTheLinkIsNotLost(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	bare := r.bare()
	past(t, bare)
	h := newHouse(t)
	h.started = time.Now().Add(-time.Hour)
	h.link(bare, time.Now().Add(-time.Minute))
	two := r.commit("two")
	r.git("branch", "before")
	r.git("push", "--quiet", "origin", "main")
	h.expect("moved between the link and the first look", "refs/heads/main "+zeros+" "+two[:7])

	restarted := newHouse(t, bare)
	restarted.linked[0].CreatedAt = time.Now().Add(-time.Minute)
	restarted.expect("a watcher that started after the link takes notes alone")
}

// past makes the repository's ref storage as old as if nobody had touched it for long.
func past(t *testing.T, gitDir string) {
	t.Helper()
	old := time.Now().Add(-24 * time.Hour)
	err := filepath.Walk(gitDir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAQuietRepositoryCostsNoProcess(t *testing.T) {
	r := newRepo(t)
	one := r.commit("one")
	past(t, filepath.Join(r.dir, ".git"))
	h := newHouse(t, r.dir)
	h.expect("notes")
	path := os.Getenv("PATH")
	t.Setenv("PATH", t.TempDir()) // no git to be found
	h.expect("nothing")
	if h.seen[r.dir].broken {
		t.Error("the watcher started git for a repository in which nothing moved")
	}
	t.Setenv("PATH", path)
	two := r.commit("two")
	t.Setenv("PATH", t.TempDir())
	h.expect("the move cannot be read")
	if !h.seen[r.dir].broken {
		t.Error("nobody noticed that git is gone")
	}
	t.Setenv("PATH", path)
	h.expect("now it can", "refs/heads/main "+one[:7]+" "+two[:7])
}

func TestEveryChangeOfRefsShows(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	r.git("branch", "topic/deep/a")
	gitDir := filepath.Join(r.dir, ".git")
	for _, change := range [][]string{
		{"commit", "--quiet", "--allow-empty", "--message", "x"},
		{"branch", "topic/deep/b"},
		{"branch", "--force", "topic/deep/a", "main"},
		{"tag", "v1"},
		{"pack-refs", "--all"},
		{"update-ref", "refs/heads/topic/deep/a", "main~1"},
		{"branch", "-D", "topic/deep/a"},
		{"tag", "-d", "v1"},
	} {
		past(t, gitDir)
		before := storageMark(gitDir, time.Now())
		if before == "" || before != storageMark(gitDir, time.Now()) {
			t.Fatalf("the mark of a quiet repository is not steady: %q", before)
		}
		now := time.Now()
		r.git(change...)
		if storageMark(gitDir, now) != "" {
			t.Errorf("git %v: what has just changed may change again unseen", change)
		}
		if storageMark(gitDir, now.Add(time.Hour)) == before {
			t.Errorf("git %v does not show", change)
		}
	}
}

func TestABrokenRepositoryDoesNotKeepTheOthersFromBeingSeen(t *testing.T) {
	r := newRepo(t)
	one := r.commit("one")
	missing := filepath.Join(t.TempDir(), "gone")
	h := newHouse(t, missing, r.dir)
	h.expect("notes")
	two := r.commit("two")
	h.expect("the other one", "refs/heads/main "+one[:7]+" "+two[:7])
	if !h.seen[missing].broken {
		t.Error("a missing folder was read")
	}
	h.linked = nil
	h.expect("nothing is linked")
	if len(h.seen) != 0 {
		t.Errorf("unlinked repositories are remembered: %v", h.seen)
	}
}

func TestRunLooksUntilItIsStopped(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	looks, moves := make(chan struct{}), make(chan app.ReceiveDelivery)
	ctx, stop := context.WithCancel(t.Context())
	w := NewWatcher(
		func(ctx context.Context, d app.ReceiveDelivery) error {
			select {
			case moves <- d:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		func(ctx context.Context) ([]core.Repository, error) {
			select {
			case looks <- struct{}{}:
			case <-ctx.Done():
			}
			return []core.Repository{{CloneURL: r.dir, ExternalID: r.dir}}, ctx.Err()
		},
		time.Millisecond, quiet(),
	)
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	<-looks
	<-looks // so the first look has ended
	two := r.commit("two")
	for {
		select {
		case <-looks:
			continue
		case d := <-moves:
			if !strings.Contains(string(d.Payload), two) {
				t.Errorf("payload %s", d.Payload)
			}
		}
		break
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}
