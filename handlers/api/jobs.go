package api

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// JobCommands are those of runners. Between a runner and its server core's own values
// travel, written by encoding/json as they are: both ends are ours.
type JobCommands interface {
	Claim(ctx context.Context, r core.Runner, wait time.Duration) (*core.Job, error)
	Heartbeat(ctx context.Context, b core.RunnerBeat) error
	Renew(ctx context.Context, l core.Lease, wait time.Duration) (core.Renewal, error)
	Checkout(ctx context.Context, l core.Lease) (core.Checkout, error)
	Secrets(ctx context.Context, l core.Lease, names []string) ([]core.SecretValue, error)
	Start(ctx context.Context, l core.Lease, sha string) error
	AppendLog(ctx context.Context, l core.Lease, chunks []core.LogChunk) error
	ReportStep(ctx context.Context, l core.Lease, s core.Step) error
	Record(ctx context.Context, l core.Lease, r core.Record) error
	PutArtifactPart(ctx context.Context, l core.Lease, r io.Reader) (sha256 string, err error)
	JoinArtifact(ctx context.Context, l core.Lease, a core.Artifact, parts []string) error
	Finish(ctx context.Context, l core.Lease, r core.Result) error
}

// ProtocolHeader carries, in a runner's beat, the version of the protocol that it speaks
// (core.RunnerProtocol). It is no field of the body: servers of before would refuse that.
const ProtocolHeader = "X-Oore-Protocol"

// checkProtocol reads the header; without it, it is a runner of before there was one.
func checkProtocol(header string) error {
	theirs, err := strconv.Atoi(cmp.Or(header, "0"))
	if err != nil || theirs < 0 {
		return invalid("%s must be a whole number", ProtocolHeader)
	}
	return core.UnderstandRunner(theirs, core.RunnerProtocol)
}

// LeaseHeader carries the lease in every call of a runner about a build.
const LeaseHeader = "X-Oore-Lease"

// maxWait bounds how long a long poll is held, in seconds.
const maxWait = 30

type selfJSON struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Labels  []string `json:"labels"`
	Enabled bool     `json:"enabled"`
}

// Self answers GET /v1/runners/self: whose token it is.
func (a *API) Self(c *fiber.Ctx, r core.Runner) error {
	return c.JSON(selfJSON{ID: r.ID, Name: r.Name, Labels: orEmpty(r.AllLabels()), Enabled: r.Enabled})
}

// Heartbeat answers POST /v1/runners/{id}/heartbeat.
func (a *API) Heartbeat(c *fiber.Ctx, r core.Runner) error {
	if err := checkProtocol(c.Get(ProtocolHeader)); err != nil {
		return err
	}
	var b core.RunnerBeat
	if err := runnersBody(c, &b); err != nil {
		return err
	}
	b.RunnerID = r.ID
	if b.First && hungUp(c.Context().Conn()) {
		// It lay at a server that stood still: its process has asked again since, or is gone, and
		// another one speaks for the runner.
		return core.Errorf(core.KindUnavailable, "Nobody waits for the answer")
	}
	return noContent(c, a.app.Heartbeat(c.UserContext(), b))
}

// Claim answers POST /v1/runners/{id}/claim: a build, or 204 when none came.
func (a *API) Claim(c *fiber.Ctx, r core.Runner) error {
	wait, err := waitOf(c)
	if err != nil {
		return err
	}
	ctx, cancel, err := a.longPoll(c)
	if err != nil {
		return err
	}
	defer cancel()
	job, err := a.app.Claim(ctx, r, wait)
	if ctx.Err() != nil && job == nil || err == nil && job == nil {
		return c.SendStatus(fiber.StatusNoContent)
	}
	if err != nil {
		return err
	}
	return c.JSON(job)
}

// lease is the build of the path, held by the runner with the header's token.
func lease(c *fiber.Ctx, r core.Runner) (core.Lease, error) {
	id, err := parseID(c.Params("build_id"), "Build")
	if err != nil {
		return core.Lease{}, err
	}
	l := core.Lease{BuildID: id, RunnerID: r.ID, Token: c.Get(LeaseHeader)}
	if l.Token == "" {
		return l, invalid("Send the build's lease in the header %s", LeaseHeader)
	}
	return l, nil
}

// leased reads the lease and, unless into is nil, the body.
func leased(c *fiber.Ctx, r core.Runner, into any) (core.Lease, error) {
	l, err := lease(c, r)
	if err == nil && into != nil {
		err = runnersBody(c, into)
	}
	return l, err
}

