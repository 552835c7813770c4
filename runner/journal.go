package runner

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// maxHeld is how much of the log waits in memory for the house; beyond it the
// build's output waits in its pipe.
const maxHeld = 4 << 20

// recordCost is what a record costs in memory beside its content.
const recordCost = 96

// journal numbers a build's log records in one order across its streams and holds
// them, and the states of its steps, until they are shipped. It is safe for
// concurrent use.
type journal struct {
	masks masks // what of our own words is hidden; commands print through its writers

	mu      sync.Mutex
	changed sync.Cond
	records []core.LogRecord
	steps   []core.Step      // the newest state of each step that waits to be reported
	sent    []core.LogRecord // what was taken last: it may be under way
	told    []core.Step      // likewise
	held    int
	next    int64
	room    int64  // bytes that may still be kept
	lost    int64  // bytes beyond that
	full    string // why nothing more of the commands is kept; empty: it is
	closed  bool   // nothing more is taken
	step    string // of the newest record
}

func newJournal(next, limit int64) *journal {
	j := &journal{next: next, room: limit}
	j.changed.L = &j.mu
	return j
}

// write numbers, stamps and keeps records of a command. It waits while too much is
// held, but never because of the limit: what is beyond is counted and dropped.
func (j *journal) write(records []core.LogRecord) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.held > maxHeld && !j.closed && j.full == "" {
		j.changed.Wait()
	}
	now := time.Now()
	for _, r := range records {
		size := int64(len(r.Content))
		if !r.Partial {
			size++
		}
		if size > j.room {
			j.overflowLocked(cutAtLimit)
		}
		if j.full != "" {
			j.lost += size
			continue
		}
		j.room -= size
		j.keep(r, now)
	}
}

// drop counts bytes of a command without looking at them, once the log is full. It
// tells whether it is.
func (j *journal) drop(size int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full != "" {
		j.lost += int64(size)
	}
	return j.full != ""
}

// overflow keeps nothing more of the commands, and says why in the end.
func (j *journal) overflow(why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.overflowLocked(why)
}

func (j *journal) overflowLocked(why string) {
	if j.full == "" {
		j.full = why
	}
	j.changed.Broadcast()
}

// system keeps our own words; the limit does not touch them.
func (j *journal) system(step, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.systemLocked(step, fmt.Sprintf(format, args...))
}

func (j *journal) systemLocked(step, text string) {
	now := time.Now()
	for line := range strings.SplitSeq(j.masks.text(text), "\n") {
		for len(line) > core.MaxLogLine {
			n := whole([]byte(line[:core.MaxLogLine]))
			j.keep(core.LogRecord{Step: step, Stream: core.StreamSystem, Content: []byte(line[:n]), Partial: true}, now)
			line = line[n:]
		}
		j.keep(core.LogRecord{Step: step, Stream: core.StreamSystem, Content: []byte(line)}, now)
	}
}

func (j *journal) keep(r core.LogRecord, now time.Time) {
	if j.closed {
		return
	}
	r.Sequence, r.Time, j.step = j.next, now, r.Step
	j.next++
	j.held += len(r.Content) + recordCost
	j.records = append(j.records, r)
	j.changed.Broadcast()
}

// report keeps the state of a step; a state not yet shipped is replaced.
func (j *journal) report(s core.Step) {
	s.Command = j.masks.text(s.Command)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	defer j.changed.Broadcast()
	for i := range j.steps {
		if j.steps[i].Index == s.Index {
			j.steps[i] = s
			return
		}
	}
	j.steps = append(j.steps, s)
}

// nextSequence is the sequence of the record that comes next.
func (j *journal) nextSequence() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// Why a log is cut.
const (
	cutAtLimit   = "The log reached its limit"
	cutNotStored = "The log could not be stored in time"
)

// finish says what was dropped and takes no more. What is held can still be taken. It
// tells why the log is cut; empty: it is whole.
func (j *journal) finish() (cut string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost > 0 {
		cut = j.full
		j.systemLocked(j.step, fmt.Sprintf("%s: %d bytes of output were not kept.", j.full, j.lost))
	}
	j.closed = true
	j.changed.Broadcast()
	return cut
}

// discard takes no more and forgets what is held.
func (j *journal) discard() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed, j.records, j.steps, j.held = true, nil, nil, 0
	j.changed.Broadcast()
}

// take waits for something to ship and returns records of at most about limit
// bytes.
// false: the journal is finished and empty.
func (j *journal) take(limit int) ([]core.LogRecord, []core.Step, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.records) == 0 && len(j.steps) == 0 {
		if j.closed {
			return nil, nil, false
		}
		j.sent, j.told = nil, nil
		j.changed.Wait()
	}
	n, size := 0, 0
	for n < len(j.records) && (n == 0 || size+encodedSize(j.records[n]) <= limit) {
		size += encodedSize(j.records[n])
		j.held -= len(j.records[n].Content) + recordCost
		n++
	}
	records, steps := j.records[:n:n], j.steps
	j.records, j.steps, j.sent, j.told = j.records[n:], nil, records, steps
	j.changed.Broadcast()
	return records, steps, true
}

// rest is what the house may not have: the records that are on their way to it, those
// after them, and the states of steps.
func (j *journal) rest() (sent, records []core.LogRecord, steps []core.Step) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.sent), slices.Clone(j.records), slices.Concat(j.told, j.steps)
}

// encodedSize is no less than what core.EncodeLog makes of the record.
func encodedSize(r core.LogRecord) int { return len(r.Content) + 12 }
