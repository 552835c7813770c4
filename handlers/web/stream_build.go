package web

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
	"github.com/oore-ci/oore/templates"
)

// tailRows is how many rows one event carries at most. What was printed before them the
// page asks for when somebody looks at it, so any rate of output is cheap.
const tailRows = 100

// askEvery is how often a build that prints is asked for its steps.
const askEvery = time.Second

// BuildStream is GET /builds/:id/stream: `tail` with the log's length and its newest rows
// (the id is the length, ?after= what the page has), `state` when the head of the page is
// to be drawn anew, `done` when nothing more will come.
func (p *Pages) BuildStream(c *fiber.Ctx, actor core.Actor) error {
	s := &buildSource{pages: p, id: param(c, "id"), status: core.BuildStatus(query(c, "status"))}
	after, err := strconv.ParseInt(c.Get("Last-Event-ID", query(c, "after")), 10, 62)
	if err == nil {
		s.length = max(0, after)
	}
	return p.stream(c, actor, s)
}

// buildSource tells of one build.
type buildSource struct {
	pages  *Pages
	id     string
	length int64  // of the log as the page knows it
	of     string // its project
	view   *templates.LogView
	tail   *templates.LogTail

	status core.BuildStatus // as the page shows it
	seen   *app.BuildDetail
	place  core.QueuePlace
	asked  time.Time // for these two
}

func (s *buildSource) project() string { return s.of }

func (s *buildSource) changed() <-chan struct{} { return s.pages.app.BuildChanged(s.id) }

func (s *buildSource) look(ctx context.Context, actor core.Actor) (events [][]byte, ended bool, err error) {
	end, err := s.pages.app.ReadLog(ctx, actor, s.id, math.MaxInt64-1, 1)
	if err != nil {
		return nil, false, err
	}
	s.of = end.Build.ProjectID
	if s.view == nil {
		if err := s.begin(ctx, actor, end.Build); err != nil {
			return nil, false, err
		}
	}
	news, err := s.news(ctx, actor, end.Build)
	if err != nil {
		return nil, false, err
	}
	if end.Total > s.length {
		tail, err := s.newest(ctx, actor, end.Total)
		if err != nil {
			return nil, false, err
		}
		events = append(events, tail)
	}
	if news {
		s.status = end.Build.Status
		events = append(events, stateEvent("state", s.status))
	}
	if end.Build.LogComplete() {
		return append(events, stateEvent("done", end.Build.Status)), true, nil
	}
	return events, false, nil
}

func stateEvent(name string, status core.BuildStatus) []byte {
	data, _ := json.Marshal(map[string]core.BuildStatus{"status": status}) // cannot fail
	return sse.Event(name, "", data)
}

func (s *buildSource) begin(ctx context.Context, actor core.Actor, b core.Build) error {
	project, err := s.pages.app.FindProject(ctx, actor, b.ProjectID)
	if err != nil {
		return err
	}
	v := newLogView(project, b, nil, templates.LogQuery{})
	s.view = &v
	return nil
}

// newest is the event with the newest rows.
func (s *buildSource) newest(ctx context.Context, actor core.Actor, total int64) ([]byte, error) {
	from, before := max(s.length, total-tailRows), int64(0)
	if s.tail == nil {
		before = min(styleBack, from)
	}
	records, err := s.pages.records(ctx, actor, s.id, from-before, total-from+before, total)
	if err != nil {
		return nil, err
	}
	if s.tail == nil {
		before = min(before, int64(len(records)))
		s.view.Before, records = records[:before], records[before:]
		s.tail = templates.NewLogTail(*s.view)
	}
	html := s.tail.Render(*s.view, records, from > s.length)
	s.length = from + int64(len(records))
	data, err := json.Marshal(map[string]any{"from": from, "total": s.length, "html": html})
	return sse.Event("tail", strconv.FormatInt(s.length, 10), data), err
}

// news tells whether the head of the page or its steps say something else now.
func (s *buildSource) news(ctx context.Context, actor core.Actor, b core.Build) (bool, error) {
	if b.Status == s.status && time.Since(s.asked) < askEvery {
		return false, nil
	}
	s.asked = time.Now()
	detail, err := s.pages.app.FindBuildDetail(ctx, actor, b.ID)
	if err != nil {
		return false, err
	}
	places, err := s.pages.app.QueuePlaces(ctx, actor, b)
	if err != nil {
		return false, err
	}
	before, place := s.seen, places[b.ID]
	moved := place.Position != s.place.Position || place.Reason != s.place.Reason
	s.seen, s.place = &detail, place
	if before == nil {
		return b.Status != s.status, nil
	}
	return moved || b.Status != s.status || len(detail.Artifacts) != len(before.Artifacts) || !sameSteps(detail.Steps, before.Steps), nil
}

func sameSteps(a, b []core.Step) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Status != b[i].Status || a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}
