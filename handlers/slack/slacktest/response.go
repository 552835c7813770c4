package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// What a response URL takes.
const (
	responseUses = 5
	responseLife = 30 * time.Minute
)

type response struct {
	made     time.Time
	messages []Message
}

// ResponseURL makes an address that takes five answers within 30 minutes.
func (s *Server) ResponseURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	name := fmt.Sprintf("%s/%d", Team, s.lastID)
	s.responses[name] = &response{made: s.now()}
	return s.http.URL + "/response/" + name
}

// Responses lists what was answered at an address, oldest first.
func (s *Server) Responses(address string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.responses[address[min(len(address), len(s.http.URL+"/response/")):]]
	if r == nil {
		return nil
	}
	return append([]Message(nil), r.messages...)
}

// respond takes an answer. The caller holds mu.
func (s *Server) respond(name string, body []byte) (int, map[string]any) {
	r := s.responses[name]
	switch {
	case r == nil || s.now().Sub(r.made) > responseLife:
		return http.StatusNotFound, refuse("expired_url")
	case len(r.messages) >= responseUses:
		return http.StatusNotFound, refuse("used_url")
	}
	var in struct {
		ResponseType    string          `json:"response_type"`
		Text            string          `json:"text"`
		Blocks          json.RawMessage `json:"blocks"`
		ReplaceOriginal *bool           `json:"replace_original"`
		Token           string          `json:"token"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return http.StatusBadRequest, refuse("invalid_payload")
	}
	if in.Token != "" {
		return http.StatusBadRequest, refuse("token_in_response")
	}
	if in.ReplaceOriginal != nil && *in.ReplaceOriginal {
		return http.StatusBadRequest, refuse("test_replaces_original")
	}
	m := Message{ResponseType: in.ResponseType}
	if e := m.set(in.Text, in.Blocks); e != nil {
		return http.StatusOK, e
	}
	r.messages = append(r.messages, m)
	return http.StatusOK, map[string]any{"ok": true}
}
