package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// QueueEntry is a build that waits or is worked on, as the choice of the next one sees
// it.
type QueueEntry struct {
	BuildID    string
	ProjectID  string
	PipelineID string
	Labels     []string
	QueuedAt   time.Time
	First      bool      // somebody put it before older ones
	RunnerID   string    // who works on it
	BusySince  time.Time // when it started, or else was assigned
}

// QueuePipeline is a pipeline that has builds in the queue.
type QueuePipeline struct {
	Name          string
	MaxConcurrent int           // 0: no bound
	Usual         time.Duration // the median of its last ten builds that ran to their end; 0: not known
}

// QueueProject is a project whose quota bounds how many of its builds run at once.
type QueueProject struct {
	Name          string
	MaxConcurrent int
}

// QueuePause says who keeps runners from claiming builds, and since when. What runs
// goes on.
type QueuePause struct {
	By string
	At time.Time
}

// Queue is all that decides which build runs next, at one moment.
type Queue struct {
	At        time.Time
	Paused    *QueuePause  // nil: builds are claimed
	Full      string       // why the server gives none away all the same: its disk; empty: it does
	Waiting   []QueueEntry // in the order in which they are taken: those put first, then the oldest
	Active    []QueueEntry // assigned or running
	Pipelines map[string]QueuePipeline
	Projects  map[string]QueueProject // those with a bound and builds in the queue
	Runners   []Runner
}

// QueuePlace is where a waiting build stands, and why it waits.
type QueuePlace struct {
	Position       int        // from 1, among all that wait
	Reason         Reason     // one of the Wait… codes
	EstimatedStart *time.Time // nil: nobody can tell
	Usual          time.Duration
	First          bool // somebody put it before older ones
}

// Later tells whether the start can be told and is not just now.
func (p QueuePlace) Later() bool { return p.EstimatedStart != nil && p.Reason.Code != WaitStarting }

// Codes of why a build waits.
const (
	WaitStarting      = "starting"         // a runner takes it in a moment
	WaitOlderFirst    = "older_first"      // what is free goes to older builds
	WaitSlotsBusy     = "slots_busy"       // all runners that may take it are at work
	WaitPipelineLimit = "pipeline_limit"   // max_concurrent of its pipeline
	WaitProjectLimit  = "project_limit"    // max_concurrent of its project's quota
	WaitQueuePaused   = "queue_paused"     // an operator paused the queue
	WaitServerFull    = "server_disk_full" // the server's own disk has no room for their logs
	WaitNoRunner      = "no_runner"        // none with its labels is connected
	WaitPaused        = "runner_paused"    // an operator paused those that are
	WaitDraining      = "runner_draining"  // they are about to stop
	WaitDiskFull      = "runner_disk_full" // they have no room
)

// WaitCodes lists them.
func WaitCodes() []string {
	return []string{WaitStarting, WaitOlderFirst, WaitSlotsBusy, WaitPipelineLimit, WaitProjectLimit, WaitQueuePaused, WaitServerFull, WaitNoRunner, WaitPaused, WaitDraining, WaitDiskFull}
}

// UsualTimes are how long builds of a pipeline take, as medians; 0: not known.
type UsualTimes struct {
	Build time.Duration
	Steps map[string]time.Duration // by name
}

// Median is the middle of the durations, the upper one of two; 0 of none.
func Median(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(took))[len(took)/2]
}

// QueueStore shows the queue, and what operators do with it.
type QueueStore interface {
	// ReadQueue reads what waits, in the order in which ClaimBuild takes it, what is
	// worked on, the pipelines of both and all runners. At and Full are left to the caller.
	ReadQueue(ctx context.Context) (Queue, error)
	// PutFirst puts a queued build before all others that wait. One that is not queued:
	// KindConflict, code invalid_transition.
	PutFirst(ctx context.Context, buildID string) error
	// PauseQueue keeps ClaimBuild from giving builds away, and ResumeQueue lets it again.
	// They tell whether that changed anything; a pause that is there stays as it is. The
	// time between the two does not count for ListQueuedBefore.
	PauseQueue(ctx context.Context, p QueuePause) (bool, error)
	ResumeQueue(ctx context.Context, at time.Time) (bool, error)
}

// Takes tells whether a runner with the labels may have a build that wants others.
func Takes(have, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(label string) bool { return !slices.Contains(have, label) })
}

