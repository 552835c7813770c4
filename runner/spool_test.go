package runner

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ended is a build whose processes are gone, with something still to say.
func ended(ctx context.Context, p *Pool, job core.Job) *courier {
	b := &build{shim: &shim{}, pool: p, lines: p.log, job: job, began: true, log: newJournal(0, 1<<20)}
	for n := range 3 {
		b.log.system("build-1", "word %d", n)
	}
	b.log.report(core.Step{BuildID: job.Build.ID, Index: 1, Name: "build-1", Status: core.StepSucceeded})
	return newCourier(ctx, b)
}

func away(string) error { return core.Errorf(core.KindUnavailable, "the house is away") }

// submitted is a build that the house has given to a runner.
func submitted(h *house, id string) core.Job {
	job := core.Job{Lease: core.Lease{BuildID: id, Token: "lease-" + id}, Build: core.Build{ID: id}}
	h.submit(job)
	h.ledger(id).status = core.BuildRunning
	return job
}

func TestAResultWaitsForADayAndNoLonger(t *testing.T) {
	for away24, want := range map[time.Duration]core.BuildStatus{70 * time.Minute: core.BuildSucceeded, 23 * time.Hour: core.BuildSucceeded, 25 * time.Hour: core.BuildRunning} {
		synctest.Test(t, func(t *testing.T) {
			house := newHouse()
			job := submitted(house, "b1")
			house.setFault(away)
			p := &Pool{jobs: house, log: quiet(), uptime: bubbleTime(), spool: spool{filepath.Join(t.TempDir(), "spool")}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := ended(ctx, p, job)
			var group sync.WaitGroup
			c.start(&group, func(error) {})
			c.finish(&group, core.Result{Status: core.BuildSucceeded})
			time.Sleep(away24)
			house.setFault(nil)
			group.Wait()
			if got := house.ledger("b1").status; got != want {
				t.Errorf("after %s the build is %s, want %s", away24, got, want)
			}
			if left, err := p.spool.list(); err != nil || len(left) > 0 {
				t.Errorf("after %s %d are kept, %v", away24, len(left), err)
			}
		})
	}
}

// A runner that was killed, or whose machine was started again, while the server was away
// lost what it had built.
func TestARestartedPoolTellsFirstHowABuildEnded(t *testing.T) {
	house := newHouse()
	job := submitted(house, "b1")
	dir := filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		house.setFault(away)
		p := &Pool{jobs: house, log: quiet(), uptime: bubbleTime(), spool: spool{dir}}
		ctx, kill := context.WithCancel(t.Context())
		c := ended(ctx, p, job)
		var group sync.WaitGroup
		c.start(&group, func(error) {})
		time.Sleep(time.Second)
		c.b.log.system("build-2", "the last word") // the first ones are under way
		c.finish(&group, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "build-2 failed"})
		time.Sleep(time.Second)
		kill()
		group.Wait()
	})
	kept, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	if info, err := os.Stat(kept[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("it is %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "new-1"), []byte(`{"Lea`), 0o600); err != nil {
		t.Fatal(err)
	}
	house.setFault(nil)
	p := &Pool{jobs: house, log: quiet(), uptime: Uptime, spool: spool{dir}}
	p.tellKept(t.Context())
	l := house.ledger("b1")
	var said []string
	for _, r := range l.records {
		said = append(said, string(r.Content))
	}
	if want := []string{"word 0", "word 1", "word 2", "the last word"}; !slices.Equal(said, want) {
		t.Errorf("the log is %q, want %q", said, want)
	}
	if l.result.Message != "build-2 failed" || l.steps[1].Status != core.StepSucceeded {
		t.Errorf("the result is %+v, the steps are %+v", l.result, l.steps)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// What the house has given to somebody else is forgotten.
func TestAnEndThatIsRefusedIsNotKept(t *testing.T) {
	house := newHouse()
	submitted(house, "b1")
	p := &Pool{jobs: house, log: quiet(), uptime: Uptime, spool: spool{t.TempDir()}}
	if err := p.spool.put(spooled{Lease: core.Lease{BuildID: "b1", Token: "an older one"}, Ended: time.Now(), Began: true, Result: core.Result{Status: core.BuildSucceeded}}); err != nil {
		t.Fatal(err)
	}
	p.tellKept(t.Context())
	if got := house.ledger("b1").status; got != core.BuildRunning {
		t.Errorf("the build is %s", got)
	}
	if left, err := p.spool.list(); err != nil || len(left) > 0 {
		t.Errorf("%d are kept, %v", len(left), err)
	}
}

// onTime is a house that hears nothing of a call whose time is over.
type onTime struct{ *house }

func (h onTime) Finish(ctx context.Context, l core.Lease, r core.Result) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return h.house.Finish(ctx, l, r)
}

// After a weekend for which the machine was off, or with a clock that was wrong, a result
// was deleted without a word to the house, which still waited for it.
func TestAnEndOfLongAgoIsToldToo(t *testing.T) {
	house := newHouse()
	pool, err := newPool(Options{Jobs: onTime{house}, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: quiet(), Spool: true})
	if err != nil {
		t.Fatal(err)
	}
	w := spooled{Lease: submitted(house, "b1").Lease, Ended: time.Now().Add(-48 * time.Hour), Began: true, Result: core.Result{Status: core.BuildSucceeded}}
	<-house.queue // nobody shall take it
	if err := pool.spool.put(w); err != nil {
		t.Fatal(err)
	}
	runPool(t, pool)
	waitFor(t, "the pool asks for work", func() bool { return house.letGo("b1") })
	mustEnd(t, house.ledger("b1"), core.BuildSucceeded, "", "")
	if left, err := pool.spool.list(); err != nil || len(left) > 0 {
		t.Errorf("%d are kept, %v", len(left), err)
	}
}

// An end with single tests, refused, had no log in which to say so.
func TestAnEndWithTestsThatIsRefusedIsSaid(t *testing.T) {
	house := newHouse()
	submitted(house, "b1")
	var said bytes.Buffer
	p := &Pool{jobs: house, log: slog.New(slog.NewTextHandler(&said, nil)), uptime: Uptime, spool: spool{t.TempDir()}}
	w := spooled{Lease: core.Lease{BuildID: "b1", Token: "an older one"}, Ended: time.Now(), Began: true, Cases: []core.TestCase{{Name: "adds"}}, Result: core.Result{Status: core.BuildSucceeded}}
	if err := p.spool.put(w); err != nil {
		t.Fatal(err)
	}
	p.tellKept(t.Context())
	for _, message := range []string{"record a build", "a build's end was not taken"} {
		if !strings.Contains(said.String(), message) {
			t.Errorf("the log does not say %q:\n%s", message, said.String())
		}
	}
}

// Ends were told one after another, and no lease was renewed meanwhile: behind one that the
// house could not take, all were lost.
func TestAnEndThatIsNotTakenKeepsNoOtherWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := newHouse()
		p := &Pool{jobs: house, log: quiet(), uptime: bubbleTime(), spool: spool{t.TempDir()}}
		ids := []string{"b1", "b2", "b3", "b4"}
		for i, id := range ids {
			w := spooled{Lease: submitted(house, id).Lease, TTL: time.Minute, Ended: time.Now(), Began: true, Result: core.Result{Status: core.BuildSucceeded}}
			if i == 0 {
				w.Records = []core.LogRecord{{Step: "build-1", Stream: core.StreamSystem, Content: []byte("a word"), Time: time.Now()}}
			}
			if err := p.spool.put(w); err != nil {
				t.Fatal(err)
			}
		}
		renewed := time.Now()
		house.setFault(func(call string) error {
			if call == "renew" {
				renewed = time.Now()
			}
			if call == "append" && time.Since(renewed) > time.Minute {
				t.Errorf("the lease has ended")
			}
			if call == "append" {
				return errors.New("the house has a defect")
			}
			return nil
		})
		told := make(chan struct{})
		go func() {
			defer close(told)
			p.tellKept(t.Context())
		}()
		time.Sleep(4 * time.Minute)
		for _, id := range ids[1:] {
			if got := house.ledger(id).status; got != core.BuildSucceeded {
				t.Errorf("build %s is %s", id, got)
			}
		}
		house.setFault(nil)
		<-told
		if got := house.ledger("b1").status; got != core.BuildSucceeded {
			t.Errorf("the build that was not taken is %s", got)
		}
	})
}

// A result that could not be read, for want of open files say, was deleted.
func TestOnlyWhatIsBrokenIsDeletedUnread(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data [1]")
	s := spool{dir}
	if err := s.put(spooled{Lease: core.Lease{BuildID: "b1"}}); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"new-1": `{"Lea`, "broken.json": `{"Lea`, "empty.json": `{}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "unreadable.json"), 0o700); err != nil { // reading it fails, for root too
		t.Fatal(err)
	}
	kept, err := s.list()
	if err == nil || len(kept) != 1 || kept[0].Lease.BuildID != "b1" {
		t.Errorf("kept are %+v, %v", kept, err)
	}
	files, err := os.ReadDir(dir)
	var left []string
	for _, f := range files {
		left = append(left, f.Name())
	}
	if want := []string{filepath.Base(s.path("b1")), "unreadable.json"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left are %q, %v, want %q", left, err, want)
	}
}
