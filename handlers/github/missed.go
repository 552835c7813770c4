package github

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// webhook is what errors about deliveries name.
const webhook = "the App's webhook"

// Missed implements core.Surveyor. GitHub remembers deliveries for three days. Where
// nobody answered it notes 502 or 504 itself, and the reason as status.
func (f *Forge) Missed(ctx context.Context, l core.Lookback) ([]core.MissedDelivery, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	newest, accepted := map[string]core.MissedDelivery{}, map[string]bool{}
	options := &github.ListCursorOptions{PerPage: perPage}
	for more := true; more; {
		page, resp, err := f.app.Apps.ListHookDeliveries(ctx, options)
		if err != nil {
			return nil, translate(err, refusalOf(err), webhook, f.about())
		}
		options.Cursor = resp.Cursor
		more = resp.Cursor != ""
		for _, d := range page { // newest first
			if d.GetStatusCode()/100 == 2 {
				accepted[d.GetGUID()] = true
			}
			if d.GetDeliveredAt().Before(l.Since) {
				more = false
				continue
			}
			if _, ok := newest[d.GetGUID()]; !ok {
				newest[d.GetGUID()] = missedDelivery(f.about().ID, d)
			}
		}
	}
	var missed []core.MissedDelivery
	for guid, d := range newest {
		if !accepted[guid] {
			missed = append(missed, d)
		}
	}
	slices.SortFunc(missed, func(a, b core.MissedDelivery) int { return a.At.Compare(b.At) })
	return missed, nil
}

func missedDelivery(integrationID string, d *github.HookDelivery) core.MissedDelivery {
	repository := ""
	if id := d.GetRepositoryID(); id != 0 {
		repository = strconv.FormatInt(id, 10)
	}
	return core.MissedDelivery{
		IntegrationID: integrationID, RepositoryID: repository, ID: strconv.FormatInt(d.GetID(), 10), DeliveryID: d.GetGUID(), Event: d.GetEvent(), Action: d.GetAction(),
		StatusCode: d.GetStatusCode(), Status: d.GetStatus(), At: d.GetDeliveredAt().Time,
	}
}

// Redeliver implements core.Surveyor. GitHub sends some time after it has agreed.
func (f *Forge) Redeliver(ctx context.Context, m core.MissedDelivery) error {
	id, err := strconv.ParseInt(m.ID, 10, 64)
	if err != nil {
		return core.Errorf(core.KindInvalid, "%q is not the id of a delivery of GitHub's", m.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	_, _, err = f.app.Apps.RedeliverHookDelivery(ctx, id)
	var agreed *github.AcceptedError // the library's word for status 202
	if err != nil && !errors.As(err, &agreed) {
		return translate(err, refusalOf(err), webhook, f.about())
	}
	return nil
}