func noContent(c *fiber.Ctx, err error) error {
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// Renew answers POST /v1/runners/{id}/jobs/{build_id}/renew, at once when the build is
// to be stopped.
func (a *API) Renew(c *fiber.Ctx, r core.Runner) error {
	l, err := leased(c, r, nil)
	if err != nil {
		return err
	}
	wait, err := waitOf(c)
	if err != nil {
		return err
	}
	ctx, cancel, err := a.longPoll(c)
	if err != nil {
		return err
	}
	defer cancel()
	renewal, err := a.app.Renew(ctx, l, wait)
	switch {
	case err != nil && ctx.Err() != nil && core.KindOf(err) == core.KindInternal: // it broke off; the runner asks again
		return stops().Because(err)
	case err != nil:
		return err
	}
	return c.JSON(renewal)
}

// Checkout answers POST …/checkout: address and credential for one fetch.
func (a *API) Checkout(c *fiber.Ctx, r core.Runner) error {
	l, err := leased(c, r, nil)
	if err != nil {
		return err
	}
	checkout, err := a.app.Checkout(c.UserContext(), l)
	if err != nil {
		return err
	}
	return c.JSON(checkout)
}

type secretNamesBody struct {
	Names []string `json:"names"`
}

type secretValuesJSON struct {
	Secrets []core.SecretValue `json:"secrets"`
}

// Secrets answers POST …/secrets: the values that the build's configuration names.
func (a *API) Secrets(c *fiber.Ctx, r core.Runner) error {
	var in secretNamesBody
	l, err := leased(c, r, &in)
	if err != nil {
		return err
	}
	secrets, err := a.app.Secrets(c.UserContext(), l, in.Names)
	if err != nil {
		return err
	}
	return c.JSON(secretValuesJSON{secrets})
}

type startBody struct {
	SHA string `json:"commit_sha"`
}

// Start answers POST …/start.
func (a *API) Start(c *fiber.Ctx, r core.Runner) error {
	var in startBody
	l, err := leased(c, r, &in)
	if err != nil {
		return err
	}
	if in.SHA != "" && !core.ValidSHA(in.SHA) {
		return invalid("commit_sha must be a full commit id")
	}
	return noContent(c, a.app.Start(c.UserContext(), l, in.SHA))
}

type logChunksBody struct {
	Chunks []core.LogChunk `json:"chunks"`
}

// AppendLog answers POST …/logs.
func (a *API) AppendLog(c *fiber.Ctx, r core.Runner) error {
	var in logChunksBody
	l, err := leased(c, r, &in)
	if err != nil {
		return err
	}
	for _, chunk := range in.Chunks {
		if _, err := chunk.Records(); err != nil {
			return invalid("chunks: %s", err)
		}
	}
	return noContent(c, a.app.AppendLog(c.UserContext(), l, in.Chunks))
}

// ReportStep answers POST …/steps.
func (a *API) ReportStep(c *fiber.Ctx, r core.Runner) error {
	var s core.Step
	l, err := leased(c, r, &s)
	if err != nil {
		return err
	}
	return noContent(c, a.app.ReportStep(c.UserContext(), l, s))
}

// Record answers POST …/record: what the build was about to do, and its single tests.
func (a *API) Record(c *fiber.Ctx, r core.Runner) error {
	var record core.Record
	l, err := leased(c, r, &record)
	if err != nil {
		return err
	}
	return noContent(c, a.app.Record(c.UserContext(), l, record))
}

type partJSON struct {
	SHA256 string `json:"sha256"`
}

// PutArtifactPart answers POST …/artifacts/parts: the body is a part of a file.
func (a *API) PutArtifactPart(c *fiber.Ctx, r core.Runner) error {
	l, err := leased(c, r, nil)
	if err != nil {
		return err
	}
	sum, err := a.app.PutArtifactPart(c.UserContext(), l, bytes.NewReader(c.Request().Body()))
	if err != nil {
		return err
	}
	return c.JSON(partJSON{sum})
}

type joinArtifactBody struct {
	Artifact core.Artifact `json:"artifact"`
	Parts    []string      `json:"parts"`
}

const (
	// maxJoinWait is how long a runner is kept waiting for a file to be put together: less
	// than proxies let an answer take.
	maxJoinWait   = 20 * time.Second
	joinAgain     = "1" // seconds
	respondsAsync = "respond-async"
)

// joinWait reads the header Prefer of RFC 7240: whether the runner takes the answer that
// the file is not there yet, and how long it would wait.
func joinWait(c *fiber.Ctx) (wait time.Duration, asks bool) {
	wait = maxJoinWait
	for part := range strings.SplitSeq(c.Get("Prefer"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name == respondsAsync {
			asks = true
		}
		if seconds, err := strconv.Atoi(value); name == "wait" && err == nil && seconds >= 0 {
			wait = min(time.Duration(seconds)*time.Second, maxJoinWait)
		}
	}
	return wait, asks
}

// JoinArtifact answers POST …/artifacts: the file is made of parts that are there. A runner
// that prefers so is answered 202 while that goes on, and asks again; one that knows nothing
// of it waits, and finds what it began when it comes again.
func (a *API) JoinArtifact(c *fiber.Ctx, r core.Runner) error {
	var in joinArtifactBody
	l, err := leased(c, r, &in)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	wait, asks := joinWait(c)
	if asks {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	err = a.app.JoinArtifact(ctx, l, in.Artifact, in.Parts)
	if asks && core.CodeOf(err) == core.CodeArtifactJoining {
		c.Set(fiber.HeaderRetryAfter, joinAgain)
		c.Status(fiber.StatusAccepted)
		return nil
	}
	return noContent(c, err)
}

// Finish answers POST …/finish.
func (a *API) Finish(c *fiber.Ctx, r core.Runner) error {
	var result core.Result
	l, err := leased(c, r, &result)
	if err != nil {
		return err
	}
	switch result.Status {
	case core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut, core.BuildCanceled:
		return noContent(c, a.app.Finish(c.UserContext(), l, result))
	case core.BuildQueued, core.BuildAssigned, core.BuildRunning, core.BuildExpired:
	}
	return invalid("Status must be succeeded, failed, timed_out or canceled")
}

func waitOf(c *fiber.Ctx) (time.Duration, error) {
	seconds, err := queryInt(c, "wait", maxWait, 0, maxWait)
	return time.Duration(seconds) * time.Second, err
}
