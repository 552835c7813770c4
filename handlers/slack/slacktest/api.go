package slacktest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// authorized is nil when the token may do what needs the scope.
func (s *Server) authorized(form url.Values, scope string) map[string]any {
	switch token := form.Get("token"); {
	case token == "":
		return refuse("not_authed")
	case s.token == "" && token == BotToken:
		return refuse("token_revoked")
	case token != s.token:
		return refuse("invalid_auth")
	case scope != "" && !slices.Contains(s.scopes, scope):
		e := refuse("missing_scope")
		e["needed"], e["provided"] = scope, strings.Join(s.scopes, ",")
		return e
	}
	return nil
}

func (s *Server) authTest(form url.Values) map[string]any {
	if e := s.authorized(form, ""); e != nil {
		return e
	}
	return map[string]any{"ok": true, "team": "test", "team_id": Team, "user": "oore", "user_id": "U0OORE", "bot_id": "B0OORE"}
}

func (s *Server) postMessage(form url.Values) map[string]any {
	if e := s.authorized(form, "chat:write"); e != nil {
		return e
	}
	channel := form.Get("channel")
	switch member, known := s.channels[channel]; {
	case !known:
		return refuse("channel_not_found")
	case !member:
		return refuse("not_in_channel")
	}
	m := &Message{Channel: channel, TS: s.nextTS()}
	if e := m.fill(form); e != nil {
		return e
	}
	s.messages = append(s.messages, m)
	return said(m)
}

func (s *Server) update(form url.Values) map[string]any {
	if e := s.authorized(form, "chat:write"); e != nil {
		return e
	}
	channel, ts := form.Get("channel"), form.Get("ts")
	if _, known := s.channels[channel]; !known {
		return refuse("channel_not_found")
	}
	for _, m := range s.messages {
		if m.Channel != channel || m.TS != ts {
			continue
		}
		if e := m.fill(form); e != nil {
			return e
		}
		m.Edits++
		return said(m)
	}
	return refuse("message_not_found")
}

func said(m *Message) map[string]any {
	return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text}
}

func (m *Message) fill(form url.Values) map[string]any {
	var blocks json.RawMessage
	if raw := form.Get("blocks"); raw != "" {
		blocks = json.RawMessage(raw)
	}
	return m.set(form.Get("text"), blocks)
}

// set takes a new text and new blocks, if Slack would take them.
func (m *Message) set(text string, blocks json.RawMessage) map[string]any {
	switch {
	case text == "" && len(blocks) == 0:
		return refuse("no_text")
	case len([]rune(text)) > maxMessage:
		return refuse("msg_too_long")
	}
	if len(blocks) > 0 {
		if err := Validate(blocks); err != nil {
			e := refuse("invalid_blocks")
			e["response_metadata"] = map[string]any{"messages": []string{err.Error()}}
			return e
		}
	}
	m.Text, m.Blocks, m.Mentions = text, blocks, mentions(text, blocks)
	return nil
}
