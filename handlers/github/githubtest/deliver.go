package githubtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Delivery says how a webhook differs from a plain one. All fields may be empty.
type Delivery struct {
	ID     string // of the delivery; empty: a new one
	Form   bool   // sent as application/x-www-form-urlencoded
	Header map[string]string
	Client *http.Client
}

// Sign is the value of X-Hub-Signature-256 for a body.
func (s *Server) Sign(body []byte) string { return Sign(s.WebhookSecret, body) }

// Sign is the value of X-Hub-Signature-256 for a body and a secret.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// NewDeliveryID makes an id as GitHub does.
func NewDeliveryID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the process would have ended
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Deliver signs a webhook and sends it to the URL, as GitHub does: once. The caller
// closes the answer's body.
func (s *Server) Deliver(to, event string, payload []byte, d Delivery) (*http.Response, error) {
	body, contentType := payload, "application/json"
	if d.Form {
		body, contentType = []byte(url.Values{"payload": {string(payload)}}.Encode()), "application/x-www-form-urlencoded"
	}
	r, err := http.NewRequest(http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if d.ID == "" {
		d.ID = NewDeliveryID()
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "GitHub-Hookshot/"+strings.ToLower(rand.Text()[:7]))
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", d.ID)
	r.Header.Set("X-GitHub-Hook-ID", "1")
	r.Header.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	r.Header.Set("X-Hub-Signature-256", s.Sign(body))
	for name, value := range d.Header {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	client := d.Client
	if client == nil {
		client = http.DefaultClient
	}
	return client.Do(r)
}
