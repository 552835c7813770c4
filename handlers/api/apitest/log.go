package apitest

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ReadLog reads the log that Append wrote. Its build is Detail's.
func (f *Commands) ReadLog(_ context.Context, actor core.Actor, buildID string, after int64, limit int) (app.LogPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	if f.Err != nil {
		return app.LogPage{}, f.Err
	}
	if actor.Scope != "" && actor.Scope != buildID {
		return app.LogPage{}, core.Errorf(core.KindNotFound, "Build not found")
	}
	if limit == 0 {
		limit = f.PageLimit
	}
	total := int64(len(f.records))
	page := app.LogPage{Build: f.Detail.Build, Next: after + 1, Total: total}
	if after+1 < total {
		page.Records = f.records[after+1:]
		if limit > 0 {
			page.Records = page.Records[:min(limit, len(page.Records))]
		}
		page.Next = page.Records[len(page.Records)-1].Sequence + 1
	}
	page.Complete = f.ended && page.Next >= total
	return page, nil
}

// SearchLog notes what was searched for, and finds all records that Append wrote.
func (f *Commands) SearchLog(_ context.Context, actor core.Actor, buildID string, in app.LogSearch) (app.LogMatches, error) {
	err := f.note("SearchLog", actor, buildID, in)
	return app.LogMatches{Records: f.records, Total: 70}, err
}

// Reads tells how often the log was read.
func (f *Commands) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// BuildChanged closes at the next Append, Move, End or Fail.
func (f *Commands) BuildChanged(string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make(chan struct{})
	}
	return f.ring
}

func (f *Commands) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	if f.ring != nil {
		close(f.ring)
		f.ring = nil
	}
}

// Append writes lines of stdout to the log.
func (f *Commands) Append(lines ...string) {
	f.change(func() { f.appendLines(lines) })
}

// AppendUnheard is Append whose ring is lost, as from another replica.
func (f *Commands) AppendUnheard(lines ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appendLines(lines)
}

func (f *Commands) appendLines(lines []string) {
	for _, line := range lines {
		f.records = append(f.records, core.LogRecord{
			Sequence: int64(len(f.records)), Content: []byte(line), Stream: core.StreamStdout, Step: "build-1",
			Time: time.UnixMilli(1763800000123).UTC(),
		})
	}
}

// AppendRecord writes one record as it is, but for its sequence.
func (f *Commands) AppendRecord(r core.LogRecord) {
	f.change(func() {
		r.Sequence = int64(len(f.records))
		f.records = append(f.records, r)
	})
}

// Move gives the build another state.
func (f *Commands) Move(to core.BuildStatus) {
	f.change(func() { f.move(to) })
}

func (f *Commands) move(to core.BuildStatus) {
	f.Detail.Build.Status = to
	f.Detail.Build.UpdatedAt = f.Detail.Build.UpdatedAt.Add(time.Second)
}

// End gives the build its last state; nothing is appended any more.
func (f *Commands) End(as core.BuildStatus) {
	f.change(func() {
		f.move(as)
		f.ended = true
	})
}

// Fail makes every command from now on answer err.
func (f *Commands) Fail(err error) {
	f.change(func() { f.Err = err })
}
