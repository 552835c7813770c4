package core

import (
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// NotificationKind says by what way people hear of builds beside the forge.
type NotificationKind string

// The kinds of notifications.
const (
	NotifySlack      NotificationKind = "slack"      // a channel
	NotifyMattermost NotificationKind = "mattermost" // an incoming webhook
	NotifyEmail      NotificationKind = "email"
	NotifyWebhook    NotificationKind = "webhook" // a signed JSON body to any address
)

// NotificationKinds lists the kinds in the order in which people are offered them.
func NotificationKinds() []NotificationKind {
	return []NotificationKind{NotifySlack, NotifyMattermost, NotifyEmail, NotifyWebhook}
}

// HasSecret tells whether what is sent that way needs something secret.
func (k NotificationKind) HasSecret() bool { return k == NotifyMattermost || k == NotifyWebhook }

// Notification tells somebody of the ends of a project's builds.
type Notification struct {
	ID         string
	ProjectID  string
	Kind       NotificationKind
	Target     string   // channel id, addresses, URL; Mattermost: the host alone, since the URL is the secret
	Sealed     []byte   // webhook: the signing secret; Mattermost: the URL; readable for the vault alone
	PipelineID string   // empty: all
	Branches   []string // patterns as in a trigger; empty: everything
	On         SubscribedTo
	Enabled    bool
	LastError  string // why the last message did not arrive, in a sentence; empty: it did
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// NotifyKey names the message of a notification about a build.
func NotifyKey(notificationID, buildID string) string {
	return "notify:" + notificationID + ":" + buildID
}

// Validate checks what a person may set but the target, which ParseTarget checks. Faults
// are worded as Pipeline.Validate does.
func (n Notification) Validate() error {
	return firstError(
		invalid("kind", checkOneOf(n.Kind, NotificationKinds()...)),
		each("branches", n.Branches, maxListItems, checkRefPattern),
		invalid("on", checkOneOf(n.On, OnBroken, OnFixed, OnAll)),
	)
}

// Covers tells whether the notification is about builds like b. One that names branches
// is not about tags, nor about a fork's branch of that name.
func (n Notification) Covers(b Build) bool {
	if n.PipelineID != "" && n.PipelineID != b.PipelineID {
		return false
	}
	if len(n.Branches) == 0 {
		return true
	}
	ours := b.Tag == "" && (b.PullRequest == nil || !b.PullRequest.Fork)
	return ours && MatchBranch(n.Branches, b.Branch)
}

const (
	maxTargetLength = 2048
	maxAddresses    = 20
)

var channelID = regexp.MustCompile(`\A[CGD][A-Z0-9]{2,31}\z`)

// ParseTarget reads where messages go: what people may see of it, and what of it is a
// secret. KindInvalid says what is wrong, beginning with the field's name.
func (k NotificationKind) ParseTarget(raw string) (shown, secret string, err error) {
	raw = strings.TrimSpace(raw)
	if wrong := checkText(raw, maxTargetLength); wrong != "" {
		return "", "", invalid("target", wrong)
	}
	switch k {
	case NotifySlack:
		if !channelID.MatchString(raw) {
			return "", "", invalid("target", "must be the id of a channel, for example C0123ABCD; Slack shows it at the end of the channel's details")
		}
		return raw, "", nil
	case NotifyEmail:
		shown, wrong := parseAddresses(raw)
		return shown, "", invalid("target", wrong)
	case NotifyMattermost, NotifyWebhook:
		host, wrong := parseHookURL(raw)
		if k == NotifyMattermost {
			return host, raw, invalid("target", wrong)
		}
		return raw, "", invalid("target", wrong)
	}
	return "", "", invalid("kind", checkOneOf(k, NotificationKinds()...))
}

func parseHookURL(raw string) (host, wrong string) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
		return "", "must be an address that starts with https:// or http://"
	}
	if u.User != nil {
		return "", "must not contain a user or password, which everybody here would see"
	}
	return u.Host, ""
}

// parseAddresses takes plain addresses, parted by commas or lines.
func parseAddresses(raw string) (list, wrong string) {
	var all []string
	for _, one := range strings.FieldsFunc(raw, func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == '\r' }) {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		parsed, err := mail.ParseAddress(one)
		if err != nil || parsed.Address != one || strings.ContainsAny(one, `"()[]<>\`) {
			return "", fmt.Sprintf("has %q, which is no e-mail address", truncate(one, 100))
		}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return "", "must have an e-mail address"
	}
	return strings.Join(all, ", "), checkCount(len(all), maxAddresses)
}

// Addresses are those that an e-mail notification goes to.
func (n Notification) Addresses() []string { return strings.Split(n.Target, ", ") }

// ValidSigningSecret checks what a person chose to sign webhooks with.
func ValidSigningSecret(s string) error {
	if len(s) < 16 {
		return invalid("secret", "must have at least 16 characters; leave it out to have one made")
	}
	return invalid("secret", checkLine(s, 200))
}

// NoticeEvent says what a notice is about.
type NoticeEvent string

// The events.
const (
	NoticeFinished NoticeEvent = "build.finished"
	NoticePing     NoticeEvent = "ping" // somebody tries whether messages arrive
)

// Notice is what a notification says. Report is nil for a ping.
type Notice struct {
	Message
	Event       NoticeEvent
	DeliveryID  string // stays the same when it is sent again
	Project     Project
	SettingsURL string // where it is changed who hears of what
}

// Notifier brings notices by one way. Implementations are safe for concurrent use; a
// call may come again for a notice that arrived. Errors: KindInvalid, KindForbidden,
// KindGone: trying again is of no use; KindUnavailable: it may be.
type Notifier interface {
	// Notify brings the notice to the target. secret is what ParseTarget or the person
	// gave: webhook: the signing secret; Mattermost: the URL.
	Notify(ctx context.Context, n Notification, secret string, notice Notice) error
}

// NotificationStore keeps who is told of builds.
type NotificationStore interface {
	CreateNotification(ctx context.Context, n Notification) error
	// UpdateNotification stores everything but project, kind and birth.
	UpdateNotification(ctx context.Context, n Notification) error
	// NoteNotification stores LastError alone; of an unknown one: no error.
	NoteNotification(ctx context.Context, id, lastError string) error
	DeleteNotification(ctx context.Context, id string) error
	FindNotification(ctx context.Context, id string) (Notification, error)
	ListNotifications(ctx context.Context, projectID string) ([]Notification, error) // oldest first
}
