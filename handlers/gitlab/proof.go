package gitlab

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signingPrefix marks a secret that signs, instead of being sent along.
const signingPrefix = "whsec_"

// signatureLife is how far a signature's time may be from ours.
const signatureLife = 5 * time.Minute

// maxLook is how much of a body is searched for the project before anything is proved.
// GitLab writes the project before the long lists.
const maxLook = 512 << 10

// proof is what a request brings to show that it comes from GitLab.
type proof struct {
	tokens              []string
	id, time, signature string // of a signing secret
	instance            string // whose it claims to be
}

func proofOf(h http.Header) proof {
	return proof{
		tokens: h.Values("X-Gitlab-Token"), instance: h.Get("X-Gitlab-Instance"),
		id: h.Get("Webhook-Id"), time: h.Get("Webhook-Timestamp"), signature: h.Get("Webhook-Signature"),
	}
}

func (p proof) missing() bool { return (len(p.tokens) == 0 || p.tokens[0] == "") && p.signature == "" }

// by tells whether the secret made the proof. An empty secret makes none.
func (p proof) by(secret string, body []byte, now time.Time) bool {
	if strings.HasPrefix(secret, signingPrefix) {
		return p.signedBy(secret, body, now)
	}
	if secret == "" || len(p.tokens) != 1 {
		return false
	}
	theirs, ours := sha256.Sum256([]byte(p.tokens[0])), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(theirs[:], ours[:]) == 1
}

// signedBy verifies a signature as standardwebhooks.com describes it.
func (p proof) signedBy(secret string, body []byte, now time.Time) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, signingPrefix))
	if err != nil || len(key) == 0 || p.id == "" {
		return false
	}
	seconds, err := strconv.ParseInt(p.time, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > signatureLife {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(p.id + "." + p.time + "."))
	mac.Write(body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, one := range strings.Fields(p.signature) {
		if hmac.Equal([]byte(one), want) {
			return true
		}
	}
	return false
}

// prove finds whose secret made the proof. What is unknown and what is wrong get the
// same answer.
func (in *inbox) prove(ctx context.Context, p proof, body []byte, accounts []account) (integrationID string, err error) {
	now := in.room.now()
	if id := p.byHost(accounts, body, now); id != "" {
		return id, nil
	}
	invalid := refusal{http.StatusUnauthorized, "invalid_token", "The token does not match the webhook secret of this project"}
	project := projectIn(body)
	if project == "" {
		return "", invalid
	}
	known, err := in.secrets(ctx, project)
	if err != nil {
		return "", err
	}
	for _, s := range known {
		if s.IntegrationID != "" && p.by(s.Secret, body, now) {
			integrationID = s.IntegrationID
		}
	}
	// The look was a short one; what is decoded later must name the same project.
	var whole envelope
	if integrationID == "" || parse("", body, &whole) != nil || whole.project() != project {
		return "", invalid
	}
	return integrationID, nil
}

// byHost finds the connection whose secret made the proof. Where hosts share a secret,
// the one that the request names; one that names none could be of any of them.
func (p proof) byHost(accounts []account, body []byte, now time.Time) (integrationID string) {
	var matching []account
	for _, a := range accounts {
		if p.by(a.Secrets.WebhookSecret, body, now) {
			matching = append(matching, a)
		}
	}
	for _, a := range matching {
		if strings.EqualFold(hostOf(p.instance), a.Host) {
			return a.ID
		}
	}
	if len(matching) == 0 || len(at(matching, matching[0].Host)) < len(matching) {
		return ""
	}
	return matching[0].ID
}

// projectIn looks for the project's id at the top of a payload and near its beginning.
func projectIn(body []byte) string {
	d := json.NewDecoder(bytes.NewReader(body[:min(len(body), maxLook)]))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return ""
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return ""
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return ""
		}
		var found id
		switch name {
		case "project_id":
			_ = found.UnmarshalJSON(value) // never fails
		case "project":
			var project struct {
				ID id `json:"id"`
			}
			if json.Unmarshal(value, &project) == nil { // else it is none
				found = project.ID
			}
		}
		if found != "" {
			return string(found)
		}
	}
	return ""
}
