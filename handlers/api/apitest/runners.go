package apitest

import (
	"context"
	"io"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// AuthenticateRunner knows Secret, and says that it is Runner's. It calls Standstill first.
func (f *Commands) AuthenticateRunner(_ context.Context, _ app.Visitor, secret string) (core.Runner, error) {
	if f.Standstill != nil {
		f.Standstill()
	}
	if secret == "" || secret != f.Secret {
		return core.Runner{}, core.Errorf(core.KindUnauthorized, "This is not the token of a runner")
	}
	return f.Runner.Runner, nil
}

// ListRunners answers Runner.
func (f *Commands) ListRunners(_ context.Context, actor core.Actor) ([]app.RunnerDetail, error) {
	return []app.RunnerDetail{f.Runner}, f.note("ListRunners", actor, "", nil)
}

// FindRunner answers Runner.
func (f *Commands) FindRunner(_ context.Context, actor core.Actor, id string) (app.RunnerDetail, error) {
	return f.Runner, f.note("FindRunner", actor, id, nil)
}

// RegisterRunner answers Runner and Secret.
func (f *Commands) RegisterRunner(_ context.Context, actor core.Actor, in app.RegisterRunner) (app.RunnerDetail, string, error) {
	return f.Runner, f.Secret, f.note("RegisterRunner", actor, "", in)
}

// UpdateRunner answers Runner.
func (f *Commands) UpdateRunner(_ context.Context, actor core.Actor, id string, in app.UpdateRunner) (app.RunnerDetail, error) {
	return f.Runner, f.note("UpdateRunner", actor, id, in)
}

// DeleteRunner answers Err.
func (f *Commands) DeleteRunner(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeleteRunner", actor, id, nil)
}

// Heartbeat answers Err.
func (f *Commands) Heartbeat(_ context.Context, b core.RunnerBeat) error {
	return f.note("Heartbeat", core.Actor{}, b.RunnerID, b)
}

// Claim answers Job; without one it calls Waiting.
func (f *Commands) Claim(ctx context.Context, r core.Runner, wait time.Duration) (*core.Job, error) {
	err := f.note("Claim", core.Actor{}, r.ID, wait)
	if f.Job == nil && err == nil && f.Waiting != nil {
		f.Waiting(ctx)
	}
	return f.Job, err
}

// Renew answers Renewal; before, it calls Waiting.
func (f *Commands) Renew(ctx context.Context, l core.Lease, _ time.Duration) (core.Renewal, error) {
	if f.Waiting != nil {
		f.Waiting(ctx)
	}
	return f.Renewal, f.note("Renew", core.Actor{}, l.BuildID, l)
}

// Checkout answers an address with a credential.
func (f *Commands) Checkout(_ context.Context, l core.Lease) (core.Checkout, error) {
	return core.Checkout{URL: "https://git.example.com/shop.git", Username: "x", Password: "p"}, f.note("Checkout", core.Actor{}, l.BuildID, l)
}

// Secrets answers a value for each name.
func (f *Commands) Secrets(_ context.Context, l core.Lease, names []string) ([]core.SecretValue, error) {
	values := make([]core.SecretValue, len(names))
	for i, name := range names {
		values[i] = core.SecretValue{Name: name, Value: "value of " + name, File: true, Branch: "main"}
	}
	return values, f.note("Secrets", core.Actor{}, l.BuildID, names)
}

// Start answers Err.
func (f *Commands) Start(_ context.Context, l core.Lease, sha string) error {
	return f.note("Start", core.Actor{}, l.BuildID, sha)
}

// AppendLog answers Err.
func (f *Commands) AppendLog(_ context.Context, l core.Lease, chunks []core.LogChunk) error {
	return f.note("AppendLog", core.Actor{}, l.BuildID, chunks)
}

// ReportStep answers Err.
func (f *Commands) ReportStep(_ context.Context, l core.Lease, s core.Step) error {
	return f.note("ReportStep", core.Actor{}, l.BuildID, s)
}

// Record answers Err.
func (f *Commands) Record(_ context.Context, l core.Lease, r core.Record) error {
	return f.note("Record", core.Actor{}, l.BuildID, r)
}

// PutArtifactPart answers what would be the part's SHA-256.
func (f *Commands) PutArtifactPart(_ context.Context, l core.Lease, r io.Reader) (string, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	return "sum-of-part", f.note("PutArtifactPart", core.Actor{}, l.BuildID, len(data))
}

// Joined is what JoinArtifact was asked.
type Joined struct {
	Artifact core.Artifact
	Parts    []string
}

// JoinArtifact answers Err.
func (f *Commands) JoinArtifact(_ context.Context, l core.Lease, a core.Artifact, parts []string) error {
	return f.note("JoinArtifact", core.Actor{}, l.BuildID, Joined{a, parts})
}

// Finish answers Err.
func (f *Commands) Finish(_ context.Context, l core.Lease, r core.Result) error {
	return f.note("Finish", core.Actor{}, l.BuildID, r)
}
