package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// placedView is a build with where it stands.
type placedView struct {
	buildView
	Queue *struct {
		Position       int
		Reason         struct{ Code, Text string }
		EstimatedStart int64 `json:"estimated_start"`
	}
	EstimatedEnd int64 `json:"estimated_end"`
}

// waits is "position code text" of a build that waits.
func (p *program) waits(id string) string {
	p.t.Helper()
	var b placedView
	p.must("GET", "/v1/builds/"+id, nil, &b)
	if b.Queue == nil {
		return "it is " + b.Status
	}
	return fmt.Sprintf("%d %s %s", b.Queue.Position, b.Queue.Reason.Code, b.Queue.Reason.Text)
}

func (p *program) waitsAs(id, want string) {
	p.t.Helper()
	got := ""
	eventually(p.t, want, func() bool {
		got = p.waits(id)
		return got == want
	})
}

func TestTheQueueTellsWhyABuildWaits(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=0").start())
		flag := t.TempDir() + "/go"
		slow := y.script("Slow", "echo up; while [ ! -e "+flag+" ]; do sleep 0.02; done")
		mac := y.script("Mac", "true", "macos", "xcode-16")
		limited := y.script("Limited", "true")
		y.must("PATCH", "/v1/pipelines/"+limited.ID, map[string]any{"concurrency": map[string]any{"max_concurrent": 1}}, nil)
		first, labeled := y.trigger(slow), y.trigger(mac)
		y.waitsAs(first, "1 no_runner Waits for a runner (none is connected).")
		y.waitsAs(labeled, "2 no_runner Waits for a runner with labels macos and xcode-16 (none is connected).")

		one := newRemoteRunner(t, y.url, "one", "--slots", "1", "--workspace-limit", "2MiB")
		y.printed(first, "up")
		second := y.trigger(slow)
		y.waitsAs(second, "2 slots_busy The only slot is busy.")
		y.waitsAs(labeled, "1 no_runner Waits for a runner with labels macos and xcode-16 (none is connected).")

		var queue struct {
			Waiting, Running []placedView
			WaitingTotal     int `json:"waiting_total"`
			RunningTotal     int `json:"running_total"`
		}
		y.must("GET", "/v1/queue", nil, &queue)
		if queue.WaitingTotal != 2 || queue.RunningTotal != 1 || len(queue.Waiting) != 2 || len(queue.Running) != 1 ||
			queue.Waiting[0].ID != labeled || queue.Waiting[1].ID != second || queue.Waiting[1].Queue.Position != 2 || queue.Running[0].ID != first {
			t.Errorf("the queue is %+v", queue)
		}
		var list struct{ Builds []placedView }
		y.must("GET", "/v1/builds?status=queued", nil, &list)
		if len(list.Builds) != 2 || list.Builds[0].Queue == nil || list.Builds[1].Queue == nil {
			t.Errorf("the list is %+v", list)
		}

		y.must("PATCH", "/v1/runners/"+y.runner("one").ID, map[string]any{"enabled": false}, nil)
		y.waitsAs(second, "2 runner_paused Runner one is paused.")
		y.must("PATCH", "/v1/runners/"+y.runner("one").ID, map[string]any{"enabled": true}, nil)
		one.signal(syscall.SIGTERM)
		y.waitsAs(second, "2 runner_draining Runner one is draining.")
		if err := writeFile(flag); err != nil {
			t.Fatal(err)
		}
		y.mustSucceed(first)
		if code := one.ended(); code != 0 {
			t.Errorf("the runner ended with %d", code)
		}
	})
}

// TestAPausedQueueKeepsBuildsFromEveryRunnerAndTheFirstGoesFirst restarts the server
// within a pause.
func TestAPausedQueueKeepsBuildsFromEveryRunnerAndTheFirstGoesFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=1").start())
		newRemoteRunner(t, y.url, "one", "--slots", "1")
		y.waitRunner("one", "online")
		var queue struct {
			Paused *struct{ By string }
		}
		y.must("POST", "/v1/queue/pause", nil, &queue)
		if queue.Paused == nil || queue.Paused.By == "" {
			t.Fatalf("the queue is %+v", queue)
		}
		flag := t.TempDir() + "/go"
		hold := y.script("Hold", "while [ ! -e "+flag+" ]; do sleep 0.02; done")
		note := func(name string) string {
			return y.trigger(y.script(name, "echo "+name+" >> "+y.notes, "built-in"))
		}
		holding := y.trigger(hold)
		y.must("PATCH", "/v1/pipelines/"+hold.ID, map[string]any{"labels": []string{"built-in"}}, nil)
		busy := y.trigger(hold)
		older, younger := note("older"), note("younger")
		y.stop()
		y.start()
		for i, id := range []string{holding, busy, older, younger} {
			if got := y.waits(id); !strings.HasPrefix(got, fmt.Sprintf("%d queue_paused Claiming is paused by %s since ", i+1, queue.Paused.By)) {
				t.Errorf("build %d waits as %s", i+1, got)
			}
		}
		y.must("POST", "/v1/builds/"+younger+"/first", nil, nil)
		y.must("POST", "/v1/builds/"+busy+"/first", nil, nil)
		if got := y.waits(younger); !strings.HasPrefix(got, "2 queue_paused") {
			t.Errorf("the one that was put first waits as %s", got)
		}
		y.must("POST", "/v1/queue/resume", nil, nil)
		for _, id := range []string{holding, busy} {
			eventually(t, "both runners are busy", func() bool { return y.build(id).Status == "running" })
		}
		y.waitsAs(older, "2 slots_busy The only slot of the runners with label built-in is busy.")
		if err := writeFile(flag); err != nil {
			t.Fatal(err)
		}
		y.mustSucceed(older)
		if got := strings.Join(y.noted(), " "); got != "younger older" {
			t.Errorf("they ran in the order %s", got)
		}
		if status := y.call("POST", "/v1/builds/"+older+"/first", nil, nil); status != http.StatusConflict {
			t.Errorf("an ended build is put first: %d", status)
		}
	})
}

func TestARunnerEndsABuildThatWritesTooMuch(t *testing.T) {
	y := newYard(t, newProgram(t, "", nil, "OORE_RUNNERS=0").start())
	newRemoteRunner(t, y.url, "one", "--workspace-limit", "2MiB")
	b := y.ended(y.trigger(y.script("Big", "head -c 90000000 /dev/zero > big; sleep 60")))
	if b.Status != "failed" || b.StatusReason != "workspace_limit" || !strings.Contains(b.StatusMessage, "this runner allows 2.1 MB") {
		t.Errorf("it ended as %s %s: %s", b.Status, b.StatusReason, b.StatusMessage)
	}
}

func TestEverybodyMayReadTheSchema(t *testing.T) {
	p := newProgram(t, "", nil).start()
	answer, err := http.Get(p.url + "/schema/oore.yaml.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || !strings.Contains(string(body), `"cancel_previous"`) {
		t.Errorf("status %d, %v: %.100s", answer.StatusCode, err, body)
	}
}
