package gitlab

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// logPage is the most that GitLab gives at once of a webhook's log, whose entries hold
	// whole payloads.
	logPage = 20
	// recallLimit is how many deliveries of one webhook are asked for again, the newest:
	// GitLab sends five in a minute, and old news would come when there is newer. What is
	// left out is found by comparing heads.
	recallLimit = 5
	// logSilence is how long a webhook's log is not asked for where GitLab shows none.
	logSilence = time.Hour
)

// logRow is an entry of a webhook's log as the API shows it.
type logRow struct {
	ID        id              `json:"id"`
	Headers   json.RawMessage `json:"request_headers"`
	Data      json.RawMessage `json:"request_data"`
	Status    text            `json:"response_status"` // an HTTP status, or words where nobody answered
	CreatedAt text            `json:"created_at"`      // missing from most versions
}

// sent is what the log tells of the request.
func (l logRow) sent() (key, event string) {
	var headers map[string]text
	if json.Unmarshal(l.Headers, &headers) != nil {
		return "", ""
	}
	return string(headers["Idempotency-Key"]), string(headers["X-Gitlab-Event"])
}

// whole tells whether the payload was kept; one that is too large is not.
func (l logRow) whole() bool {
	var data struct {
		Oversize flag `json:"oversize"`
	}
	return json.Unmarshal(l.Data, &data) != nil || !bool(data.Oversize)
}

// Missed implements core.Surveyor by the logs of the projects' webhooks, which GitLab has
// from 17.3 on and shows to maintainers alone. Those of a GitLab without keys for repeats
// (17.3) are left out: they would arrive as new deliveries.
func (r *Room) Missed(ctx context.Context, l core.Lookback) (missed []core.MissedDelivery, trouble error) {
	for _, repo := range l.Repositories {
		if l.GoesOn != nil {
			l.GoesOn()
		}
		s, err := r.seat(repo)
		if err == nil {
			var some []core.MissedDelivery
			some, err = s.missed(ctx, l)
			missed = append(missed, some...)
		}
		if err != nil && trouble == nil {
			trouble = err
		}
	}
	return missed, trouble
}

func (s seat) missed(ctx context.Context, l core.Lookback) ([]core.MissedDelivery, error) {
	if s.quiet.is(s.repo.ExternalID, s.lane.now()) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	h, found, err := s.findHook(ctx, l.HookAddress)
	var rows []logRow
	if err == nil && found {
		query := struct {
			Status  string `url:"status"`
			PerPage int    `url:"per_page"`
		}{"client_failure,server_failure", logPage}
		err = s.call(ctx, http.MethodGet, hookPath(h)+"/events", query, &rows)
	}
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusForbidden {
		s.quiet.add(s.repo.ExternalID, s.lane.now().Add(logSilence))
		return nil, nil
	}
	if err != nil {
		return nil, s.trouble(err)
	}
	return s.recallable(h, rows, l.Since), nil
}

// recallable picks the newest try of each of the newest deliveries, of which the one that
// was tried first comes first. GitLab lists the newest try first.
func (s seat) recallable(h hookRow, rows []logRow, since time.Time) (missed []core.MissedDelivery) {
	first := map[string]int{} // try of a delivery
	for _, row := range rows {
		key, event := row.sent()
		at, _ := time.Parse(time.RFC3339, string(row.CreatedAt)) // zero if it is missing
		if row.ID == "" || key == "" || !row.whole() || !at.IsZero() && at.Before(since) {
			continue
		}
		if first[key] == 0 {
			m := core.MissedDelivery{
				IntegrationID: s.ID, RepositoryID: s.repo.ExternalID, ID: s.repo.ExternalID + "/" + string(h.ID) + "/" + string(row.ID),
				DeliveryID: key, Event: event, Status: "nobody answered", At: at,
			}
			if code, err := strconv.Atoi(string(row.Status)); err == nil {
				m.StatusCode, m.Status = code, http.StatusText(code)
			}
			missed = append(missed, m)
		}
		first[key] = row.ID.number()
	}
	slices.SortFunc(missed, func(a, b core.MissedDelivery) int { return first[a.DeliveryID] - first[b.DeliveryID] })
	return missed[max(0, len(missed)-recallLimit):]
}

var loggedDelivery = regexp.MustCompile(`^[1-9][0-9]{0,17}/[1-9][0-9]{0,17}/[1-9][0-9]{0,17}$`)

// Redeliver implements core.Surveyor. GitLab sends at once, and answers when we have.
func (r *Room) Redeliver(ctx context.Context, m core.MissedDelivery) error {
	if !loggedDelivery.MatchString(m.ID) {
		return core.Errorf(core.KindInvalid, "%q is not the id of a delivery of GitLab's", m.ID)
	}
	part := strings.Split(m.ID, "/")
	a, err := r.find(m.IntegrationID, "the delivery "+m.DeliveryID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	err = a.call(ctx, http.MethodPost, "projects/"+part[0]+"/hooks/"+part[1]+"/events/"+part[2]+"/resend", nil, nil)
	if err != nil {
		return a.translate(err, "a webhook of project "+part[0])
	}
	return nil
}

// silences are what is not asked for until some time. Its zero value is none.
type silences struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (q *silences) is(what string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return now.Before(q.until[what])
}

func (q *silences) add(what string, until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.until == nil {
		q.until = map[string]time.Time{}
	}
	q.until[what] = until
}
