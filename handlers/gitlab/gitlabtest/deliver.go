package gitlabtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The values of X-Gitlab-Event.
const (
	PushHook         = "Push Hook"
	TagPushHook      = "Tag Push Hook"
	MergeRequestHook = "Merge Request Hook"
	NoteHook         = "Note Hook"
	SystemHook       = "System Hook"

	ConfidentialNoteHook = "Confidential Note Hook"
)

// Delivery says how a webhook is sent. All fields may be empty.
type Delivery struct {
	Token  string // the webhook's secret; one that begins with whsec_ signs
	Key    string // Idempotency-Key; empty: a new one
	Header map[string]string
	Client *http.Client
}

// NewKey makes a key as GitLab does.
func NewKey() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Sign is the value of webhook-signature. The secret is one that signs.
func Sign(secret, id, seconds string, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic("gitlabtest: " + err.Error()) // a defect of the test
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + seconds + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Deliver sends a webhook to the URL, as GitLab does: once. The caller closes the
// answer's body.
func (s *Server) Deliver(to, event string, payload []byte, d Delivery) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodPost, to, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	if d.Key == "" {
		d.Key = NewKey()
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitLab/17.9.0", "X-Gitlab-Event": event, "X-Gitlab-Instance": s.URL(),
		"X-Gitlab-Webhook-UUID": NewKey(), "X-Gitlab-Event-UUID": NewKey(), "Idempotency-Key": d.Key,
	} {
		r.Header.Set(name, value)
	}
	if strings.HasPrefix(d.Token, "whsec_") {
		seconds := strconv.FormatInt(time.Now().Unix(), 10)
		r.Header.Set("Webhook-Id", d.Key)
		r.Header.Set("Webhook-Timestamp", seconds)
		r.Header.Set("Webhook-Signature", Sign(d.Token, d.Key, seconds, payload))
	} else if d.Token != "" {
		r.Header.Set("X-Gitlab-Token", d.Token)
	}
	for name, value := range d.Header {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	if d.Client == nil {
		d.Client = http.DefaultClient
	}
	return d.Client.Do(r)
}

// Fire sends an event to all webhooks of the project that want it, and returns what
// each answered (0: nobody did). A webhook that fails too often in a row is disabled.
func (s *Server) Fire(p Project, event string, payload []byte) []int {
	s.mu.Lock()
	var wanted []*Hook
	for _, h := range s.byID(p.ID).hooks {
		if h.wants(event) && h.AlertStatus == "executable" {
			wanted = append(wanted, h)
		}
	}
	s.mu.Unlock()
	var statuses []int
	for _, h := range wanted {
		statuses = append(statuses, s.execute(h, event, payload, NewKey()))
	}
	s.notify()
	return statuses
}

func (h *Hook) wants(event string) bool {
	switch event {
	case PushHook:
		return h.Push
	case TagPushHook:
		return h.TagPush
	case MergeRequestHook:
		return h.MergeRequests
	case NoteHook:
		return h.Notes
	}
	return false
}
