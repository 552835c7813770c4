package githubtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// deliveryLife is how long GitHub remembers deliveries.
const deliveryLife = 3 * 24 * time.Hour

// ErrLost is what Deliver returns for a delivery that Lose took.
var ErrLost = errors.New("githubtest: the delivery got lost, as it should")

// Tried is one try of a delivery, as GitHub notes it.
type Tried struct {
	ID         int64
	GUID       string // the X-GitHub-Delivery of all its tries
	Event      string
	Action     string
	StatusCode int // what was answered; 502 if nobody did
	Status     string
	Redelivery bool
	At         time.Time
	Duration   time.Duration
}

type delivery struct {
	Tried
	message                  *message
	installation, repository int64
}

// Lose lets the next n deliveries get lost, redeliveries among them: GitHub has tried
// each, and nobody was there.
func (s *Server) Lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = n
}

// Deliveries lists all tries so far, oldest first.
func (s *Server) Deliveries() []Tried {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Tried
	for _, d := range s.deliveries {
		all = append(all, d.Tried)
	}
	return all
}

// try sends a message once and notes what came of it.
func (s *Server) try(ctx context.Context, m *message, at time.Time, redelivery bool) (*http.Response, error) {
	start := time.Now()
	resp, err := s.send(ctx, m)
	d := &delivery{message: m, Tried: Tried{
		GUID: m.how.ID, Event: m.event, StatusCode: http.StatusBadGateway, Status: "failed to connect to host",
		Redelivery: redelivery, At: at, Duration: time.Since(start),
	}}
	if err == nil {
		d.StatusCode, d.Status = resp.StatusCode, "OK"
	}
	if err == nil && resp.StatusCode/100 != 2 {
		d.Status = fmt.Sprintf("Invalid HTTP Response: %d", resp.StatusCode)
	}
	var about struct {
		Action       string `json:"action"`
		Installation struct {
			ID int64 `json:"id"`
		} `json:"installation"`
		Repository struct {
			ID int64 `json:"id"`
		} `json:"repository"`
	}
	if json.Unmarshal(m.payload, &about) == nil { // else it is about nothing
		d.Action, d.installation, d.repository = about.Action, about.Installation.ID, about.Repository.ID
	}
	s.mu.Lock()
	d.ID = s.nextID()
	s.deliveries = append(s.deliveries, d)
	s.mu.Unlock()
	s.notify()
	return resp, err
}

func (s *Server) send(ctx context.Context, m *message) (*http.Response, error) {
	s.mu.Lock()
	lost := s.lose > 0
	s.lose = max(s.lose-1, 0)
	s.mu.Unlock()
	if lost {
		return nil, ErrLost
	}
	r, err := m.request(ctx)
	if err != nil {
		return nil, err
	}
	return m.client().Do(r)
}

func (d *delivery) show() object {
	out := object{
		"id": d.ID, "guid": d.GUID, "delivered_at": d.At.UTC().Format(time.RFC3339Nano), "redelivery": d.Redelivery,
		"duration": d.Duration.Seconds(), "status": d.Status, "status_code": d.StatusCode, "event": d.Event,
		"action": nil, "installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if d.Action != "" {
		out["action"] = d.Action
	}
	if d.installation != 0 {
		out["installation_id"] = d.installation
	}
	if d.repository != 0 {
		out["repository_id"] = d.repository
	}
	return out
}

const cursorPrefix = "v1_"

// listDeliveries lists the newest first, a page at a time from where a cursor points.
func (s *Server) listDeliveries(c *call) answer {
	app, a := s.asApp(c)
	if app == nil {
		return a
	}
	query := c.URL.Query()
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size < 1 || size > 100 {
		size = 30
	}
	known := s.remembered(app)
	if cursor := query.Get("cursor"); cursor != "" {
		id, err := strconv.ParseInt(strings.TrimPrefix(cursor, cursorPrefix), 10, 64)
		if err != nil {
			return refuse(http.StatusBadRequest, "Invalid cursor")
		}
		known = slices.DeleteFunc(known, func(d *delivery) bool { return d.ID >= id })
	}
	page := known[:min(size, len(known))]
	list := []object{}
	for _, d := range page {
		list = append(list, d.show())
	}
	a = ok(list)
	if len(page) < len(known) {
		query.Set("cursor", cursorPrefix+strconv.FormatInt(page[len(page)-1].ID, 10))
		a.header = http.Header{"Link": {"<http://" + c.Host + apiPrefix + c.URL.Path + "?" + query.Encode() + `>; rel="next"`}}
	}
	return a
}

// remembered are the App's deliveries that GitHub has not forgotten, newest first. The
// caller holds mu.
func (s *Server) remembered(app *App) []*delivery {
	known := slices.Clone(s.deliveries)
	slices.Reverse(known)
	return slices.DeleteFunc(known, func(d *delivery) bool { return d.message.app != app || time.Since(d.At) > deliveryLife })
}

// redeliver agrees at once and sends afterwards.
func (s *Server) redeliver(c *call) answer {
	app, a := s.asApp(c)
	if app == nil {
		return a
	}
	id := c.number("id")
	known := s.remembered(app)
	i := slices.IndexFunc(known, func(d *delivery) bool { return d.ID == id })
	if i < 0 {
		return notFound()
	}
	m := known[i].message
	s.background.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-s.done:
				cancel()
			case <-ctx.Done():
			}
		}()
		if resp, err := s.try(ctx, m, time.Now(), true); err == nil {
			resp.Body.Close()
		}
	})
	return answer{status: http.StatusAccepted, body: object{}}
}
