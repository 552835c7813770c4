package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// queueNow is when the queues of these tests are looked at.
func queueNow() time.Time { return time.Unix(1_800_000_000, 0) }

func online(name string, slots int, labels ...string) Runner {
	return Runner{ID: name, Name: name, Labels: labels, Enabled: true, Slots: slots, LastSeenAt: queueNow()}
}

func altered(r Runner, change func(*Runner)) Runner {
	change(&r)
	return r
}

// waits is a build that waits: "pipeline" or "pipeline: label label".
func waits(spec string) QueueEntry {
	pipeline, labels, _ := strings.Cut(spec, ": ")
	return QueueEntry{PipelineID: pipeline, Labels: strings.Fields(labels)}
}

// of puts a build into a project; that of shop is bounded.
func of(project string, e QueueEntry) QueueEntry {
	e.ProjectID = project
	return e
}

// busy is a build that a runner has worked on for some time.
func busy(pipeline, runner string, since time.Duration) QueueEntry {
	return QueueEntry{PipelineID: pipeline, RunnerID: runner, BusySince: queueNow().Add(-since)}
}

func TestWhyABuildWaits(t *testing.T) {
	const min = time.Minute
	usual := map[string]QueuePipeline{
		"android": {Name: "Android", MaxConcurrent: 2, Usual: 10 * min}, "web": {Name: "Web", Usual: 4 * min}, "new": {Name: "New"},
	}
	bounds := map[string]QueueProject{"shop": {Name: "Shop", MaxConcurrent: 2}}
	paused := func(r *Runner) { r.Enabled = false }
	draining := func(r *Runner) { r.Draining = true }
	full := func(r *Runner) { r.Slots = 0 }
	offline := func(r *Runner) { r.LastSeenAt = r.LastSeenAt.Add(-time.Hour) }
	type entries = []QueueEntry
	for name, test := range map[string]struct {
		waiting, active entries
		runners         []Runner
		want            []string // "code | text | minutes until it starts", "-": nobody can tell
	}{
		"the project's bound": {
			waiting: entries{of("shop", waits("web")), of("shop", waits("new")), of("other", waits("android"))},
			active:  entries{of("shop", busy("web", "a", min)), of("shop", busy("new", "a", min))}, runners: []Runner{online("a", 3)},
			want: []string{"project_limit | Project Shop runs 2 of at most 2. | 3", "project_limit | Project Shop runs 2 of at most 2. | 7", "starting | A runner takes it in a moment. | 0"},
		},
		"a free slot": {
			waiting: entries{waits("web")}, runners: []Runner{online("a", 1)},
			want: []string{"starting | A runner takes it in a moment. | 0"},
		},
		"more builds than free slots": {
			waiting: entries{waits("web"), waits("web"), waits("web")}, runners: []Runner{online("a", 2)},
			want: []string{"starting | A runner takes it in a moment. | 0", "starting | A runner takes it in a moment. | 0", "older_first | Older builds go first. | 4"},
		},
		"all slots busy": {
			waiting: entries{waits("web"), waits("web"), waits("web")}, active: entries{busy("web", "a", min), busy("android", "b", min)},
			runners: []Runner{online("a", 1), online("b", 1)},
			want:    []string{"slots_busy | All 2 slots are busy. | 3", "slots_busy | All 2 slots are busy. | 7", "slots_busy | All 2 slots are busy. | 9"},
		},
		"the only slot is busy, and longer than usual": {
			waiting: entries{waits("web")}, active: entries{busy("web", "a", time.Hour)}, runners: []Runner{online("a", 1)},
			want: []string{"slots_busy | The only slot is busy. | 0"},
		},
		"the slot is busy with a pipeline that never ended": {
			waiting: entries{waits("web")}, active: entries{busy("new", "a", min)}, runners: []Runner{online("a", 1)},
			want: []string{"slots_busy | The only slot is busy. | -"},
		},
		"the runners with its labels are busy, others are free": {
			waiting: entries{waits("web: macos xcode")}, active: entries{busy("web", "mac", min)},
			runners: []Runner{online("mac", 1, "macos", "xcode"), online("linux", 4, "linux")},
			want:    []string{"slots_busy | The only slot of the runners with labels macos and xcode is busy. | 3"},
		},
		"a younger build whose runner is free overtakes": {
			waiting: entries{waits("web: macos"), waits("web")}, active: entries{busy("web", "mac", min)},
			runners: []Runner{online("mac", 1, "macos"), online("linux", 1)},
			want:    []string{"slots_busy | The only slot of the runners with label macos is busy. | 3", "starting | A runner takes it in a moment. | 0"},
		},
		"the pipeline is full, another is not": {
			waiting: entries{waits("android"), waits("web")}, active: entries{busy("android", "a", min), busy("android", "a", 2*min)},
			runners: []Runner{online("a", 3)},
			want:    []string{"pipeline_limit | Pipeline Android runs 2 of at most 2. | 8", "starting | A runner takes it in a moment. | 0"},
		},
		"the pipeline's room goes to an older build": {
			waiting: entries{waits("android"), waits("android"), waits("android")}, runners: []Runner{online("a", 8)},
			want: []string{"starting | A runner takes it in a moment. | 0", "starting | A runner takes it in a moment. | 0", "older_first | Older builds go first. | 10"},
		},
		"no runner at all": {
			waiting: entries{waits("web")}, want: []string{"no_runner | Waits for a runner (none is connected). | -"},
		},
		"no runner with the label": {
			waiting: entries{waits("web: macos"), waits("web: b a c")}, runners: []Runner{online("a", 1, "linux"), altered(online("mac", 1, "macos"), offline)},
			want: []string{
				"no_runner | Waits for a runner with label macos (none is connected). | -",
				"no_runner | Waits for a runner with labels b, a and c (none is connected). | -",
			},
		},
		"a full pipeline without a runner": {
			waiting: entries{waits("android: macos")}, active: entries{busy("android", "a", min), busy("android", "a", min)}, runners: []Runner{online("a", 2)},
			want: []string{"no_runner | Waits for a runner with label macos (none is connected). | -"},
		},
		"the runner is paused": {
			waiting: entries{waits("web")}, runners: []Runner{altered(online("mini", 1), paused)},
			want: []string{"runner_paused | Runner mini is paused. | -"},
		},
		"the runner is draining": {
			waiting: entries{waits("web")}, runners: []Runner{altered(online("mini", 1), draining)},
			want: []string{"runner_draining | Runner mini is draining. | -"},
		},
		"the runner's disk is full": {
			waiting: entries{waits("web")}, active: entries{busy("web", "mini", min)}, runners: []Runner{altered(online("mini", 1), full)},
			want: []string{"runner_disk_full | Runner mini has almost no disk space left. | -"},
		},
		"many runners, and none takes builds": {
			waiting: entries{waits("web")}, runners: []Runner{
				altered(online("a", 1), draining), altered(online("b", 1), paused), altered(online("c", 1), full), altered(online("d", 1), draining), altered(online("e", 1), draining),
			},
			want: []string{"runner_paused | Runner b is paused, runner c has almost no disk space left, runner a is draining, 2 more take no builds. | -"},
		},
		"a runner that holds more than its slots": {
			waiting: entries{waits("web")}, active: entries{busy("web", "a", min), busy("web", "a", 2*min)}, runners: []Runner{online("a", 1)},
			want: []string{"slots_busy | The only slot is busy. | 2"},
		},
		"it would start after a day": {
			waiting: slices.Repeat(entries{waits("web")}, 400), active: entries{busy("web", "a", 0)}, runners: []Runner{online("a", 1)},
			want: append(
				[]string{"slots_busy | The only slot is busy. | 4"},
				slices.Repeat([]string{"slots_busy | The only slot is busy. | any"}, 399)...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := Queue{At: queueNow(), Waiting: test.waiting, Active: test.active, Pipelines: usual, Projects: bounds, Runners: test.runners}
			places := q.Places()
			if len(places) != len(test.want) {
				t.Fatalf("%d places, want %d", len(places), len(test.want))
			}
			for i, p := range places {
				start := "-"
				if p.EstimatedStart != nil {
					start = fmt.Sprint(int(p.EstimatedStart.Sub(q.At).Minutes()))
				}
				if strings.HasSuffix(test.want[i], "| any") {
					start = "any"
				}
				if got := fmt.Sprintf("%s | %s | %s", p.Reason.Code, p.Reason.Text, start); got != test.want[i] || p.Position != i+1 {
					t.Errorf("%d: %s\n   want %s", p.Position, got, test.want[i])
				}
			}
			if last := places[len(places)-1]; len(places) == 400 && last.EstimatedStart != nil {
				t.Errorf("the last of 400 starts at %v, which is more than a day ahead", last.EstimatedStart)
			}
		})
	}
}

