package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Mattermost posts a notice to an incoming webhook. It is a core.Notifier.
type Mattermost struct{ client *Client }

// NewMattermost makes one.
func NewMattermost(client *Client) *Mattermost { return &Mattermost{client: client} }

// Notify implements core.Notifier; secret is the webhook's URL.
func (m *Mattermost) Notify(ctx context.Context, _ core.Notification, secret string, notice core.Notice) error {
	body, err := json.Marshal(map[string]string{"text": templates.Mattermost(notice)})
	if err != nil {
		return fmt.Errorf("write a message for Mattermost: %w", err)
	}
	return m.client.post(ctx, secret, body, http.Header{})
}
