package runner

import (
	"errors"
	"testing"
	"time"
)

func TestAShimThatHearsNothingMoreEndsTheBuild(t *testing.T) {
	b := testBuild(t)
	mark := newMark(t)
	b.shim.arm()
	b.shim.keep(Uptime() + time.Hour)
	ended := make(chan error, 1)
	go func() {
		_, err := b.shim.run(t.Context(), command{argv: []string{"/bin/sh", "-c", "setsid sh -c 'sleep 300; : " + mark + "' & sleep 300; : " + mark}})
		ended <- err
	}()
	waitFor(t, "the command runs", func() bool { return len(marked(t, mark)) > 0 })
	b.shim.keep(Uptime() + 100*time.Millisecond)
	select {
	case err := <-ended:
		if !errors.Is(err, errLeaseLost) {
			t.Errorf("the command ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the command goes on")
	}
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("%d processes are left", len(left))
	}
}

// A shim serves build after build, and is ended neither while a build may go on nor
// between two.
func TestAShimThatIsKeptOrIdleLives(t *testing.T) {
	b := testBuild(t)
	sh := func(script string) {
		t.Helper()
		if end, err := b.shim.run(t.Context(), command{argv: []string{"/bin/sh", "-c", script}}); err != nil || end.Code != 0 {
			t.Fatalf("%q: %+v, %v", script, end, err)
		}
	}
	for range 2 {
		b.shim.arm()
		b.shim.keep(Uptime() + 2*time.Second) // a machine that is busy needs time
		b.shim.keep(Uptime() + time.Hour)
		sh("sleep 3")
		if err := b.shim.stop(0); err != nil {
			t.Fatal(err)
		}
		b.shim.keep(Uptime()) // of a courier that has not heard of the end
		time.Sleep(50 * time.Millisecond)
	}
	b.shim.arm()
	b.shim.keep(Uptime() + 2*time.Second)
	if err := b.shim.stop(0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	sh("true")
}

// Where the program was replaced while an older one works, its "keep" was a span of time:
// taken for a moment it had passed long ago.
func TestAShimLeavesTheWordsOfAnotherVersionAlone(t *testing.T) {
	b := testBuild(t)
	for _, word := range []map[string]any{{"keep": time.Millisecond}, {"something": "new"}} {
		if err := writeFrame(b.shim.conn, word); err != nil {
			t.Fatal(err)
		}
	}
	if end, err := b.shim.run(t.Context(), command{argv: []string{"/bin/sh", "-c", "sleep 0.5"}}); err != nil || end.Code != 0 {
		t.Errorf("the command ended with %+v, %v", end, err)
	}
}
