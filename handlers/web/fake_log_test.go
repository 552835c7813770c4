package web

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// bells are the fake house's: whoever changes something rings.
type bells struct{ rings map[string]chan struct{} }

func (f *fake) bell(topic string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bells.rings == nil {
		f.bells.rings = map[string]chan struct{}{}
	}
	if f.bells.rings[topic] == nil {
		f.bells.rings[topic] = make(chan struct{})
	}
	return f.bells.rings[topic]
}

// ring wakes the streams of a build; moved those of lists too. f.mu is held.
func (f *fake) ring(topics ...string) {
	for _, topic := range topics {
		if ch := f.bells.rings[topic]; ch != nil {
			close(ch)
			delete(f.bells.rings, topic)
		}
	}
}

func (f *fake) BuildChanged(id string) <-chan struct{} { return f.bell(id) }
func (f *fake) BuildsChanged() <-chan struct{}         { return f.bell("") }

func (f *fake) AccessChanged(core.Actor) (user, credential <-chan struct{}) {
	return f.bell("user"), f.bell("credential")
}

func (f *fake) Recheck(_ context.Context, actor core.Actor) (core.Actor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signedOff {
		return actor, core.Errorf(core.KindUnauthorized, "signed off")
	}
	return actor, nil
}

func (f *fake) BuildsVersion(context.Context, core.Actor) (core.BuildsVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var v core.BuildsVersion
	for _, b := range f.builds {
		if b.UpdatedAt.After(v.UpdatedAt) {
			v.UpdatedAt = b.UpdatedAt
		}
		if !b.Status.Terminal() {
			v.Active++
		}
	}
	return v, nil
}

func (f *fake) SearchLog(_ context.Context, _ core.Actor, id string, in app.LogSearch) (app.LogMatches, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found app.LogMatches
	if in.Text == "busy" {
		return found, core.Errorf(core.KindLimited, "Others search long logs just now; try again in a moment")
	}
	for _, r := range f.records[id] {
		in1, in2 := r.Content, []byte(in.Text)
		if !in.Case {
			in1, in2 = bytes.ToLower(in1), bytes.ToLower(in2)
		}
		if !bytes.Contains(in1, in2) {
			continue
		}
		found.Total++
		if r.Sequence > in.After && len(found.Records) < in.Limit {
			found.Records = append(found.Records, r)
		}
	}
	return found, nil
}

func (f *fake) LogOutline(_ context.Context, _ core.Actor, id string) ([]core.LogGroup, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.logGone != nil {
		return nil, f.logGone
	}
	var g core.Grouping
	for _, r := range f.records[id] {
		g.Add(r)
	}
	return g.Groups, nil
}

func (f *fake) UsualTimes(context.Context, core.Actor, core.Build) (core.UsualTimes, error) {
	return core.UsualTimes{Build: 4*time.Minute + 10*time.Second, Steps: map[string]time.Duration{"flutter test": 2 * time.Minute}}, nil
}

func (f *fake) TestHistory(_ context.Context, _ core.Actor, b core.Build) ([]core.Build, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.builds), func(o core.Build) bool { return o.Tests == nil || o.PipelineID != b.PipelineID }), nil
}

// print adds lines to a build's log, in the step that runs.
func (f *fake) print(id string, lines ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range lines {
		f.records[id] = append(f.records[id], core.LogRecord{
			Sequence: int64(len(f.records[id])), Content: []byte(line), Stream: core.StreamStdout, Step: "flutter test", Time: time.Now(),
		})
	}
	f.ring(id)
}

// edit changes a build.
func (f *fake) edit(id string, how func(*core.Build)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.builds {
		if f.builds[i].ID == id {
			how(&f.builds[i])
			f.builds[i].UpdatedAt = time.Now()
		}
	}
	f.ring(id, "")
}

// end ends a build.
func (f *fake) end(id string, status core.BuildStatus) {
	f.edit(id, func(b *core.Build) { b.Status, b.LeaseToken, b.FinishedAt = status, "", ptr(time.Now()) })
}

// matches tells whether a build is what a filter asks for.
func matches(b core.Build, f core.BuildFilter) bool {
	text := strings.ToLower(b.Branch + " " + b.CommitMessage + " " + b.CommitAuthor)
	is := func(wanted, has string) bool { return wanted == "" || wanted == has }
	return is(f.ProjectID, b.ProjectID) && is(f.PipelineID, b.PipelineID) && is(f.Branch, b.Branch) && is(string(f.TriggerType), string(b.TriggerType)) &&
		is(f.TriggerEvent, b.TriggerEvent) && is(f.TriggerUser, b.TriggerUser) && (f.Number == 0 || f.Number == b.Number) &&
		strings.HasPrefix(b.SHA, f.SHAPrefix) && strings.Contains(text, strings.ToLower(f.Text)) && (len(f.Statuses) == 0 || slices.Contains(f.Statuses, b.Status))
}

// cut is the window of a list, newest first.
func cut(builds []core.Build, at core.Page) []core.Build {
	place := func(c *core.Cursor) int {
		i := slices.IndexFunc(builds, func(b core.Build) bool { return b.ID == c.ID })
		if i < 0 {
			return len(builds)
		}
		return i
	}
	switch {
	case at.Older != nil:
		builds = builds[min(place(at.Older)+1, len(builds)):]
	case at.Newer != nil:
		builds = builds[:place(at.Newer)]
		return builds[max(0, len(builds)-at.Limit):]
	}
	from := min(at.Offset, len(builds))
	return builds[from:min(from+at.Limit, len(builds))]
}

func (f *fake) lines(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.records[id])
}

// humanNumber writes 1204 as 1,204.
func humanNumber(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", humanNumber(n/1000), n%1000)
}