// Places says of each waiting build, in the order of Waiting, where it stands and why.
// It is what ClaimBuild does, thought ahead: a slot that becomes free gets the oldest
// build whose labels its runner has and whose pipeline and project have room, those put
// first before others. While the queue is paused, or the server's disk full, nobody can
// tell when anything starts.
func (q Queue) Places() []QueuePlace {
	places := make([]QueuePlace, len(q.Waiting))
	for i, e := range q.Waiting {
		places[i] = QueuePlace{Position: i + 1, Usual: q.Pipelines[e.PipelineID].Usual, First: e.First}
		switch {
		case q.Paused != nil:
			places[i].Reason = Reason{WaitQueuePaused, q.Paused.Sentence(q.At)}
		case q.Full != "":
			places[i].Reason = Reason{WaitServerFull, q.Full}
		}
	}
	if q.Paused != nil || q.Full != "" {
		return places
	}
	s := newSchedule(q)
	s.run()
	for i, l := range s.lineOf {
		places[i].Reason = q.reason(l, !s.atOnce[i].IsZero())
		if at := s.starts[i]; !at.IsZero() {
			places[i].EstimatedStart = &at
		}
	}
	return places
}

// Sentence tells people of the pause, as of now.
func (p QueuePause) Sentence(now time.Time) string {
	at, layout := p.At.UTC(), "15:04 MST"
	if now.Sub(at) > 12*time.Hour {
		layout = "2 January, 15:04 MST"
	}
	return fmt.Sprintf("Claiming is paused by %s since %s.", p.By, at.Format(layout))
}

// EstimatedEnd is when a build that is worked on ends if it takes as long as usual; nil:
// nobody can tell.
func (q Queue) EstimatedEnd(e QueueEntry) *time.Time {
	usual := q.Pipelines[e.PipelineID].Usual
	if usual == 0 {
		return nil
	}
	end := e.BusySince.Add(usual)
	if end.Before(q.At) {
		end = q.At
	}
	return &end
}

// reason says why a build of the line waits. now: a free slot is its own.
func (q Queue) reason(l *line, now bool) Reason {
	p, o := q.Pipelines[l.pipeline], q.Projects[l.project]
	switch {
	case l.slots == 0:
		return q.unavailable(l.labels)
	case now:
		return Reason{WaitStarting, "A runner takes it in a moment."}
	case p.MaxConcurrent > 0 && l.active >= p.MaxConcurrent:
		return Reason{WaitPipelineLimit, limitSentence("Pipeline", p.Name, l.active, p.MaxConcurrent)}
	case o.MaxConcurrent > 0 && l.beside >= o.MaxConcurrent:
		return Reason{WaitProjectLimit, limitSentence("Project", o.Name, l.beside, o.MaxConcurrent)}
	case l.free > 0:
		if slices.ContainsFunc(q.Waiting, func(e QueueEntry) bool { return e.First }) {
			return Reason{WaitOlderFirst, "Builds that were put first, and older ones, go first."}
		}
		return Reason{WaitOlderFirst, "Older builds go first."}
	}
	of := ""
	if len(l.labels) > 0 {
		of = " of the runners with " + LabelWords(l.labels)
	}
	if l.slots == 1 {
		return Reason{WaitSlotsBusy, fmt.Sprintf("The only slot%s is busy.", of)}
	}
	return Reason{WaitSlotsBusy, fmt.Sprintf("All %d slots%s are busy.", l.slots, of)}
}

// unavailable says why no runner that has the labels takes builds.
func (q Queue) unavailable(labels []string) Reason {
	var said []string
	code := ""
	for _, state := range []struct {
		RunnerState
		code, words string
	}{
		{RunnerPaused, WaitPaused, "is paused"},
		{RunnerFull, WaitDiskFull, "has almost no disk space left"},
		{RunnerDraining, WaitDraining, "is draining"},
	} {
		for _, r := range q.Runners {
			if r.State(q.At) == state.RunnerState && Takes(r.AllLabels(), labels) {
				said = append(said, "runner "+r.Name+" "+state.words)
				code = orElse(code, state.code)
			}
		}
	}
	const shown = 3
	if more := len(said) - shown; more > 0 {
		said = append(said[:shown], fmt.Sprintf("%d more take no builds", more))
	}
	switch {
	case code != "":
		text := strings.Join(said, ", ")
		return Reason{code, strings.ToUpper(text[:1]) + text[1:] + "."}
	case len(labels) > 0:
		return Reason{WaitNoRunner, fmt.Sprintf("Waits for a runner with %s (none is connected).", LabelWords(labels))}
	}
	return Reason{WaitNoRunner, "Waits for a runner (none is connected)."}
}

// LabelWords names labels in a sentence: "label ios", "labels a, b and c".
func LabelWords(labels []string) string {
	if len(labels) == 1 {
		return "label " + labels[0]
	}
	last := len(labels) - 1
	return "labels " + strings.Join(labels[:last], ", ") + " and " + labels[last]
}
