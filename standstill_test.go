package main

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// What the processes of a runner that was stopped did went on beside the run that took
// their place: nobody but the runner itself ended them.
func TestABuildOfARunnerThatStandsStillIsOverBeforeItIsRunAgain(t *testing.T) {
	t.Parallel()
	y := newYard(t, shortLease(t, "", 28*time.Second)) // of which two are left when its processes are killed
	one := newRemoteRunner(t, y.url, "one")
	t.Cleanup(func() { one.signal(syscall.SIGCONT) })
	y.waitRunner("one", "online")
	pipeline := y.script("Long", `(setsid sleep 600 &); echo ready; while [ ! -e `+y.notes+`.go ]; do echo $OORE_BUILD_ID >> `+y.notes+`; sleep 0.05; done`)
	first := y.trigger(pipeline)
	y.printed(first, "ready")
	one.signal(syscall.SIGSTOP)
	newRemoteRunner(t, y.url, "two")
	if lost := y.ended(first); lost.StatusReason != "runner_lost" {
		t.Fatalf("the build is %+v", lost)
	}
	if running := processesWith(t, "OORE_BUILD_ID="+first); len(running) > 0 {
		t.Errorf("it was given away while it ran: %v", running)
	}
	second := y.next(2)
	y.printed(second.ID, "ready")
	one.signal(syscall.SIGCONT)
	if err := writeFile(y.notes + ".go"); err != nil {
		t.Fatal(err)
	}
	y.mustSucceed(second.ID)
	notes := y.noted()
	if from := slices.Index(notes, second.ID); from < 0 || slices.Contains(notes[from:], first) {
		t.Errorf("the first build ran when the second did, or the second never: %v", slices.Compact(notes))
	}
	y.forget("two")
	y.mustSucceed(y.trigger(pipeline)) // the one that stood still takes builds again
	y.keepsPromises()
}
