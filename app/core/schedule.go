package core

import (
	"slices"
	"strings"
	"time"
)

// lookAhead bounds the schedule: what waits longer expires.
const lookAhead = 24 * time.Hour

// schedule thinks the queue ahead. Waiting builds that are alike stand in one line, so
// that an event costs a look at the heads of the lines.
type schedule struct {
	q     Queue
	lines []*line          // by the age of their heads
	crews map[string]*crew // by labels
	room  map[string]*int  // by pipeline or project: how many more may start; nil: any number
	ends  []ending         // by time; at most one for each slot

	// Of each waiting build:
	lineOf []*line
	atOnce []time.Time // when it starts, if that is now
	starts []time.Time // zero: never, as far as can be told
}

// line is the waiting builds of one pipeline with the same labels, oldest first.
type line struct {
	pipeline string
	project  string
	labels   []string
	waiting  []int // indexes in Queue.Waiting
	crew     *crew
	rooms    rooms

	// As they are, before anything is thought ahead.
	slots, free int // of the runners that may take them
	active      int // builds of the pipeline that are worked on
	beside      int // builds of the project that are
}

// rooms are how many builds more may start, for each that bounds them: pipeline and project.
type rooms []*int

func (r rooms) add(n int) {
	for _, room := range r {
		*room += n
	}
}

func (r rooms) full() bool {
	return slices.ContainsFunc(r, func(room *int) bool { return *room <= 0 })
}

// crew is the runners that take builds and have certain labels.
type crew struct {
	workers     []*worker
	slots, free int
}

// worker is a runner that takes builds.
type worker struct {
	free  int
	crews []*crew
}

// ending is a slot that becomes free.
type ending struct {
	at     time.Time
	worker *worker // nil: of no use to anybody
	rooms  rooms
}

func newSchedule(q Queue) *schedule {
	s := &schedule{
		q: q, crews: map[string]*crew{}, room: map[string]*int{},
		lineOf: make([]*line, len(q.Waiting)), starts: make([]time.Time, len(q.Waiting)),
	}
	active := map[string]int{}
	held := map[string]int{}
	for _, e := range q.Active {
		active[e.PipelineID]++
		active[e.ProjectID]++
		held[e.RunnerID]++
	}
	bound := func(id string, most int) {
		if most > 0 {
			room := most - active[id]
			s.room[id] = &room
		}
	}
	for id, p := range q.Pipelines {
		bound(id, p.MaxConcurrent)
	}
	for id, p := range q.Projects {
		bound(id, p.MaxConcurrent)
	}
	lines := map[string]*line{}
	for i, e := range q.Waiting {
		labels := strings.Join(e.Labels, ",") // which no label contains
		key := e.PipelineID + "\n" + labels
		if lines[key] == nil {
			if s.crews[labels] == nil {
				s.crews[labels] = &crew{}
			}
			lines[key] = &line{
				pipeline: e.PipelineID, project: e.ProjectID, labels: e.Labels, crew: s.crews[labels], rooms: s.roomsOf(e),
				active: active[e.PipelineID], beside: active[e.ProjectID],
			}
			s.lines = append(s.lines, lines[key])
		}
		lines[key].waiting = append(lines[key].waiting, i)
		s.lineOf[i] = lines[key]
	}
	s.employ(held)
	for _, l := range s.lines {
		l.slots, l.free = l.crew.slots, l.crew.free
	}
	return s
}

func (s *schedule) roomsOf(e QueueEntry) (all rooms) {
	for _, id := range []string{e.PipelineID, e.ProjectID} {
		if room := s.room[id]; room != nil {
			all = append(all, room)
		}
	}
	return all
}

// employ finds the runners that take builds, and when what they hold ends.
func (s *schedule) employ(held map[string]int) {
	byID := map[string]*worker{}
	for _, r := range s.q.Runners {
		if r.State(s.q.At) != RunnerOnline {
			continue
		}
		w := &worker{}
		byID[r.ID] = w
		have := r.AllLabels()
		for _, l := range s.lines {
			if !slices.Contains(w.crews, l.crew) && Takes(have, l.labels) {
				w.crews = append(w.crews, l.crew)
				l.crew.workers = append(l.crew.workers, w)
				l.crew.slots += r.Slots
			}
		}
		w.add(max(0, r.Slots-held[r.ID]))
	}
	for _, e := range s.q.Active {
		if end := s.q.EstimatedEnd(e); end != nil {
			s.expect(ending{at: *end, worker: byID[e.RunnerID], rooms: s.roomsOf(e)})
		}
	}
}

func (s *schedule) expect(e ending) {
	at, _ := slices.BinarySearchFunc(s.ends, e.at, func(e ending, t time.Time) int { return e.at.Compare(t) })
	s.ends = slices.Insert(s.ends, at, e)
}

func (w *worker) add(slots int) {
	w.free += slots
	for _, c := range w.crews {
		c.free += slots
	}
}

// run fills free slots now and at every end.
func (s *schedule) run() {
	s.fill(s.q.At)
	s.atOnce = slices.Clone(s.starts)
	for until := s.q.At.Add(lookAhead); len(s.ends) > 0 && s.ends[0].at.Before(until); {
		e := s.ends[0]
		s.ends = s.ends[1:]
		if e.worker != nil {
			e.worker.add(1)
		}
		e.rooms.add(1)
		s.fill(e.at)
	}
}

// fill gives free slots to the oldest builds that may have them.
func (s *schedule) fill(at time.Time) {
	for {
		i := slices.IndexFunc(s.lines, func(l *line) bool { return l.crew.free > 0 && !l.rooms.full() })
		if i < 0 {
			return
		}
		l := s.lines[i]
		s.start(l, at)
		s.lines = slices.Delete(s.lines, i, i+1)
		if len(l.waiting) > 0 {
			i, _ = slices.BinarySearchFunc(s.lines, l.waiting[0], func(l *line, head int) int { return l.waiting[0] - head })
			s.lines = slices.Insert(s.lines, i, l)
		}
	}
}

func (s *schedule) start(l *line, at time.Time) {
	s.starts[l.waiting[0]] = at
	l.waiting = l.waiting[1:]
	w := l.crew.workers[slices.IndexFunc(l.crew.workers, func(w *worker) bool { return w.free > 0 })]
	w.add(-1)
	l.rooms.add(-1)
	if usual := s.q.Pipelines[l.pipeline].Usual; usual > 0 {
		s.expect(ending{at: at.Add(usual), worker: w, rooms: l.rooms})
	}
}
