package core

import (
	"context"
	"time"
)

// Chat is something that a person wrote or pressed where the house listens: a comment
// at a forge, a slash command or a button in Slack.
type Chat struct {
	ID       string // the sender's own, of the comment or the command
	Body     string // as written; Slack: without the leading /oore
	AuthorID string // numeric at forges: names change hands
	Author   string // login, for people
	Bot      bool   // written by a program: never a command

	// At a forge.
	Number    int    // the pull request
	Open      bool   // it is open
	SHA       string // its head when this was written, where the payload says so
	OpenerID  string // of its author, numeric
	Reactable bool   // the forge takes reactions to it
	Internal  bool   // written for some eyes alone: never answered

	// In Slack.
	Team        string
	Channel     string
	ResponseURL string // takes five answers within 30 minutes
	BuildID     string // a button's build
	Button      string // a button's verb; empty: a slash command
}

// Permission is what a forge lets a person do in a repository.
type Permission string

// The permissions, lowest first.
const (
	PermissionNone  Permission = "none"
	PermissionRead  Permission = "read"
	PermissionWrite Permission = "write" // write and maintain; GitLab: Developer and up
	PermissionAdmin Permission = "admin"
)

// Covers tells whether p lets a person do what other does.
func (p Permission) Covers(other Permission) bool {
	rank := map[Permission]int{PermissionNone: 0, PermissionRead: 1, PermissionWrite: 2, PermissionAdmin: 3}
	return rank[p] >= rank[other]
}

// Role is what a permission comes to in the house.
func (p Permission) Role() Role {
	switch p {
	case PermissionAdmin:
		return RoleMaintainer
	case PermissionWrite:
		return RoleDeveloper
	case PermissionRead:
		return RoleViewer
	case PermissionNone:
	}
	return ""
}

// Reaction is a forge's small answer to a comment.
type Reaction string

// The reactions.
const (
	ReactionSeen Reaction = "eyes"
	ReactionDone Reaction = "rocket"
	ReactionNo   Reaction = "-1"
)

// Talker is a room whose people command the house by comments. Errors as with Forge
// and Reporter; calls may be repeated freely.
type Talker interface {
	// Permission asks what a person may do now. The answer is about the person with the
	// id: a login that has changed hands is PermissionNone.
	Permission(ctx context.Context, repo Repository, userID, login string) (Permission, error)
	// FindPullRequest reads a pull request as the event that would announce it now:
	// EventPullRequest, Closed if it is.
	FindPullRequest(ctx context.Context, repo Repository, number int) (Event, error)
	// React adds a reaction to a comment; one that is there already is no error.
	React(ctx context.Context, repo Repository, c Chat, r Reaction) error
	// Reply answers in the pull request's thread, once for each key: a second call with
	// the key changes the first answer. body is Markdown in which no line begins with
	// what a person wrote; the room adds its marker.
	Reply(ctx context.Context, repo Repository, number int, key, body string) error
}

// Messenger is a chat service, Slack.
type Messenger interface {
	// Respond answers a command to the person alone, through its response URL. KindGone:
	// it has expired or is used up.
	Respond(ctx context.Context, c Chat, m Message) error
	// Post shows a build in a channel; with known, the message from an earlier call is
	// changed instead. The id is returned. KindNotFound: the bot is not in the channel.
	Post(ctx context.Context, channel string, m Message, known string) (id string, err error)
}

// Message is what is to be said in a chat, in no service's markup.
type Message struct {
	Text     string  // always set: what notifications show
	Markdown bool    // Text is our own answer: **bold**, `code`, fences, and addresses that are links
	Report   *Report // a build, with its buttons
	Link     string  // where more is to be read
}

// ChatUser links a person in Slack with a user of the house.
type ChatUser struct {
	Team     string
	MemberID string
	UserID   string
	LinkedAt time.Time
}

// Subscription tells a channel of a project's builds.
type Subscription struct {
	ID         string
	Team       string
	Channel    string
	ProjectID  string
	PipelineID string // empty: all
	On         SubscribedTo
	CreatedAt  time.Time
}

// SubscribedTo says which results a channel hears of.
type SubscribedTo string

// What a channel may hear of.
const (
	OnBroken SubscribedTo = "broken" // the first failure after a success
	OnFixed  SubscribedTo = "fixed"  // the first success after a failure, and what broke
	OnAll    SubscribedTo = "all"
)

// ChatResult is what one line of a message with commands came to. The line is Source,
// SourceID and Line: the same for every delivery of one comment.
type ChatResult struct {
	Source     string    `json:"-"` // where comments are numbered: the kind of event and the repository
	SourceID   string    `json:"-"` // the comment's, or the slash command's
	Line       int       `json:"-"` // of the comment, from 1; 0: the whole message
	DeliveryID string    `json:"-"` // that ran it
	At         time.Time `json:"-"`

	Command  string            `json:"command,omitempty"` // as ChatCommand prints it
	Text     string            `json:"text,omitempty"`    // Markdown; empty: there is nothing to answer
	Done     bool              `json:"done,omitempty"`    // something was started or stopped
	Partly   bool              `json:"partly,omitempty"`  // and something else was refused, as Text says
	Refused  string            `json:"refused,omitempty"` // the error's code: nothing was done, and Text says why
	SHA      string            `json:"sha,omitempty"`
	Verdicts []DeliveryVerdict `json:"verdicts,omitempty"`
}

// ChatStore keeps who is who in chat services, what channels want to hear, and what
// commands came to.
type ChatStore interface {
	// CreateChatResult tells whether it was stored: a line that has a result keeps it.
	CreateChatResult(ctx context.Context, r ChatResult) (created bool, err error)
	ListChatResults(ctx context.Context, source, sourceID string) ([]ChatResult, error) // by line

	// SaveChatUser inserts or updates by (Team, MemberID).
	SaveChatUser(ctx context.Context, u ChatUser) error
	FindChatUser(ctx context.Context, team, memberID string) (ChatUser, error)
	DeleteChatUser(ctx context.Context, team, memberID string) error // of an unknown one: no error

	// SaveChannelProject makes a project the default of a channel.
	SaveChannelProject(ctx context.Context, team, channel, projectID string) error
	FindChannelProject(ctx context.Context, team, channel string) (projectID string, err error)

	// SaveSubscription inserts or updates by (Team, Channel, ProjectID, PipelineID).
	SaveSubscription(ctx context.Context, s Subscription) error
	// DeleteSubscriptions ends a channel's subscriptions of a project, of the pipelines
	// alone if some are named, and says how many.
	DeleteSubscriptions(ctx context.Context, team, channel, projectID string, pipelineIDs ...string) (int, error)
	ListSubscriptions(ctx context.Context, projectID string) ([]Subscription, error) // oldest first
	ListSubscriptionsOfChannel(ctx context.Context, team, channel string) ([]Subscription, error)
}
