package core

import "time"

// DeliveryStatus is the state of a message from outside.
type DeliveryStatus string

// The states of a delivery.
const (
	DeliveryReceived  DeliveryStatus = "received"
	DeliveryProcessed DeliveryStatus = "processed" // at least one pipeline matched
	DeliveryIgnored   DeliveryStatus = "ignored"   // understood, and nothing came of it
	DeliveryFailed    DeliveryStatus = "failed"    // our fault; redelivery tries again
)

// Delivery is a message from outside, kept as it came. (Provider, DeliveryID) is
// unique: the second of two is a duplicate.
type Delivery struct {
	ID         string
	Provider   Provider
	DeliveryID string // the sender's identity for it
	// IntegrationID is whose secret proved it; a delivery is believed about that
	// integration's host alone. Empty: the house itself, or ProviderGit.
	IntegrationID string
	Event         string // the sender's word for the kind, e.g. "pull_request"
	Payload       []byte
	BodySHA256    string // of the payload, where that is no longer kept; empty: it is

	Action     string
	Repository string
	Ref        string
	SHA        string
	Actor      string

	Status      DeliveryStatus
	Reason      Reason
	Verdicts    []DeliveryVerdict
	Reply       string // Markdown, what a command is answered with; empty: a reaction is answer enough
	Attempts    int
	NotBefore   time.Time // not tried before
	ReceivedAt  time.Time
	TakenAt     time.Time // when this server began to decide about it; not stored
	ProcessedAt *time.Time
}

// DeliveryVerdict is what one pipeline made of a delivery.
type DeliveryVerdict struct {
	PipelineID string `json:"pipeline_id"`
	Pipeline   string `json:"pipeline"`
	ProjectID  string `json:"project_id"`
	Project    string `json:"project"`
	Matched    bool   `json:"matched"`
	Code       string `json:"code"`
	Reason     string `json:"reason"`
	BuildID    string `json:"build_id,omitempty"`
}

// DeliveryFilter narrows a list of deliveries; zero fields do not narrow.
type DeliveryFilter struct {
	Provider   Provider
	Status     DeliveryStatus
	Repository string
	SHA        string
	SHAPrefix  string // lower-case hex digits
}

// Decoder turns a provider's payload into the normal form. What cannot start a
// build is no error: it is an Event whose Ignored says why. A payload that is not
// what the provider documents is KindInvalid.
type Decoder interface {
	Decode(event string, payload []byte) (Event, error)
}
