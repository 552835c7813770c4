package core

import (
	"strconv"
	"time"
)

// EffectKind says what kind of thing outside an effect keeps true.
type EffectKind string

// The kinds of effects.
const (
	EffectStatus  EffectKind = "status"  // a commit status
	EffectComment EffectKind = "comment" // the sticky comment of a pull request
	EffectReply   EffectKind = "reply"   // the answer to a command
	EffectReact   EffectKind = "react"   // the reaction to a command
	EffectMessage EffectKind = "message" // a build's message in a channel
	EffectNotify  EffectKind = "notify"  // a notification of a build's end, sent once
	// EffectSettings is the one that reads: a pipeline follows its file on the default branch.
	EffectSettings EffectKind = "settings"
)

// EffectKinds lists them.
func EffectKinds() []EffectKind {
	return []EffectKind{EffectStatus, EffectComment, EffectReply, EffectReact, EffectMessage, EffectNotify, EffectSettings}
}

// Effect is one thing outside that must be made true: the outbox's row. It holds
// no payload: the sender renders what is true when it sends. It is due while Done
// is behind Wanted, so five quick changes cost one call and an old state can never
// overwrite a newer one.
type Effect struct {
	Key          string // StatusKey, CommentKey …: names the thing outside, not the build
	Kind         EffectKind
	RepositoryID string
	PipelineID   string // status, settings
	SHA          string // status; settings: the head of the default branch that was wanted last
	Number       int    // comment: the pull request
	Wanted       int64
	Done         int64
	RemoteID     string // the forge's id of the comment, once known
	Sent         string // digest of what was sent last; equal: no call; of a comment also when
	Told         string // status: the build and the state that were told last, by ToldOf; "note" for a Note
	Attempts     int
	NotBefore    time.Time
	LastError    string
	Parked       bool // given up until it is wanted anew; LastError says why
	UpdatedAt    time.Time

	BuildID        string // message, notify
	Channel        string // message: the chat's team and channel, "T1/C1"
	NotificationID string // notify

	// Note says why a status is wanted where there is no build to say it, and
	// DeliveryID which delivery it is about.
	Note       Reason
	DeliveryID string
}

// StatusKey names the status of a pipeline on a commit.
func StatusKey(pipelineID, sha string) string { return "status:" + pipelineID + ":" + sha }

// ToldOf is what Effect.Told says of a build that was told as it is.
func ToldOf(b Build) string {
	if b.ID == "" {
		return "note"
	}
	return b.ID + ":" + string(b.Status)
}

// SettingsKey names what a pipeline takes over from its file.
func SettingsKey(pipelineID string) string { return "settings:" + pipelineID }

// CommentKey names the sticky comment of a pull request.
func CommentKey(repositoryID string, number int) string {
	return "comment:" + repositoryID + ":" + strconv.Itoa(number)
}
