package core

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// AuditAction names what somebody did.
type AuditAction string

// What is audited: everything that a person changes, by whichever door.
const (
	AuditBuildTrigger      AuditAction = "build.trigger"
	AuditBuildCancel       AuditAction = "build.cancel"
	AuditBuildRerun        AuditAction = "build.rerun"
	AuditBuildFirst        AuditAction = "build.first"
	AuditQueuePause        AuditAction = "queue.pause"
	AuditQueueResume       AuditAction = "queue.resume"
	AuditProjectCreate     AuditAction = "project.create"
	AuditProjectUpdate     AuditAction = "project.update"
	AuditProjectDelete     AuditAction = "project.delete"
	AuditPipelineCreate    AuditAction = "pipeline.create"
	AuditPipelineUpdate    AuditAction = "pipeline.update"
	AuditPipelineDelete    AuditAction = "pipeline.delete"
	AuditSecretSet         AuditAction = "secret.set"
	AuditSecretDelete      AuditAction = "secret.delete"
	AuditScheduleCreate    AuditAction = "schedule.create"
	AuditScheduleUpdate    AuditAction = "schedule.update"
	AuditScheduleDelete    AuditAction = "schedule.delete"
	AuditRetention         AuditAction = "retention.update"
	AuditNotifyCreate      AuditAction = "notification.create"
	AuditNotifyUpdate      AuditAction = "notification.update"
	AuditNotifyDelete      AuditAction = "notification.delete"
	AuditNotifyTest        AuditAction = "notification.test"
	AuditArtifactLink      AuditAction = "artifact.link" // anybody who has it may load the file
	AuditShareCreate       AuditAction = "share_link.create"
	AuditShareDelete       AuditAction = "share_link.delete"
	AuditRedeliver         AuditAction = "delivery.redeliver"
	AuditApprove           AuditAction = "fork.approve"
	AuditRevoke            AuditAction = "fork.revoke"
	AuditIntegrationStart  AuditAction = "integration.start"
	AuditIntegrationSet    AuditAction = "integration.connect"
	AuditIntegrationSync   AuditAction = "integration.sync"
	AuditIntegrationDelete AuditAction = "integration.delete"
	AuditHookSecret        AuditAction = "hook_secret.renew"
	AuditRunnerRegister    AuditAction = "runner.register"
	AuditRunnerUpdate      AuditAction = "runner.update"
	AuditRunnerDelete      AuditAction = "runner.delete"
	AuditRunnerRefused     AuditAction = "runner.refused" // its token is none; once an hour and address
	AuditTokenCreate       AuditAction = "token.create"
	AuditTokenDelete       AuditAction = "token.delete"
	AuditSignIn            AuditAction = "session.begin"
	AuditSignInRefused     AuditAction = "session.refused"
	AuditSignOut           AuditAction = "session.end"
	AuditUserInvite        AuditAction = "user.invite"
	AuditUserRole          AuditAction = "user.role"
	AuditUserDisable       AuditAction = "user.disable"
	AuditUserEnable        AuditAction = "user.enable"
	AuditUserLink          AuditAction = "user.sign_in_link"
	AuditUserIntroduce     AuditAction = "user.introduce"
	AuditUserJoin          AuditAction = "user.join" // somebody who may without an invitation
	AuditUserPassword      AuditAction = "user.password"
	AuditIdentityAdd       AuditAction = "identity.connect"
	AuditIdentityDelete    AuditAction = "identity.disconnect"
	AuditKeyRotate         AuditAction = "key.rotate"
	AuditKeyReplace        AuditAction = "key.replace" // the old one is lost, and what it had sealed
	AuditBlobsOwn          AuditAction = "blobs.own"   // the database deletes from now on where artifacts and logs are
	AuditMemberSet         AuditAction = "member.set"
	AuditMemberDelete      AuditAction = "member.delete"
	AuditChatLink          AuditAction = "chat.link"
	AuditChatUnlink        AuditAction = "chat.unlink"
	AuditChatUse           AuditAction = "chat.use"
	AuditChatSubscribe     AuditAction = "chat.subscribe"
	AuditChatUnsubscribe   AuditAction = "chat.unsubscribe"
)

