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
