package store

import (
	"time"

	"github.com/oore-ci/oore/app/core"
)

type buildRow struct {
	ID             string `gorm:"primaryKey"`
	ProjectID      string
	PipelineID     string
	Number         int
	Status         string
	StatusReason   string
	StatusMessage  string
	TriggerType    string
	TriggerActor   string
	TriggerEvent   string
	TriggerRef     string
	TriggerUser    string
	ChatChannel    string
	Note           string
	Platforms      []string `gorm:"serializer:json"`
	Branch         string
	Tag            string
	SHA            string
	CommitMessage  string
	CommitAuthor   string
	PRNumber       *int
	PRTitle        string
	PRURL          string `gorm:"column:pr_url"`
	PRFork         bool
	DedupeKey      *string
	DeliveryID     string
	SourceBuildID  string
	LostRuns       int
	RunnerID       string
	RunnerName     string
	LeaseToken     string
	LeaseExpiresAt int64
	Timeout        time.Duration `gorm:"column:timeout_ns"`
	Labels         []string      `gorm:"serializer:json"`
	ExitCode       *int
	QueuedAt       int64
	AssignedAt     *int64
	StartedAt      *int64
	FinishedAt     *int64
	Created        int64             `gorm:"column:created_at"`
	Updated        int64             `gorm:"column:updated_at"`
	Problems       []core.Annotation `gorm:"serializer:json"`
	Tests          *core.TestSummary `gorm:"serializer:json"`
}

// TableName is gorm's.
func (buildRow) TableName() string { return "builds" }

func newBuildRow(b core.Build) buildRow {
	r := buildRow{
		ID: b.ID, ProjectID: b.ProjectID, PipelineID: b.PipelineID, Number: b.Number,
		Status: string(b.Status), StatusReason: b.StatusReason, StatusMessage: b.StatusMessage,
		TriggerType: string(b.TriggerType), TriggerActor: b.TriggerActor, TriggerEvent: b.TriggerEvent, TriggerRef: b.TriggerRef,
		TriggerUser: b.TriggerUser, ChatChannel: b.ChatChannel, Note: b.Note, Platforms: b.Platforms,
		Branch: b.Branch, Tag: b.Tag, SHA: b.SHA, CommitMessage: b.CommitMessage, CommitAuthor: b.CommitAuthor,
		DeliveryID: b.DeliveryID, SourceBuildID: b.SourceBuildID, LostRuns: b.LostRuns,
		RunnerID: b.RunnerID, RunnerName: b.RunnerName, LeaseToken: b.LeaseToken, LeaseExpiresAt: micros(b.LeaseExpiresAt),
		Timeout: b.Timeout, Labels: b.Labels, ExitCode: b.ExitCode,
		QueuedAt: micros(b.QueuedAt), AssignedAt: microsOrNil(b.AssignedAt), StartedAt: microsOrNil(b.StartedAt), FinishedAt: microsOrNil(b.FinishedAt),
		Created: micros(b.CreatedAt), Updated: micros(b.UpdatedAt), Problems: b.Problems, Tests: b.Tests,
	}
	if pr := b.PullRequest; pr != nil {
		r.PRNumber, r.PRTitle, r.PRURL, r.PRFork = &pr.Number, pr.Title, pr.URL, pr.Fork
	}
	if b.DedupeKey != "" {
		r.DedupeKey = &b.DedupeKey
	}
	return r
}

func (r buildRow) toCore() core.Build {
	b := core.Build{
		ID: r.ID, ProjectID: r.ProjectID, PipelineID: r.PipelineID, Number: r.Number,
		Status: core.BuildStatus(r.Status), StatusReason: r.StatusReason, StatusMessage: r.StatusMessage,
		TriggerType: core.TriggerType(r.TriggerType), TriggerActor: r.TriggerActor, TriggerEvent: r.TriggerEvent, TriggerRef: r.TriggerRef,
		TriggerUser: r.TriggerUser, ChatChannel: r.ChatChannel, Note: r.Note, Platforms: r.Platforms,
		Branch: r.Branch, Tag: r.Tag, SHA: r.SHA, CommitMessage: r.CommitMessage, CommitAuthor: r.CommitAuthor,
		DeliveryID: r.DeliveryID, SourceBuildID: r.SourceBuildID, LostRuns: r.LostRuns,
		RunnerID: r.RunnerID, RunnerName: r.RunnerName, LeaseToken: r.LeaseToken, LeaseExpiresAt: instant(r.LeaseExpiresAt),
		Timeout: r.Timeout, Labels: r.Labels, ExitCode: r.ExitCode,
		QueuedAt: instant(r.QueuedAt), AssignedAt: instantOrNil(r.AssignedAt), StartedAt: instantOrNil(r.StartedAt), FinishedAt: instantOrNil(r.FinishedAt),
		CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated), Problems: r.Problems, Tests: r.Tests,
	}
	if r.PRNumber != nil {
		b.PullRequest = &core.PullRequest{Number: *r.PRNumber, Title: r.PRTitle, URL: r.PRURL, Fork: r.PRFork}
	}
	if r.DedupeKey != nil {
		b.DedupeKey = *r.DedupeKey
	}
	return b
}
