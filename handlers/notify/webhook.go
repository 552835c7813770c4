package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Webhook posts a notice as signed JSON. It is a core.Notifier.
type Webhook struct {
	client *Client
	build  func(core.Build) any
	now    func() time.Time
}

// NewWebhook makes one. build is a build as JSON shows it: that of the API.
func NewWebhook(client *Client, build func(core.Build) any, now func() time.Time) *Webhook {
	return &Webhook{client: client, build: build, now: now}
}

type payload struct {
	Event    core.NoticeEvent `json:"event"`
	Build    any              `json:"build,omitempty"`
	Project  named            `json:"project"`
	Pipeline *named           `json:"pipeline,omitempty"`
	URL      string           `json:"url"`
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Slug string `json:"slug"`
}

// Notify implements core.Notifier; secret signs.
func (w *Webhook) Notify(ctx context.Context, n core.Notification, secret string, notice core.Notice) error {
	if secret == "" {
		return core.Errorf(core.KindInvalid, "This webhook has no signing secret; give it one")
	}
	p := payload{Event: notice.Event, Project: named{notice.Project.ID, notice.Project.Name, notice.Project.Slug}, URL: notice.Link}
	if r := notice.Report; r != nil {
		p.Build, p.Pipeline = w.build(r.Build), &named{r.Pipeline.ID, r.Pipeline.Name, r.Pipeline.Slug}
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the body of a webhook: %w", err)
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	return w.client.post(ctx, n.Target, body, http.Header{
		"X-Oore-Event":         {string(notice.Event)},
		"X-Oore-Delivery":      {notice.DeliveryID},
		"X-Oore-Timestamp":     {at},
		"X-Oore-Signature-256": {"sha256=" + sign(secret, at, body)},
	})
}

// sign covers the time too, so that an old message cannot be sent again as a new one.
func sign(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
