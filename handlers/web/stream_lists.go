package web

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// ListStream is GET /stream: an event `change` each time when lists of builds may have
// changed, upon which the page asks for itself again. The first event comes at once, and
// is `same` if nothing changed since the version or moment (?since=, in microseconds) that
// the page has.
func (p *Pages) ListStream(c *fiber.Ctx, actor core.Actor) error {
	s := &listSource{pages: p, known: c.Get("Last-Event-ID", query(c, "version"))}
	s.since, _ = strconv.ParseInt(query(c, "since"), 10, 64) // 0: the page does not know
	return p.stream(c, actor, s)
}

// listSource tells of all lists of builds.
type listSource struct {
	pages *Pages
	known string // the version that the page has; empty: not known
	since int64
	told  bool
}

func (s *listSource) project() string { return "" }

func (s *listSource) changed() <-chan struct{} { return s.pages.app.BuildsChanged() }

func (s *listSource) look(ctx context.Context, actor core.Actor) ([][]byte, bool, error) {
	v, err := s.pages.app.BuildsVersion(ctx, actor)
	if err != nil {
		return nil, false, err
	}
	at := v.UpdatedAt.UnixMicro()
	version := fmt.Sprintf("%d-%d", at, v.Active)
	same := version == s.known || !s.told && s.known == "" && at < s.since
	first := !s.told
	s.told, s.known = true, version
	switch {
	case !same:
		return [][]byte{sse.Event("change", version, []byte("{}"))}, false, nil
	case first:
		return [][]byte{sse.Event("same", version, []byte("{}"))}, false, nil
	}
	return nil, false, nil
}
