package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Delivery says how a webhook differs from a plain one. All fields may be empty.
type Delivery struct {
	ID     string // of the delivery; empty: a new one
	Form   bool   // sent as application/x-www-form-urlencoded
	Header map[string]string
	Client *http.Client
	At     time.Time // when GitHub says that it was; zero: now
}

// Sign is the value of X-Hub-Signature-256 for a body.
func (a *App) Sign(body []byte) string { return Sign(a.WebhookSecret, body) }

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

// Deliver signs a webhook and sends it to the URL, as GitHub does: once. What came of
// it stands in Deliveries. The caller closes the answer's body.
func (a *App) Deliver(to, event string, payload []byte, d Delivery) (*http.Response, error) {
	if d.ID == "" {
		d.ID = NewDeliveryID()
	}
	m := &message{app: a, to: to, event: event, payload: payload, how: d}
	at := d.At
	if at.IsZero() {
		at = time.Now()
	}
	return a.server.try(context.Background(), m, at, false)
}

// message is a webhook that can be sent again.
type message struct {
	app       *App
	to, event string
	payload   []byte
	how       Delivery
}

func (m *message) request(ctx context.Context) (*http.Request, error) {
	body, contentType := m.payload, "application/json"
	if m.how.Form {
		body, contentType = []byte(url.Values{"payload": {string(m.payload)}}.Encode()), "application/x-www-form-urlencoded"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "GitHub-Hookshot/"+strings.ToLower(rand.Text()[:7]))
	r.Header.Set("X-GitHub-Event", m.event)
	r.Header.Set("X-GitHub-Delivery", m.how.ID)
	r.Header.Set("X-GitHub-Hook-ID", "1")
	r.Header.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	r.Header.Set("X-GitHub-Hook-Installation-Target-ID", strconv.FormatInt(m.app.AppID, 10))
	r.Header.Set("X-Hub-Signature-256", m.app.Sign(body))
	for name, value := range m.how.Header {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	return r, nil
}

func (m *message) client() *http.Client {
	if m.how.Client != nil {
		return m.how.Client
	}
	return http.DefaultClient
}
