package slacktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Patience is how long Slack waits before it tells the person that the app failed. Send
// waits longer, for a busy machine.
const Patience = 3 * time.Second

// Reply is what came back.
type Reply struct {
	Status int
	Body   []byte
	Took   time.Duration
}

// Text is what the person is shown at once; empty: nothing.
func (r Reply) Text() string {
	var said struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(r.Body, &said)
	return said.Text
}

// Ephemeral tells whether the person alone is shown it.
func (r Reply) Ephemeral() bool {
	var said struct {
		ResponseType string `json:"response_type"`
	}
	return json.Unmarshal(r.Body, &said) == nil && said.ResponseType == "ephemeral"
}

// Command is the form of a slash command, with a trigger and a response URL of its own.
func (s *Server) Command(text string) url.Values {
	address := s.ResponseURL()
	return url.Values{
		"token": {"unused"}, "team_id": {Team}, "team_domain": {"test"}, "channel_id": {Channel}, "channel_name": {"builds"},
		"user_id": {User}, "user_name": {UserName}, "command": {"/oore"}, "text": {text}, "api_app_id": {"A0TEST"},
		"is_enterprise_install": {"false"}, "response_url": {address}, "trigger_id": {s.trigger()},
	}
}

// Press is the form of a button pressed under a message, with a response URL of its own.
func (s *Server) Press(m Message, actionID, value string) url.Values {
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "api_app_id": "A0TEST", "token": "unused", "trigger_id": s.trigger(), "response_url": s.ResponseURL(),
		"user":    map[string]any{"id": User, "username": UserName, "name": UserName, "team_id": Team},
		"team":    map[string]any{"id": Team, "domain": "test"},
		"channel": map[string]any{"id": m.Channel, "name": "builds"},
		"container": map[string]any{
			"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": false,
		},
		"message": map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "blocks": m.Blocks},
		"actions": []any{map[string]any{
			"type": "button", "action_id": actionID, "block_id": "b1", "value": value, "action_ts": s.ts(),
			"text": map[string]any{"type": "plain_text", "text": "Button"},
		}},
	})
	if err != nil {
		panic(fmt.Sprintf("slacktest: %v", err)) // the blocks were valid when they were stored
	}
	return url.Values{"payload": {string(payload)}}
}

func (s *Server) ts() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextTS()
}

func (s *Server) trigger() string { return s.ts() + ".test" }

// Send sends a form to a door of the app as Slack does. Where it took longer than
// Patience, the person would see "operation_timeout".
func (s *Server) Send(address string, form url.Values) (Reply, error) {
	return s.SendAt(address, form, time.Now())
}

// SendAt is Send signed with another time.
func (s *Server) SendAt(address string, form url.Values, at time.Time) (Reply, error) {
	body := form.Encode()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return Reply{}, fmt.Errorf("send to the app: %w", err)
	}
	Sign(r, body, SigningSecret, at)
	client := http.Client{Timeout: time.Minute}
	start := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return Reply{Took: time.Since(start)}, fmt.Errorf("send to the app: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return Reply{Status: resp.StatusCode, Body: answer, Took: time.Since(start)}, err
}

// Sign gives a request the headers of one from Slack.
func Sign(r *http.Request, body, secret string, at time.Time) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":" + body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
}