// A line of a thousand is what the pages must bear.
func BenchmarkPlaces(b *testing.B) {
	for _, pipelines := range []int{1, 20, 1000} {
		b.Run(fmt.Sprintf("%d pipelines", pipelines), func(b *testing.B) {
			q := Queue{At: queueNow(), Pipelines: map[string]QueuePipeline{}}
			for i := range 10 {
				q.Runners = append(q.Runners, online(fmt.Sprint("runner", i), 4, "linux"))
			}
			for i := range 1000 {
				id := fmt.Sprint("pipeline", i%pipelines)
				q.Pipelines[id] = QueuePipeline{Name: id, MaxConcurrent: i % 3, Usual: time.Duration(1+i%7) * time.Minute}
				q.Waiting = append(q.Waiting, waits(id+": linux"))
			}
			for b.Loop() {
				if len(q.Places()) != 1000 {
					b.Fatal("places are missing")
				}
			}
		})
	}
}

func TestAPausedQueuePromisesNothing(t *testing.T) {
	q := Queue{
		At: queueNow(), Waiting: []QueueEntry{waits("web"), waits("web: macos")}, Runners: []Runner{online("a", 1)},
		Paused: &QueuePause{By: "sam", At: queueNow().Add(-time.Hour)}, Pipelines: map[string]QueuePipeline{"web": {Name: "Web", Usual: time.Minute}},
	}
	for i, p := range q.Places() {
		if p.Position != i+1 || p.Reason != (Reason{WaitQueuePaused, "Claiming is paused by sam since 07:00 UTC."}) || p.EstimatedStart != nil || p.Usual != time.Minute {
			t.Errorf("place %+v", p)
		}
	}
	q.Paused.At = queueNow().Add(-30 * time.Hour)
	if got := q.Places()[0].Reason.Text; got != "Claiming is paused by sam since 14 January, 02:00 UTC." {
		t.Errorf("after a day: %q", got)
	}
}

func TestABuildBehindOneThatWasPutFirstIsToldSo(t *testing.T) {
	first := waits("web")
	first.First = true
	q := Queue{At: queueNow(), Waiting: []QueueEntry{first, waits("web")}, Runners: []Runner{online("a", 1)}, Pipelines: map[string]QueuePipeline{"web": {Name: "Web"}}}
	places := q.Places()
	if !places[0].First || places[0].Reason.Code != WaitStarting || places[1].First || places[1].Reason != (Reason{WaitOlderFirst, "Builds that were put first, and older ones, go first."}) {
		t.Errorf("places %+v", places)
	}
}
