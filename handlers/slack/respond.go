package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// responseHost is where Slack's response URLs lead.
const responseHost = "hooks.slack.com"

// Respond implements core.Messenger. KindInvalid: the address is none of Slack's.
func (r *Room) Respond(ctx context.Context, c core.Chat, m core.Message) error {
	if !r.mayRespond(c.ResponseURL) {
		return core.Errorf(core.KindInvalid, "The response URL is none of Slack's, so nothing was sent there")
	}
	blocks, err := blocksOf(m)
	if err != nil {
		return err
	}
	body, err := json.Marshal(slack.WebhookMessage{
		ResponseType: slack.ResponseTypeEphemeral, Text: templates.SlackText(m), Blocks: blocks, Parse: "none",
	})
	if err != nil {
		return fmt.Errorf("write an answer for Slack: %w", err)
	}
	// The library's own function does not read what Slack answers, and whether an address
	// is used up stands there.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.ResponseURL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("answer in Slack: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return unanswered(err)
	}
	defer resp.Body.Close()
	return respondError(resp)
}

// mayRespond keeps whoever can forge a command from sending us to other hosts.
func (r *Room) mayRespond(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil {
		return false
	}
	return u.Scheme == "https" && u.Host == responseHost || u.Scheme == r.api.Scheme && u.Host == r.api.Host
}

func respondError(resp *http.Response) error {
	var said struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	// Plain text, "ok", is an answer too.
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = json.Unmarshal(raw, &said)
	switch status := resp.StatusCode; {
	case status == http.StatusNotFound, status == http.StatusGone, spent(said.Error):
		return core.Errorf(core.KindGone, "Slack takes no more answers to this command: it is older than 30 minutes, or was answered five times")
	case status == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return limited(time.Duration(seconds) * time.Second)
	case status >= 500:
		return core.Errorf(core.KindUnavailable, "Slack has a problem (HTTP %d); try again", status)
	case said.Error != "" && (said.OK == nil || !*said.OK):
		return kindOf(said.Error, "")
	case status >= 300 || said.OK != nil && !*said.OK:
		return core.Errorf(core.KindInvalid, "Slack refuses the answer (HTTP %d)", status)
	}
	return nil
}

func spent(code string) bool {
	switch code {
	case "expired_url", "used_url", "Expired url", "Used url":
		return true
	}
	return false
}

// blocksOf gives the library what templates wrote.
func blocksOf(m core.Message) (*slack.Blocks, error) {
	raw, err := json.Marshal(templates.SlackBlocks(m))
	if err != nil {
		return nil, fmt.Errorf("write a message for Slack: %w", err)
	}
	var blocks slack.Blocks
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return nil, fmt.Errorf("write a message for Slack: %w", err)
	}
	return &blocks, nil
}