// AuditActions lists all of them, for those who choose one.
func AuditActions() []AuditAction {
	return []AuditAction{
		AuditBuildTrigger, AuditBuildCancel, AuditBuildRerun, AuditBuildFirst, AuditQueuePause, AuditQueueResume, AuditProjectCreate, AuditProjectUpdate, AuditProjectDelete,
		AuditPipelineCreate, AuditPipelineUpdate, AuditPipelineDelete, AuditSecretSet, AuditSecretDelete,
		AuditScheduleCreate, AuditScheduleUpdate, AuditScheduleDelete, AuditRetention,
		AuditNotifyCreate, AuditNotifyUpdate, AuditNotifyDelete, AuditNotifyTest, AuditArtifactLink, AuditShareCreate, AuditShareDelete, AuditRedeliver, AuditApprove, AuditRevoke,
		AuditIntegrationStart, AuditIntegrationSet, AuditIntegrationSync, AuditIntegrationDelete, AuditHookSecret,
		AuditRunnerRegister, AuditRunnerUpdate, AuditRunnerDelete, AuditRunnerRefused, AuditTokenCreate, AuditTokenDelete,
		AuditSignIn, AuditSignInRefused, AuditSignOut, AuditUserInvite, AuditUserRole, AuditUserDisable, AuditUserEnable, AuditUserLink, AuditUserIntroduce,
		AuditUserJoin, AuditUserPassword, AuditIdentityAdd, AuditIdentityDelete, AuditKeyRotate, AuditKeyReplace, AuditBlobsOwn,
		AuditMemberSet, AuditMemberDelete, AuditChatLink, AuditChatUnlink, AuditChatUse, AuditChatSubscribe, AuditChatUnsubscribe,
	}
}

// The kinds of things that audit entries are about.
const (
	TargetBuild        = "build"
	TargetProject      = "project"
	TargetPipeline     = "pipeline"
	TargetSecret       = "secret"
	TargetSchedule     = "schedule"
	TargetNotification = "notification"
	TargetSettings     = "settings"
	TargetArtifact     = "artifact"
	TargetShareLink    = "share_link"
	TargetDelivery     = "delivery"
	TargetPullRequest  = "pull_request"
	TargetIntegration  = "integration"
	TargetRepository   = "repository"
	TargetRunner       = "runner"
	TargetToken        = "token"
	TargetSession      = "session"
	TargetUser         = "user"
	TargetIdentity     = "identity"
	TargetKey          = "key"
	TargetChatUser     = "chat_user"
	TargetChannel      = "channel"
	TargetQueue        = "queue"
)

// AuditEntry says who did what to what, how it was before and how it is after. No secret
// is ever in it.
type AuditEntry struct {
	ID           string
	Seq          int64 // the store's: entries are numbered as they are written
	At           time.Time
	ActorKind    ActorKind
	ActorID      string // the user's; of a token that is no user's, the token's
	Actor        string // name
	CredentialID string // session or token
	Door         Door
	Address      string
	Action       AuditAction
	TargetKind   string
	TargetID     string
	Target       string // name
	ProjectID    string // the project that it is about, if it is about one
	Changes      AuditChanges
	Delivery     string // id of the message by which it was asked for
}

// AuditChange is one field, before and after.
type AuditChange struct {
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// AuditChanges are what a command changed.
type AuditChanges []AuditChange

// maxAuditValue bounds what is kept of a value, in characters.
const maxAuditValue = 200

// With adds a field unless it stayed as it was.
func (c AuditChanges) With(field string, from, to any) AuditChanges {
	before, after := auditText(from), auditText(to)
	if before == after {
		return c
	}
	return append(c, AuditChange{Field: field, From: cut(before), To: cut(after)})
}

// auditText writes a value as people read it; nil and empty values are empty.
func auditText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case *time.Time:
		if v == nil {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	case fmt.Stringer: // durations
		return v.String()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	var named string // one of the house's own kinds of string
	if json.Unmarshal(text, &named) == nil {
		return named
	}
	return string(text)
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxAuditValue {
		return s
	}
	return string([]rune(s)[:maxAuditValue-1]) + "…"
}

// AuditFilter narrows the audit log; zero fields do not narrow.
type AuditFilter struct {
	ActorID    string
	Action     AuditAction
	TargetKind string
	TargetID   string
	ProjectID  string
	From, To   time.Time // from, and before
	Before     int64     // only entries with a smaller Seq: the next page of one that goes on
}

// AuditStore keeps what people did. Nothing is ever changed in it.
type AuditStore interface {
	// AppendAudit stores an entry, in the transaction of the command that it is about.
	AppendAudit(ctx context.Context, e AuditEntry) error
	// ListAudit gives the newest first, and the total of the filter, which with Before is
	// not counted.
	ListAudit(ctx context.Context, f AuditFilter, page Page) ([]AuditEntry, int, error)
	// ListAuditAfter gives those that were written after seq, oldest first. One of a
	// transaction that began early may come late, with a smaller number than others.
	ListAuditAfter(ctx context.Context, seq int64, limit int) ([]AuditEntry, error)
	// LastAudit is the number of the newest entry; 0: there is none.
	LastAudit(ctx context.Context) (int64, error)
}
